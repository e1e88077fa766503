"""PPIO's apps: `ppio_agent_runtime.PPIOAgentRuntimeApp`, and `AgentRuntimeApp` of `ppio_sandbox.agent_runtime`."""

from typing import Any

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.handler import CURRENT_RUN, RunContext


class PPIOAgentRuntimeApp(AgentApp):
    """Open to callers on this machine, where theirs was open to pages of every site; a `config` says otherwise."""

    def __init__(self, *, debug: bool = False, config: AgentConfig | None = None) -> None:  # noqa: ARG002 - theirs
        super().__init__("Agent", config=config or AgentConfig(open_access="loopback"))

    def run(self, port: int | None = None, host: str | None = None, **config: Any) -> None:  # type: ignore[override]  # their order
        """Serve until SIGTERM."""
        super().run(host, port, **config)

    @property
    def context(self) -> RunContext | None:
        """What is known of the request whose function is at work; also within a stream."""
        current = CURRENT_RUN.get()
        return current() if current is not None else None


AgentRuntimeApp = PPIOAgentRuntimeApp
