"""The developer's own functions around a request: `async def f(request, call_next)`.

`call_next(request)` returns when the answer begins; its status and headers can be changed, and it goes out when the
function returns it. Its body then goes straight to the client: it is neither kept nor copied.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from fujie.agents.serving.asgi import Answer, App, Headers, Message, Receive, Request, Scope, Send, answer
from fujie.errors import FujieError


class AnswerHeaders(MutableMapping[str, str]):
    """Headers that are not sent yet; to set one replaces every one of its name."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.raw = list(raw)

    def __getitem__(self, name: str) -> str:
        return Headers(self.raw)[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._leave_out(name)
        self.raw.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    def __delitem__(self, name: str) -> None:
        if not self._leave_out(name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(Headers(self.raw))

    def __len__(self) -> int:
        return len(Headers(self.raw))

    def _leave_out(self, name: str) -> bool:
        kept = [(key, value) for key, value in self.raw if key.lower() != name.lower().encode("latin-1")]
        left_out = len(kept) < len(self.raw)
        self.raw = kept
        return left_out


@dataclass
class Begun:
    """An answer that has begun, before any of it is sent."""

    status_code: int
    headers: AnswerHeaders
    message: Message
    released: asyncio.Event = field(default_factory=asyncio.Event)


Next = Callable[[Request], Awaitable[Begun]]
Function = Callable[[Request, Next], Awaitable[Begun | Answer]]


class Around:
    """One such function around an app."""

    def __init__(self, app: App, function: Function, refuse: Callable[[FujieError], Answer]) -> None:
        self._app = app
        self._function = function
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; web sockets and the server's life pass by."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        inner = _Inner(self._app, scope, receive, send)
        request = Request(scope["method"], scope["path"], Headers(scope["headers"]), receive, scope)
        try:
            given = await self._function(request, inner.begin)
            if isinstance(given, Begun):
                await inner.finish(given)
            else:
                await answer(send, given)
        except FujieError as error:
            if inner.is_sent:
                raise
            await answer(send, self._refuse(error))
        finally:
            await inner.close()


class _Inner:
    """The app within, in a task of its own once it is called; it waits where its answer begins."""

    def __init__(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun: asyncio.Future[Begun] | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_sent = False

    async def begin(self, _request: Request) -> Begun:
        self._begun = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._call(self._begun))
        first: list[asyncio.Future[Any]] = [self._begun, self._task]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not self._begun.done():
            await self._task
            raise FujieError("the application ended without an answer")
        return self._begun.result()

    async def finish(self, begun: Begun) -> None:
        self.is_sent = True
        await self._send({**begun.message, "status": begun.status_code, "headers": begun.headers.raw})
        begun.released.set()
        assert self._task is not None
        await self._task

    async def close(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _call(self, begun: asyncio.Future[Begun]) -> None:
        async def send(message: Message) -> None:
            if message["type"] != "http.response.start":
                await self._send(message)
                return
            answering = Begun(message["status"], AnswerHeaders(message.get("headers", ())), message)
            begun.set_result(answering)
            await answering.released.wait()

        await self._app(self._scope, self._receive, send)


def around_all(app: App, middleware: list[Any], refuse: Callable[[FujieError], Answer]) -> App:
    """Return the app within all of them, the first that was added outermost; a class is ASGI middleware."""
    for one in reversed(middleware):
        app = one(app) if isinstance(one, type) else Around(app, one, refuse)
    return app
