"""AgentCore's app: `bedrock_agentcore.BedrockAgentCoreApp`, with the tasks that keep an instance awake."""

import functools
import inspect
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fujie.agents.app import AgentApp
from fujie.agents.compat.ping_status import PingStatus
from fujie.agents.config import AgentConfig
from fujie.agents.handler import items_of
from fujie.errors import SettingsError

_F = TypeVar("_F", bound=Callable[..., Any])


class BedrockAgentCoreApp(AgentApp):
    """Open to callers on this machine; a `config` says otherwise. `/ping` is busy while a task of its own is open."""

    def __init__(self, *, debug: bool = False, config: AgentConfig | None = None) -> None:  # noqa: ARG002 - theirs
        super().__init__("Agent", config=config or AgentConfig(open_access="loopback"))
        self._ids = itertools.count(1)
        self._active: dict[int, tuple[str, float]] = {}
        self._forced: PingStatus | None = None
        self._own_ping: Callable[[], Any] | None = None
        self.own.ping_with(self._status)

    def run(self, port: int | None = None, host: str | None = None, **config: Any) -> None:  # type: ignore[override]  # their order
        """Serve until SIGTERM."""
        super().run(host, port, **config)

    def ping(self, function: _F) -> _F:
        """Ask this how the agent is; a status that was forced comes before."""
        self._own_ping = function
        return function

    def async_task(self, function: _F) -> _F:
        """Count the function's calls as work in the background."""
        if not inspect.iscoroutinefunction(function):
            raise SettingsError("async_task is for async functions alone")

        @functools.wraps(function)
        async def counted(*arguments: Any, **named: Any) -> Any:
            task_id = self.add_async_task(function.__name__)
            try:
                return await function(*arguments, **named)
            finally:
                self.complete_async_task(task_id)

        return counted  # type: ignore[return-value]

    def add_async_task(self, name: str, metadata: Mapping[str, Any] | None = None) -> int:  # noqa: ARG002 - theirs
        """Say that work has begun, and return what names it."""
        task_id = next(self._ids)
        self._active[task_id] = name, time.time()
        return task_id

    def complete_async_task(self, task_id: int) -> bool:
        """Say that it is done, and return whether it was known."""
        return self._active.pop(task_id, None) is not None

    def get_async_task_info(self) -> dict[str, Any]:
        """Return what is under way."""
        now = time.time()
        jobs = [{"name": name, "duration": now - began} for name, began in self._active.values()]
        return {"active_count": len(jobs), "running_jobs": jobs}

    def force_ping_status(self, status: PingStatus) -> None:
        """Answer every ping so."""
        self._forced = status

    def clear_forced_ping_status(self) -> None:
        """Answer as it is again."""
        self._forced = None

    async def _status(self) -> Any:
        if self._forced is not None:
            return self._forced
        if self._own_ping is not None:
            async for said in items_of(self._own_ping, {}):
                return said
        return PingStatus.HEALTHY_BUSY if self._active else None
