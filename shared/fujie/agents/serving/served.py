"""What a protocol's routes are given: the runs, the door, and what the agent says of itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig, AgentMetadata
from fujie.agents.inbound import Inbound
from fujie.agents.port import Runs
from fujie.agents.pushes.late import LatePushes
from fujie.agents.work import Work
from fujie.secret import Secret

if TYPE_CHECKING:
    from fujie.agents.tool_client import Tools


class Served(Struct, frozen=True):
    """One agent as it is served."""

    runs: Runs
    inbound: Inbound
    metadata: AgentMetadata
    config: AgentConfig = field(default_factory=AgentConfig)
    app: AgentApp | None = None
    """What the agent's developer wrote, where a protocol asks more of it: its ping, its web socket."""
    work: Work = field(default_factory=Work)
    """What its functions do in the background."""
    public_url: str = ""
    """Scheme and host under which callers reach it, without a slash at the end; empty when only the request tells."""

    issuers: Sequence[str] = ()
    """Whose tokens are taken, for clients that must find out where to get one."""

    pushes: LatePushes | None = None
    """Who hears how a run goes, beside whoever asked."""
    tools: "Tools | None" = None
    """What the agent may call, where callers who are let in are told."""
    card_key: Secret | None = None
    """Private JWK (EC P-256), or a set of them with the newest first, that signs the agent card."""

    @property
    def name(self) -> str:
        """The agent's name, where a protocol asks for models."""
        return self.metadata.name
