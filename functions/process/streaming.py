"""A run as an answer: server-sent events while they come, or one JSON object at the end."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Protocol, TypeVar

from starlette.types import Receive, Send

from fujie.errors import FujieError
from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.events import RunEvent

HEARTBEAT_S = 15.0
PING = b": ping\n\n"
MAX_READY_CHARS = 64 * 1024
"""What may wait for a slow client; then the run waits too."""
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
)

Events = AsyncGenerator[RunEvent, None]
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Wire(Protocol):
    """Writes events as a protocol's frames."""

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""

    def end(self) -> str:
        """Return the frames that are due when no more events come."""


class AgentScopeWire(Encoder):
    """AgentScope's frames; its streams have no last word of their own."""

    def end(self) -> str:
        """Return nothing."""
        return ""


class EventStream:
    """Sends what is ready in one piece; a client that goes away closes the events, which cancels the run."""

    def __init__(self, events: Events, wire: Wire | None = None, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._events = events
        self._wire = wire or AgentScopeWire()
        self._heartbeat_s = heartbeat_s
        self._ready: list[str] = []
        self._size = 0
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self._over = False

    async def answer(self, receive: Receive, send: Send) -> None:
        """Answer one request; returns when the run has ended or paused, or the client is gone."""
        tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._watch(receive))]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            while piece := await self._next_piece():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _next_piece(self) -> bytes:
        """Return what is ready, a heartbeat when nothing comes for long, or nothing at the end."""
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await self._news.wait()
        except TimeoutError:
            return PING
        piece = "".join(self._ready).encode()
        self._ready, self._size = [], 0
        self._taken.set()
        if not self._over:
            self._news.clear()
        return piece

    async def _pump(self) -> None:
        try:
            await self._put_all()
            await self._put(self._wire.end())
        finally:
            self._end()

    async def _put_all(self) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await self._put(self._wire.feed(event))
        except FujieError as error:
            _log.warning("the stream ended early: %s: %s", error.code, error.message)

    async def _put(self, text: str) -> None:
        if not text:
            return
        self._ready.append(text)
        self._size += len(text)
        self._news.set()
        if self._size > MAX_READY_CHARS:
            self._taken.clear()
            await self._taken.wait()

    async def _watch(self, receive: Receive) -> None:
        await _gone(receive)
        self._ready = []
        self._end()

    def _end(self) -> None:
        self._over = True
        self._news.set()


async def whole_answer(events: Events, receive: Receive) -> str:
    """Return the last `response` object of a run as JSON text, or nothing when the client went away meanwhile."""
    return await unless_gone(_last_frame(events), receive) or ""


async def unless_gone(work: Coroutine[None, None, _T], receive: Receive) -> _T | None:
    """Return what the work gives; when the client goes away first, stop it and return None."""
    reading = asyncio.create_task(work)
    watching = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not reading.done():
            reading.cancel()
        await asyncio.wait({reading})
    return None if reading.cancelled() else reading.result()


async def _last_frame(events: Events) -> str:
    encoder, last = Encoder(), ""
    async with aclosing(events):
        async for event in events:
            frames = encoder.frames(event)
            last = frames[-1][1] if frames else last
    return last


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
