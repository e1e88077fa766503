"""How often one caller may ask."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from fujie.agents.inbound import Inbound
from fujie.agents.port import Principal
from fujie.agents.serving.errors import RateLimitError

MAX_CALLERS = 10_000
"""Callers whose pace is remembered; beyond that the one that was silent longest is forgotten, and starts afresh."""


class PacedInbound(Inbound):
    """A door that lets each user in `per_minute` times a minute, evenly after a first burst of as many."""

    def __init__(self, inner: Inbound, per_minute: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        """User -> requests that are left, at which moment."""

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        principal = await self._inner.admit(headers)
        self._count(principal)
        return principal

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        await self._inner.only_verify(headers)

    async def close(self) -> None:
        """Close what the door within holds open."""
        if (close := getattr(self._inner, "close", None)) is not None:
            await close()

    def _count(self, principal: Principal) -> None:
        key = (principal.user.tenant, principal.user.id)
        now = self._monotonic()
        left, at = self._left.pop(key, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        if not allowed:
            wait_s = math.ceil((1 - left) * 60 / self._per_minute)
            raise RateLimitError(
                f"more than {self._per_minute} requests a minute", retry_after_s=wait_s, repair=f"wait {wait_s} s"
            )
