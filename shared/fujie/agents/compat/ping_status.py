"""Two nouns that PPIO and AgentCore share."""

from enum import StrEnum

from fujie.agents.handler import RunContext

__all__ = ["PingStatus", "RequestContext"]

RequestContext = RunContext
"""`session_id`, `request_id`, `headers` (PPIO) and `request_headers` (AgentCore)."""


class PingStatus(StrEnum):
    """How an agent is."""

    HEALTHY = "Healthy"
    HEALTHY_BUSY = "HealthyBusy"
