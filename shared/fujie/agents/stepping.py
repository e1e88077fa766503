"""Async generators stepped by hand: what is ready comes at once, and whoever steps learns before he has to wait.

`step = items.__anext__()`, then `step.send(None)`: StopIteration holds an item that was ready, StopAsyncIteration is
the end, and what comes back is what the event loop would have to wait for. Then `rest` waits, or `let_go` gives up. A
coroutine that is stepped by hand is such a step as well, with its result for an item.
"""

import asyncio
from collections.abc import Generator
from contextlib import suppress
from types import coroutine
from typing import Any

Step = Generator[Any, None, Any]


@coroutine
def rest(step: Step, waits: Any, *, cancel: bool = False) -> Generator[Any, Any, Any]:
    """Go on with a step that has begun and came back with `waits`; return its item, or raise StopAsyncIteration."""
    if cancel and (waits is None or not waits.cancel()):  # one that is done already cannot be canceled any more
        try:
            waits = step.throw(asyncio.CancelledError())
        except StopIteration as done:
            return done.value
    while True:
        try:
            given = yield waits
        except GeneratorExit:
            step.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to where it belongs
            try:
                waits = step.throw(error)
            except StopIteration as done:
                return done.value
        else:
            try:
                waits = step.send(given)
            except StopIteration as done:
                return done.value


async def let_go(step: Step, waits: Any) -> None:
    """Cancel what a step waits for, and return when it has ended: its generator can be closed then."""
    with suppress(asyncio.CancelledError, StopAsyncIteration):
        await rest(step, waits, cancel=True)
