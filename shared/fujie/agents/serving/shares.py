"""How many of the open requests may be one user's: never more than are free, so that there is room for another.

One user alone can hold half of them; the more others hold, the fewer he may.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from fujie.agents.inbound import Inbound
from fujie.agents.port import Principal
from fujie.agents.serving.errors import RateLimitError

RETRY_AFTER_S = 1
_User = tuple[str, str]
Held = dict[_User, Callable[[_User], None]]
HELD: ContextVar[Held] = ContextVar("held")
"""For whom the present request is open, and who is to hear of its end; the server sets it, and tells him."""


class FairInbound(Inbound):
    """A door that refuses a user whose open requests are as many as could still be opened."""

    def __init__(self, inner: Inbound, limit: int) -> None:
        self._inner = inner
        self._limit = limit
        self._open: dict[_User, int] = {}
        self._total = 0

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        principal = await self._inner.admit(headers)
        held = HELD.get(None)
        user = (principal.user.tenant, principal.user.id)
        if held is not None and user not in held:
            self._take(user)
            held[user] = self._give_back
        return principal

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self._inner.only_verify(headers)

    def _take(self, user: _User) -> None:
        own = self._open.get(user, 0)
        if own >= max(1, self._limit - self._total):
            raise RateLimitError(
                "as many of your requests are open as may be",
                retry_after_s=RETRY_AFTER_S,
                repair="wait until one of them has ended",
            )
        self._open[user] = own + 1
        self._total += 1

    def _give_back(self, user: _User) -> None:
        self._total -= 1
        self._open[user] -= 1
        if not self._open[user]:
            del self._open[user]
