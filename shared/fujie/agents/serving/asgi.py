"""The nouns of ASGI as we use them: a request, its headers, a route, a whole answer. No framework beneath."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar, overload
from urllib.parse import parse_qsl

from msgspec import Struct, field

from fujie.agents.stepping import Step, rest
from fujie.asgi import App, Message, Receive, Scope, Send
from fujie.errors import FujieError, InputError, TooLargeError

__all__ = [
    "Answer", "App", "Endpoint", "Headers", "Message", "Receive", "Request", "Route", "Scope", "Send", "answer",
]  # fmt: skip

READ_S = 30.0
_T = TypeVar("_T")
DRAIN_LIMIT = 32 * 1024 * 1024
"""What is read and thrown away so that a client that sends too much can read why it was refused."""
MAX_QUERY_FIELDS = 64
WEBSOCKET = "WEBSOCKET"
"""The method under which a route takes web sockets."""


class Headers(Mapping[str, str]):
    """A request's headers by lower-case name. One that came several times is joined, as RFC 9110 5.3 reads it."""

    __slots__ = ("joined",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self.joined = dict(raw)
        """By name, as bytes."""
        if len(self.joined) != len(raw):
            for name in self.joined:
                self.joined[name] = b", ".join(value for key, value in raw if key == name)

    def __getitem__(self, name: str) -> str:
        return self.joined[_as_sent(name)].decode("latin-1")

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, default: _T, /) -> str | _T: ...
    def get(self, name: str, default: _T | None = None, /) -> str | _T | None:
        """Return a header, or the default; most requests have few of those that are asked for."""
        value = self.joined.get(_as_sent(name))
        return default if value is None else value.decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return iter([name.decode("latin-1") for name in self.joined])

    def __len__(self) -> int:
        return len(self.joined)


@lru_cache(maxsize=256)  # of names that the code asks for
def _as_sent(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")


class Request(Struct, frozen=True):
    """One request on one route; `params` holds the parts of the path that the route left open, decoded."""

    method: str
    path: str
    headers: Headers
    receive: Receive
    scope: Scope
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's fields, the last value of each. Raises InputError when there are too many."""
        try:
            pairs = parse_qsl(
                self.scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS
            )
        except ValueError as error:
            raise InputError(f"the query has more than {MAX_QUERY_FIELDS} fields") from error
        return dict(pairs)

    async def body(self, limit: int) -> bytes:
        """Return the body. Raises TooLargeError beyond `limit` bytes, InputError when it does not come in 30 s."""
        first: Step = self.receive().__await__()
        try:
            waits = first.send(None)
        except StopIteration as done:
            message = done.value
            if not message.get("more_body") and len(chunk := _chunk(message)) <= limit:
                return chunk  # a short one, which is there already, needs no deadline
            return await self._rest_of_body(message, limit)
        try:
            async with asyncio.timeout(READ_S):
                return await self._rest_of_body(await rest(first, waits), limit)
        except TimeoutError as error:
            raise InputError(f"the body did not come within {READ_S:g} s") from error

    async def _rest_of_body(self, message: Message, limit: int) -> bytes:
        """Return the body that begins with a message."""
        chunk = _chunk(message)
        chunks, size = [chunk] if len(chunk) <= limit else [], len(chunk)
        try:
            async with asyncio.timeout(READ_S):
                while message.get("more_body") and size <= DRAIN_LIMIT:
                    message = await self.receive()
                    chunk = _chunk(message)
                    size += len(chunk)
                    if size <= limit:
                        chunks.append(chunk)
        except TimeoutError as error:
            raise InputError(f"the body did not come within {READ_S:g} s") from error
        if size > limit:
            raise TooLargeError(f"the body is over {limit} bytes", repair="send less at once")
        return b"".join(chunks)


def _chunk(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise InputError("the client went away before its body had come")
    chunk: bytes = message.get("body", b"")
    return chunk


class Answer(Struct, frozen=True):
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Sequence[tuple[bytes, bytes]] = ()


Endpoint = Callable[[Request, Send], Awaitable[None]]


class Route(Struct, frozen=True):
    """What answers a method at a path; `{name}` in the path stands for one segment, which may not be empty."""

    method: str
    path: str
    endpoint: Endpoint
    refuse: Callable[[FujieError], Answer]
    """What an error that came before the answer began looks like in this protocol."""


async def answer(send: Send, whole: Answer) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", whole.content_type.encode("latin-1")),
        (b"content-length", str(len(whole.body)).encode()),
        *whole.headers,
    ]
    await send({"type": "http.response.start", "status": whole.status, "headers": headers})
    await send({"type": "http.response.body", "body": whole.body})
