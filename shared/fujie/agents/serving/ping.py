"""`GET /ping`: is the agent well, does it work in the background, and since when."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fujie import clock
from fujie.agents.handler import Function, items_of
from fujie.agents.serving.asgi import Answer, Request, Send, answer
from fujie.agents.serving.served import Served
from fujie.protocols.agentscope.words import compact
from fujie.telemetry import kinds_and_places

HEALTHY = "Healthy"
BUSY = "HealthyBusy"
DEADLINE_S = 5.0
"""For the developer's own function."""
_MAX_WORDS = 500
_log = logging.getLogger(__name__)


class Ping:
    """Anybody may ask. `HealthyBusy` keeps a platform from putting an instance to sleep that still has work to do."""

    def __init__(self, served: Served, now: clock.Clock = clock.now) -> None:
        self._served = served
        self._now = now
        self._status = HEALTHY
        self._since = now()
        self._asking: asyncio.Task[tuple[str, str | None]] | None = None

    async def __call__(self, _request: Request, send: Send) -> None:
        """Answer one request, in the fields of both servers."""
        status, words = await self._asked()
        if status != self._status:
            self._status, self._since = status, self._now()
        told = {
            "status": status,
            "time_of_last_update": int(self._since.timestamp()),
            "message": words,
            "timestamp": _iso(self._now()),
        }
        await answer(send, Answer(200, compact(told).encode()))

    async def _asked(self) -> tuple[str, str | None]:
        """Ask the developer's function; one that fails is no picture of health, and only the log says why."""
        function = self._served.app.own.ping if self._served.app is not None else None
        usual = BUSY if self._served.work.running or self._served.runs.in_background() else HEALTHY
        if function is None:
            return usual, None
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(function, usual))
        return await asyncio.shield(self._asking)

    async def _ask(self, function: Function, usual: str) -> tuple[str, str | None]:
        """Once at a time, whoever waits for it: anybody may ask, and each would take a thread or a connection."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return _read(await _first(function), usual)
        except Exception as error:  # noqa: BLE001 - the developer's function may raise anything
            _log.warning("the ping function failed: %s", kinds_and_places(error))
            return BUSY, "the agent's ping function failed; the log has it"


async def _first(function: Function) -> Any:
    items = items_of(function, {})
    try:
        return await anext(items, None)
    finally:
        await items.aclose()


def _read(said: Any, usual: str) -> tuple[str, str | None]:
    """Take a status as any of the runtimes' functions give it: a name, an enum's member, an object with `status`."""
    words = None
    if isinstance(said, Mapping):
        words = str(said["message"])[:_MAX_WORDS] if said.get("message") else None
        said = said.get("status")
    name = str(getattr(said, "value", said)).lower()
    if said is False or name in {"healthybusy", "busy", "working"}:
        return BUSY, words
    return HEALTHY if name in {"healthy", "ok", "up"} else usual, words


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
