"""What an agent developer writes: one AgentApp, its function or its instructions and tools. Light to import."""

import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fujie.agents.config import AgentConfig, AgentMetadata
from fujie.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fujie.agents.inbound import Inbound
    from fujie.agents.own import OwnParts
    from fujie.agents.serving.standalone import Application
    from fujie.asgi import Receive, Scope, Send
    from fujie.tools.declaration import Tool

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_OF_API = frozenset(
    {"get", "post", "put", "patch", "delete", "api_route", "include_router", "add_middleware", "add_api_route", "mount",
     "exception_handler"}
)  # fmt: skip
_F = TypeVar("_F", bound=Callable[..., Any])


class AgentApp:
    """An agent: a function of its developer's, or instructions and tools for the configured model.

    It is an ASGI application; `run()` serves it alone, and a stack's `process` serves it from its file, with the tools
    called by `tool` under the user's credentials. `model` names another model at the configured endpoint.
    Attributes that an `init` function sets are the agent's own: every function that asks for `self` or `app` has them.
    Raises SettingsError when the name or the tools cannot be.
    """

    def __init__(
        self,
        app_name: str,
        app_description: str = "",
        instructions: str = "",
        tools: "Sequence[Tool]" = (),
        model: str | None = None,
        *,
        metadata: AgentMetadata | None = None,
        config: AgentConfig | None = None,
        inbound: "Inbound | None" = None,
    ) -> None:
        if not _NAME.fullmatch(app_name):
            raise SettingsError(f"app_name {app_name!r} must be 1 to 64 letters, digits, spaces, '.', '_' or '-'")
        names = _names(tools) if tools else []
        if len(set(names)) < len(names):
            raise SettingsError(f"two tools of {app_name!r} have one name: {', '.join(sorted(names))}")
        self.app_name = app_name
        self.app_description = app_description
        self.instructions = instructions
        self.tools = tuple(tools)
        self.model = model
        self.metadata = metadata or AgentMetadata(app_name, description=app_description)
        self.config = config or AgentConfig()
        self.inbound = inbound
        self._own: OwnParts | None = None
        self._application: Application | None = None

    @property
    def own(self) -> "OwnParts":
        """What the developer's functions added: hooks, endpoints, tasks."""
        if self._own is None:
            from fujie.agents.own import OwnParts

            self._own = OwnParts(self)
        return self._own

    def query(self, function: _F | None = None, *, framework: str = "text") -> Any:
        """Answer with this function, which yields or returns what its `framework` says; `self, msgs, request`."""
        decorator = self._decorator(lambda found: self.own.answer_with(found, framework))
        return decorator if function is None else decorator(function)

    def entrypoint(self, function: _F) -> _F:
        """Answer with this function of the body alone, as with PPIO and AgentCore: `payload`, or `payload, context`."""
        return self._taken(function, lambda found: self.own.answer_with(found, "text", takes_payload=True))

    def init(self, function: _F) -> _F:
        """Call this before the first request; it may ask for `app`."""
        return self._taken(function, self.own.at_start)

    def shutdown(self, function: _F) -> _F:
        """Call this after the last answer; it may ask for `app`."""
        return self._taken(function, self.own.at_end)

    def ping(self, function: _F) -> _F:
        """Ask this whether the agent and what it depends on are well."""
        return self._taken(function, self.own.ping_with)

    def websocket(self, function: _F) -> _F:
        """Speak with this over `/ws`: `websocket, context`, with Starlette's web socket, as AgentCore gives it."""
        self.own.websocket = function
        return function

    def endpoint(self, path: str, methods: Sequence[str] = ("POST",)) -> Any:
        """Serve this function at a path, to whom the agent lets in: it answers JSON, or events as it yields them."""
        return self._decorator(lambda found: self.own.add_endpoint(path, methods, found))

    def task(self, path: str, queue: str = "default") -> Any:
        """Run this function in the background: `POST path` begins it, `GET path/{id}` tells how it goes."""
        return self._decorator(lambda found: self.own.add_task(path, queue, found))

    def middleware(self, function: Any = None) -> Any:
        """Put this around every request: `async def f(request, call_next)`, or a class of ASGI middleware."""
        decorator = self._decorator(self.own.put_around)
        return decorator if function is None or function == "http" else decorator(function)

    @property
    def api(self) -> "FastAPI":
        """The FastAPI application for the agent's own endpoints; it is made when it is first used."""
        return self.own.api

    def run(self, host: str | None = None, port: int | None = None, **config: Any) -> None:
        """Serve until SIGTERM; arguments are AgentConfig's, and count before those that the app was given.

        Raises SettingsError when the agent would be open to others without that being said.
        """
        from msgspec.structs import replace

        from fujie.agents.serving.running import run

        given = {name: value for name, value in {"host": host, "port": port, **config}.items() if value is not None}
        self.config = replace(self.config, **given)
        run(self)

    async def __call__(self, scope: "MutableMapping[str, Any] | Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request, one web socket, or the life of the server."""
        await self.application.answer(scope, receive, send)

    @property
    def application(self) -> "Application":
        """The app as it is served, made at its first use: what is added to it later is not served."""
        if self._application is None:
            from fujie.agents.serving.standalone import application

            self._application = application(self)
        return self._application

    def __getattr__(self, name: str) -> Any:
        if name in _OF_API:
            return getattr(self.api, name)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    @staticmethod
    def _taken(function: _F, take: Callable[[Any], None]) -> _F:
        take(function)
        return function

    @classmethod
    def _decorator(cls, take: Callable[[Any], None]) -> Callable[[_F], _F]:
        return lambda function: cls._taken(function, take)


def _names(tools: "Sequence[Tool]") -> list[str]:
    from fujie.tools.declaration import Tool

    for thing in tools:
        if not isinstance(thing, Tool):
            raise SettingsError(f"{thing!r} is not a tool", repair="declare it: @tool(...) above an async function")
    return [tool.name for tool in tools]
