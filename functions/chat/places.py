"""How many streams one person may hold open: an instance has a hundred places, and they are everybody's."""

from collections import Counter
from collections.abc import AsyncIterator, Callable

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fujie.identity.rows import User
from functions.chat.errors import BusyError

WATCHES = 16
"""Open pages that one person watches; browsers open six to one origin, or share one connection."""
QUESTIONS = 48

Release = Callable[[], None]
SSE_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Places:
    """The places of one instance for one kind of stream, at most `limit` to a person."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[tuple[str, str]] = Counter()

    def take(self, user: User) -> Release:
        """Return what gives the place back; raises BusyError."""
        key = (user.tenant, user.id)
        if self._taken[key] >= self._limit:
            raise BusyError("you have too many answers open at once", repair="close some, or wait for one to end")
        self._taken[key] += 1
        return lambda: self._give_back(key)

    def _give_back(self, key: tuple[str, str]) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]


class EventStream(StreamingResponse):
    """Server-sent events that give their place back when they end, or the reader goes away."""

    def __init__(self, chunks: AsyncIterator[bytes], release: Release) -> None:
        super().__init__(chunks, media_type="text/event-stream", headers=SSE_HEADERS)
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()
