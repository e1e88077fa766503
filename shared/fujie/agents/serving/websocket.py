"""`/ws`: each message is a payload as `/invocations` takes it, and its run's items come back as messages.

A run begins with `run_started` and ends with `run_ended`; `{"type": "cancel"}` ends it early, and so does going away.
Runs of one socket follow each other, in one conversation unless a payload names another.
"""

import asyncio
import json
import logging
import uuid
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fujie.agents.errors import ForbiddenError
from fujie.agents.serving.asgi import Request, Send
from fujie.agents.serving.entrypoint import entrypoint_of
from fujie.agents.serving.served import Served
from fujie.errors import FujieError
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed, RunPaused, RunStarted
from fujie.protocols.invocations.errors import error_body
from fujie.protocols.invocations.items import NOTHING, Items
from fujie.protocols.invocations.request import SESSION_HEADER, forwarded, invocation
from fujie.sessions.errors import ConflictError
from fujie.sessions.rows import Run
from fujie.telemetry import bind, kinds_and_places

TOO_BIG = 1009
FAILED = 1011
CANCEL = {"type": "cancel"}
_ENDINGS: dict[type[RunEvent], str] = {
    RunCompleted: "completed",
    RunFailed: "failed",
    RunCanceled: "canceled",
    RunPaused: "waiting",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Socket:
    """Takes one web socket after another; the developer's own handler comes first where there is one."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Serve one socket until it closes; raises FujieError before it is accepted."""
        await self.served.inbound.only_verify(request.headers)
        _check_origin(request)
        handler = self.served.app.own.websocket if self.served.app is not None else None
        if handler is not None:
            await _handle(handler, request, send)
            return
        await request.receive()
        await send({"type": "websocket.accept"})
        await _Conversation(self.served, request, send).hold()


class _Conversation:
    """What is said over one socket."""

    def __init__(self, served: Served, request: Request, send: Send) -> None:
        self._served = served
        self._request = request
        self._send = send
        self._headers = {SESSION_HEADER: str(uuid.uuid4())} | dict(request.headers)
        self._run: Run | None = None
        self._answering: asyncio.Task[None] | None = None

    async def hold(self) -> None:
        """Answer until the client goes away, which cancels its run."""
        try:
            while (message := await self._request.receive())["type"] == "websocket.receive":
                body = message.get("bytes") or (message.get("text") or "").encode("utf-8", "replace")
                if len(body) > self._served.config.max_body_bytes:
                    await self._send({"type": "websocket.close", "code": TOO_BIG})
                    return
                await self._hear(body)
        finally:
            await self._stop()

    async def _hear(self, body: bytes) -> None:
        is_busy = self._answering is not None and not self._answering.done()
        if _is_cancel(body):
            if is_busy and self._run is not None:
                await self._served.runs.cancel(self._run.id, self._run.user)
        elif is_busy:
            await self._refuse(
                ConflictError("a run of this socket is not finished", repair="wait for it, or cancel it")
            )
        else:
            self._answering = asyncio.create_task(self._answer(body))

    async def _answer(self, body: bytes) -> None:
        try:
            await self._answered(body)
        except FujieError as error:
            await self._refuse(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours: the client is told, the log has where it was
            _log.error("a run over a web socket failed: %s", kinds_and_places(error))
            await self._refuse(FujieError("something went wrong here; the log has it"))

    async def _answered(self, body: bytes) -> None:
        """Admit each payload anew: the token may have ended since the last."""
        runs = self._served.runs
        principal = await self._served.inbound.admit(self._request.headers)
        takes_payload = entrypoint_of(self._served) is not None
        asked = invocation(body, self._headers, takes_payload=takes_payload)
        if asked.watched_run_id:
            self._run = await runs.find(asked.watched_run_id, principal.user)
            events = runs.watch(self._run.id, principal.user, follow=False)
        else:
            self._run = await runs.start(principal, asked.request)
            events = runs.execute(self._run, principal.act)
        items, status = Items(), ""
        with bind(run_id=self._run.id, user_id=principal.user.id):
            async with aclosing(events):
                async for event in events:
                    await self._tell(event, items.item(event))
                    status = _ENDINGS.get(type(event), "")
        await self._say({"type": "run_ended", "status": status or "running"})

    async def _tell(self, event: RunEvent, item: Any) -> None:
        if isinstance(event, RunStarted):
            await self._say({"type": "run_started", "run_id": event.run_id, "session_id": event.session_id})
        if item is not NOTHING:
            await self._say(item)

    async def _say(self, item: Any) -> None:
        await self._send({"type": "websocket.send", "text": compact(item)})

    async def _refuse(self, error: FujieError) -> None:
        await self._send({"type": "websocket.send", "text": error_body(error).decode()})

    async def _stop(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait([self._answering])


async def _handle(handler: Any, request: Request, send: Send) -> None:
    """Let the developer's own function speak, with Starlette's web socket, as AgentCore gives it."""
    from starlette.websockets import WebSocket, WebSocketDisconnect

    socket = WebSocket(request.scope, request.receive, send)
    context = SocketContext(request.headers.get(SESSION_HEADER) or None, forwarded(request.headers))
    try:
        await handler(socket, context)
    except WebSocketDisconnect:
        return
    except Exception as error:  # noqa: BLE001 - the developer's function may raise anything
        _log.error("the web socket's handler failed: %s", kinds_and_places(error))
        with suppress(RuntimeError):
            await socket.close(FAILED)


@dataclass(frozen=True)
class SocketContext:
    """What a handler of the developer's may know of its socket."""

    session_id: str | None
    request_headers: dict[str, str]


def _is_cancel(body: bytes) -> bool:
    try:
        return len(body) < 100 and json.loads(body) == CANCEL
    except ValueError:
        return False


def _check_origin(request: Request) -> None:
    """A page of another site may not open a socket here, even where a proxy lets its user in."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise ForbiddenError("web sockets of other sites' pages are not taken")
