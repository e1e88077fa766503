"""How an agent is served, and what it says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class AgentMetadata:
    """What `/metadata`, the agent card and the list of models say."""

    name: str
    version: str = "0.1.0"
    description: str = ""
    author: str = ""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class AgentConfig:
    """Limits, with safe defaults."""

    timeout_s: float = 570.0
    """The longest that one run may take; below the ten minutes that Function Compute gives a request."""
    max_body_bytes: int = MAX_BODY_BYTES
    max_open_requests: int = 1024
