"""What a protocol's routes are given: the runs, the door, and what the agent says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fujie.agents.config import AgentConfig, AgentMetadata
from fujie.agents.inbound import Inbound
from fujie.agents.port import Runs


@dataclass(frozen=True)
class Served:
    """One agent as it is served."""

    runs: Runs
    inbound: Inbound
    metadata: AgentMetadata
    config: AgentConfig = field(default_factory=AgentConfig)
    public_url: str = ""
    """Scheme and host under which callers reach it, without a slash at the end; empty when only the request tells."""

    issuers: Sequence[str] = ()
    """Whose tokens are taken, for clients that must find out where to get one."""

    @property
    def name(self) -> str:
        """The agent's name, where a protocol asks for models."""
        return self.metadata.name
