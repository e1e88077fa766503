"""A run as an answer: what is ready goes out in one piece, silence is filled, a slow reader slows the agent down.

The events are stepped by hand: a step that ends at once was ready, and its frames are kept; before one that must wait,
what is kept goes out. So no timer, no queue and no task stand between the agent and the socket.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from types import GeneratorType, coroutine
from typing import Any, Protocol, TypeAlias, TypeVar

from fujie.agents.flow import END, Flow, end, flow_of, let_go
from fujie.agents.serving.asgi import Receive, Request, Send
from fujie.errors import FujieError
from fujie.telemetry import kinds_and_places

SSE = "text/event-stream; charset=utf-8"
PING = b": ping\n\n"
HEARTBEAT_S = 15.0
"""Gateways close a connection that says nothing for a minute."""
MAX_READY_CHARS = 64 * 1024
"""What is kept before it goes out: about a millisecond of an agent that never waits. Others get their turn then."""
SILENT_EVENT_CHARS = 64
"""What an event without words counts, for the same reason."""

_T = TypeVar("_T")
_T_contra = TypeVar("_T_contra", contravariant=True)
Events: TypeAlias = AsyncGenerator[_T, None] | Flow
"""Events one by one, or those together that are ready together."""
Say: TypeAlias = Callable[[Sequence[_T]], str]
"""Returns the frames of some events."""
_log = logging.getLogger(__name__)


class Wire(Protocol[_T_contra]):
    """Writes events as a protocol's frames."""

    def feed(self, event: _T_contra, /) -> str:
        """Return the frames of one event; nothing when the protocol has no word for it."""

    def end(self) -> str:
        """Return the frames that are due when no more events come."""


def stream_events(
    request: Request,
    send: Send,
    events: Events[_T],
    wire: Wire[_T],
    *,
    content_type: str = SSE,
    heartbeat: bytes | None = PING,
    encoding: str = "utf-8",
) -> Awaitable[bool]:
    """Answer with the events as they come; a client that goes away closes them, which cancels the run.

    A wire that has a faster way for several events than one by one has it as `feed_all`.
    """
    say = getattr(wire, "feed_all", None) or (lambda events: "".join(map(wire.feed, events)))
    return _pumped(events, say, _Outlet(request.receive, send, wire, content_type, heartbeat, encoding))


async def fold_events(request: Request, events: Events[_T], feed: Callable[[_T], object]) -> bool:
    """Feed every event, and say whether that was all: not when the client went away first, which cancels the run."""

    def silently(some: Sequence[_T]) -> str:
        for event in some:
            feed(event)
        return ""

    return await _pumped(events, silently, _Listener(request.receive))


class Verbatim:
    """A wire whose events are frames already."""

    def feed(self, frame: str, /) -> str:
        """Return the frame."""
        return frame

    def end(self) -> str:
        """Return nothing."""
        return ""


class _Listener:
    """A client that is to hear all at the end; from the first wait on, we notice when it goes away."""

    def __init__(self, receive: Receive) -> None:
        self.ready: list[str] = []
        self.is_gone = False
        self.watching: asyncio.Task[None] | None = None
        self._receive = receive

    async def flush(self) -> None:
        """Send what is ready, and watch the client from now on."""
        if self.watching is None:
            self._begin_watching()

    async def beat(self) -> None:
        """Fill the silence."""

    async def finish(self) -> None:
        """Send the rest, and end the answer."""

    def _begin_watching(self) -> None:
        answering = asyncio.current_task()
        assert answering is not None
        self.watching = asyncio.create_task(self._watch(answering))

    async def _watch(self, answering: asyncio.Task[Any]) -> None:
        while not self.is_gone:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    self.is_gone = (await self._receive())["type"].endswith(".disconnect")
            except TimeoutError:
                await self.beat()
        answering.cancel()


class _Outlet(_Listener):
    """A client that hears what is ready at once."""

    def __init__(
        self, receive: Receive, send: Send, wire: Wire[Any], content_type: str, heartbeat: bytes | None, encoding: str
    ) -> None:
        self.ready = []
        self.is_gone = False
        self.watching = None
        self._receive = receive
        self._send = send
        self._wire = wire
        self._content_type = content_type.encode()
        self._heartbeat = heartbeat
        self._encoding = encoding
        self._is_begun = self._is_sending = False
        self._is_silent = True

    async def flush(self) -> None:
        if self.watching is None:
            self._begin_watching()
        if not self._is_begun:
            await self._begin()
            self._is_begun = True
        if self.ready:
            piece = "".join(self.ready).encode(self._encoding)
            self._is_silent, self._is_sending = False, True
            try:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                self.ready.clear()  # what a stopped run could not say for its slow reader comes with its last words
            finally:
                self._is_sending = False

    async def finish(self) -> None:
        self.ready.append(self._wire.end())
        if not self._is_begun:
            await self._begin()
        await self._send({"type": "http.response.body", "body": "".join(self.ready).encode(self._encoding)})

    async def beat(self) -> None:
        """Send a heartbeat where nothing was said since the last one; a client that does not read needs none."""
        if self._heartbeat and self._is_silent and not self._is_sending:
            await self._send({"type": "http.response.body", "body": self._heartbeat, "more_body": True})
        self._is_silent = True

    def _begin(self) -> Awaitable[None]:
        headers = [(b"content-type", self._content_type), *_UNBUFFERED]
        return self._send({"type": "http.response.start", "status": 200, "headers": headers})


_UNBUFFERED = ((b"cache-control", b"no-cache"), (b"connection", b"keep-alive"), (b"x-accel-buffering", b"no"))


@coroutine
def _pumped(  # noqa: C901, PLR0912, PLR0915 - one generator for speed: each that lies between is stepped with every event
    events: Events[_T], say: Say[_T], listener: _Listener
) -> Generator[Any, Any, bool]:
    """Feed all events to a listener; False when it went away first. An error ends the events, and is logged."""
    flow: GeneratorType[Any, Any, None] = events if type(events) is GeneratorType else flow_of(events)  # type: ignore[assignment, arg-type]
    ready, size = listener.ready, 0
    try:
        given = next(flow, END)
        while given is not END:
            if type(given) is list:
                if text := say(given):
                    ready.append(text)
                size += len(text) or SILENT_EVENT_CHARS * len(given)
                if size > MAX_READY_CHARS:
                    yield from listener.flush()
                    yield  # a turn for others
                    size = 0
                if listener.is_gone:
                    break
                given = next(flow, END)
                continue
            if not listener.is_gone:  # where it is, the flow waits for its own end
                try:
                    yield from listener.flush()
                except BaseException as error:
                    given = yield from let_go(flow, given)
                    if given is END or listener.is_gone or not isinstance(error, asyncio.CancelledError):
                        raise
                    continue  # it was the run that was stopped, and these are its last words
            size = 0
            try:
                answer = yield given
            except GeneratorExit:
                flow.close()
                raise
            except BaseException as error:  # noqa: BLE001 - handed on to where it belongs
                given = flow.throw(error)
            else:
                given = flow.send(answer)
    except StopIteration:
        pass
    except FujieError as error:
        _log.warning("the answer ended early: %s: %s", error.code, error.message)
    except asyncio.CancelledError:
        if not listener.is_gone:
            raise
    except Exception as error:  # noqa: BLE001 - the answer has begun and must end; a fault of ours, or of an encoder
        _log.error("the answer ended early: %s", kinds_and_places(error))
    finally:
        if listener.watching is not None:
            listener.watching.cancel()
        if flow.gi_frame is not None:
            yield from end(flow)
    if listener.is_gone:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return False
    yield from listener.finish()
    return True
