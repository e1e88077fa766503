"""PPIO's and AgentCore's door: `POST /invocations`, `GET /ping`, and `/ws` (websocket.py)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fujie.agents.http_values import GIVEN
from fujie.agents.port import Principal
from fujie.agents.serving.asgi import WEBSOCKET, Answer, Message, Request, Route, Send, answer
from fujie.agents.serving.entrypoint import entrypoint_of
from fujie.agents.serving.errors import error_headers
from fujie.agents.serving.ping import Ping
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import fold_events, stream_events
from fujie.agents.serving.websocket import Socket
from fujie.errors import FujieError
from fujie.protocols.events import RunEvent
from fujie.protocols.invocations.encode import Encoder
from fujie.protocols.invocations.errors import error_body
from fujie.protocols.invocations.request import SESSION_HEADER, Invocation, invocation
from fujie.protocols.invocations.whole import Whole
from fujie.sessions.rows import Run
from fujie.telemetry import bind

RUN_HEADER = "x-fujie-run-id"
Events = AsyncGenerator[RunEvent, None]


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    return [
        Route("POST", "/invocations", Invoke(served), refused),
        Route("GET", "/ping", Ping(served), refused),
        Route(WEBSOCKET, "/ws", Socket(served), refused),
    ]


@dataclass(frozen=True)
class Invoke:
    """One call is one run, or the reading of one: as a stream where the function yields, as one value where not."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError before the answer begins."""
        principal = await self.served.inbound.admit(request.headers)
        function = entrypoint_of(self.served)
        body = await request.body(self.served.config.max_body_bytes)
        asked = invocation(body, request.headers, takes_payload=function is not None)
        run, events = await self._opened(principal, asked)
        with bind(run_id=run.id, user_id=run.user.id):
            if asked.wants != "stream" and (asked.wants == "whole" or (function is not None and not function.yields)):
                await self._whole(request, send, run, events, asked, is_entrypoint=function is not None)
            else:
                await _stream(request, send, run, events, asked)

    async def _opened(self, principal: Principal, asked: Invocation) -> tuple[Run, Events]:
        runs = self.served.runs
        if asked.watched_run_id:
            run = await runs.find(asked.watched_run_id, principal.user)
            return run, runs.watch(run.id, principal.user, follow=False)
        run = await runs.start(principal, asked.request)
        return run, runs.execute(run, principal.act)

    async def _whole(
        self, request: Request, send: Send, run: Run, events: Events, asked: Invocation, *, is_entrypoint: bool
    ) -> None:
        """Answer with one value. A function that returned a generator is found out by its second item: it streams."""
        whole, heard, given = Whole(), list[RunEvent](), list[Any]()
        GIVEN.set(given)
        may_stream = is_entrypoint and asked.wants == ""

        def take(event: RunEvent) -> None:
            whole.feed(event)
            if may_stream:
                heard.append(event)

        beginning = _while(events, lambda: not may_stream or whole.count < 2)
        async with aclosing(events):
            if not await fold_events(request, beginning, take):
                return
            if may_stream and whole.count >= 2:
                await _stream(request, send, run, _after(heard, events), asked)
                return
        if is_entrypoint and given:
            await given[0](request.scope, request.receive, _naming(send, run))
            return
        body = whole.of_entrypoint() if is_entrypoint else whole.of_agent()
        await answer(send, Answer(whole.status, body.encode(), headers=_ids(run)))


def refused(error: FujieError) -> Answer:
    """Say an error in the form of both servers."""
    return Answer(error.status, error_body(error), headers=error_headers(error))


async def _stream(request: Request, send: Send, run: Run, events: Events, asked: Invocation) -> None:
    wire = Encoder(ends_with_done=not asked.is_agentcore, after=asked.after)
    await stream_events(request, _naming(send, run), events, wire)


def _naming(send: Send, run: Run) -> Send:
    """Return a `send` that puts the ids of a run on its answer."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_ids(run)]}
        await send(message)

    return named


def _ids(run: Run) -> list[tuple[bytes, bytes]]:
    return [(SESSION_HEADER.encode(), run.session_id.encode()), (RUN_HEADER.encode(), run.id.encode())]


async def _while(events: Events, goes_on: Callable[[], bool]) -> Events:
    """Yield events while `goes_on()`, and leave the rest where it is; whoever closes us before that closes them."""
    try:
        while goes_on():
            yield await anext(events)
    except StopAsyncIteration:
        return
    except (GeneratorExit, asyncio.CancelledError):
        await events.aclose()
        raise


async def _after(heard: list[RunEvent], events: Events) -> Events:
    async with aclosing(events):
        for event in heard:
            yield event
        async for event in events:
            yield event
