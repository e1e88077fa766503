"""Functions that are not async, in threads of their own: they never hold the event loop."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Generator
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MAX_THREADS = 64
"""Calls of such functions at the same time; more wait for their turn."""

_T = TypeVar("_T")
_END = object()


async def in_thread(function: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
    """Return what the function gives. A cancellation does not wait for it: a thread cannot be stopped."""
    call = partial(contextvars.copy_context().run, function, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_pool(), call)


async def stepped_in_thread(generator: Generator[Any, Any, Any]) -> AsyncGenerator[Any, None]:
    """Yield what a generator yields, one step at a time, in one context; it is closed at the end, also in a thread."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    step: asyncio.Future[Any] | None = None
    try:
        while True:
            step = loop.run_in_executor(_pool(), partial(context.run, next, generator, _END))
            item = await asyncio.shield(step)
            if item is _END:
                return
            yield item
    finally:
        if step is not None and not step.done():
            await asyncio.wait([step])
        await loop.run_in_executor(_pool(), context.run, generator.close)


@cache
def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="agent")
