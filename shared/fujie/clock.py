"""The one place where the product asks what time it is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current moment as an aware UTC datetime, from `time.time` so that a host may move it."""
    return datetime.fromtimestamp(time.time(), UTC)


def seconds(clock: Clock) -> int:
    """Return what a clock says in whole seconds since 1970."""
    return int(time.time() if clock is now else clock().timestamp())
