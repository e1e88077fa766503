"""AgentScope Runtime's AgentApp, 1.0 and 1.1: its constructor's words, and who may call it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any

from fujie.agents.app import AgentApp as Ours
from fujie.agents.config import AgentConfig
from fujie.errors import SettingsError
from fujie.protocols.agentscope.request import AgentRequest

__all__ = ["AgentApp", "AgentRequest"]

_WITHOUT_EFFECT = frozenset(
    {"endpoint_path", "response_type", "stream", "request_model", "mode", "enable_stream_task", "stream_task_queue"}
    | {"stream_task_timeout", "enable_embedded_worker"}
)
"""Theirs said what is always so here; `endpoint_path` only as `/process`."""


class AgentApp(Ours):
    """Open to callers on this machine, where theirs was open to everybody; a `config` says otherwise.

    `lifespan` is called with this app and its `state` holds what it likes, as FastAPI's does. Raises SettingsError for
    arguments whose meaning was another.
    """

    def __init__(
        self,
        app_name: str = "Agent",
        app_description: str = "",
        *,
        lifespan: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None,
        before_start: Callable[..., Any] | None = None,
        after_finish: Callable[..., Any] | None = None,
        config: AgentConfig | None = None,
        **theirs: Any,
    ) -> None:
        unknown = set(theirs) - _WITHOUT_EFFECT
        if unknown or theirs.get("endpoint_path", "/process") != "/process":
            raise SettingsError(
                f"{', '.join(sorted(unknown)) or 'endpoint_path'} means nothing here",
                repair="leave it out; docs/coming-from.md names what takes its place",
            )
        super().__init__(app_name, app_description, config=config or AgentConfig(open_access="loopback"))
        self.state = SimpleNamespace()
        if lifespan is not None:
            self._live_as(lifespan)
        if before_start is not None:
            self.init(before_start)
        if after_finish is not None:
            self.shutdown(after_finish)

    def query(self, function: Any = None, *, framework: str = "agentscope") -> Any:
        """Answer with this function; without a name the framework is AgentScope."""
        return super().query(function, framework=framework)

    def run(self, host: str | None = None, port: int | None = None, **config: Any) -> None:
        """Serve until SIGTERM; on a host that others reach, the config must say who may call."""
        theirs = {"web_ui", "log_level", "access_log"}
        super().run(host, port, **{name: value for name, value in config.items() if name not in theirs})

    def _live_as(self, lifespan: Callable[[Any], AbstractAsyncContextManager[Any]]) -> None:
        life: list[AbstractAsyncContextManager[Any]] = []

        async def begin(app: Any) -> None:
            life.append(lifespan(app))
            await life[-1].__aenter__()

        async def end() -> None:
            if life:
                await life.pop().__aexit__(None, None, None)

        self.init(begin)
        self.shutdown(end)
