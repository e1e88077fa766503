"""What an agent developer's functions add to an AgentApp: the answer, hooks, endpoints, tasks, middleware."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fujie.agents.adapters import framework_named
from fujie.agents.function_runner import FunctionRunner
from fujie.agents.handler import Function, items_of, wanted
from fujie.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fujie.agents.runner import AgentRunner

_HOOK = frozenset({"app", "self"})


class OwnEndpoint(Struct, frozen=True):
    """A function at a path."""

    path: str
    methods: tuple[str, ...]
    function: Function


class OwnTask(Struct, frozen=True):
    """A function that runs in the background."""

    path: str
    queue: str
    function: Function


class OwnParts:
    """The parts of one app, in the order in which they were added."""

    def __init__(self, app: object) -> None:
        self._app = app
        self.runner: AgentRunner | None = None
        self.ping: Function | None = None
        self.websocket: Function | None = None
        self.endpoints: list[OwnEndpoint] = []
        self.tasks: list[OwnTask] = []
        self.middleware: list[Any] = []
        self._start: list[Function] = []
        self._end: list[Function] = []
        self._api: FastAPI | None = None

    def answer_with(self, function: Function, framework: str, *, takes_payload: bool = False) -> None:
        """Take the function that answers. Raises SettingsError at a second, and for what it wants and nobody gives."""
        if self.runner is not None:
            raise SettingsError("two functions answer for one agent", repair="keep one @app.query or @app.entrypoint")
        self.runner = FunctionRunner(self._app, function, framework_named(framework), takes_payload=takes_payload)

    def at_start(self, function: Function) -> None:
        wanted(function, _HOOK)
        self._start.append(function)

    def at_end(self, function: Function) -> None:
        wanted(function, _HOOK)
        self._end.append(function)

    def ping_with(self, function: Function) -> None:
        self.ping = function

    def add_endpoint(self, path: str, methods: Sequence[str], function: Function) -> None:
        self.endpoints.append(OwnEndpoint(_checked(path), tuple(method.upper() for method in methods), function))

    def add_task(self, path: str, queue: str, function: Function) -> None:
        self.tasks.append(OwnTask(_checked(path), queue, function))

    def put_around(self, middleware: Any) -> None:
        self.middleware.append(middleware)

    async def start(self) -> None:
        """Call what is to be called before the first request."""
        for function in self._start:
            await self._call(function)

    async def end(self) -> None:
        """Call what is to be called after the last answer, the last that was added first."""
        for function in reversed(self._end):
            await self._call(function)

    @property
    def has_api(self) -> bool:
        """Is there a FastAPI application?"""
        return self._api is not None

    @property
    def api(self) -> "FastAPI":
        """The FastAPI application, made at its first use."""
        if self._api is None:
            from fastapi import FastAPI

            self._api = FastAPI(title=str(getattr(self._app, "app_name", "")), redirect_slashes=False)
        return self._api

    async def _call(self, function: Function) -> None:
        async for _ in items_of(function, dict.fromkeys(wanted(function, _HOOK), self._app)):
            pass


def _checked(path: str) -> str:
    if not path.startswith("/"):
        raise SettingsError(f"the path {path!r} does not begin with '/'")
    return path
