"""One event loop in one thread, for callers who have none and for callers whose loop must not wait.

Sync callers wait for it; async callers of any loop await it without their loop standing still. It begins at the first
call, belongs to whoever made it, and ends with `close`.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from fujie.identity.errors import BlockingCallError, CloudUnavailableError, IdentityMisconfiguredError

CLOSE_S = 5.0

T = TypeVar("T")
Ask = Callable[[], Coroutine[Any, Any, T]]


class LoopThread:
    """Runs coroutines for other threads of its process; a forked child that did not begin it is refused."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._is_closed = False

    def run(self, ask: Ask[T]) -> T:
        """Return what the coroutine returns, to a sync caller. Raises BlockingCallError inside a running loop."""
        refuse_running_loop()
        return self._submit(ask).result()

    async def wait(self, ask: Ask[T]) -> T:
        """Return what the coroutine returns, to an async caller of any loop; cancelling reaches the coroutine."""
        return await asyncio.wrap_future(self._submit(ask))

    def close(self, last: Ask[None] | None = None) -> None:
        """End the thread, after `last` ran in it; calls under way are cancelled. Closing twice is once."""
        with self._lock:
            loop, thread, self._is_closed = self._loop, self._thread, True
            self._loop = self._thread = None
        if loop is None or thread is None or self._process != os.getpid() or not thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(_wind_up(last), loop).add_done_callback(
            lambda _: loop.call_soon_threadsafe(loop.stop)
        )
        thread.join(CLOSE_S)

    def _submit(self, ask: Ask[T]) -> "Future[T]":
        with self._lock:
            if self._is_closed:
                raise CloudUnavailableError("this identity is closed", repair="make another, or close it later")
            return asyncio.run_coroutine_threadsafe(_begin(ask), self._started())

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is not None and self._process != os.getpid():
            raise IdentityMisconfiguredError(
                "this identity was used before the process forked: its connections are the parent's",
                repair="make it after the fork",
            )
        if self._loop is None:
            self._loop, self._process = asyncio.new_event_loop(), os.getpid()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
            self._thread.start()
        return self._loop


def refuse_running_loop() -> None:
    """Raise BlockingCallError where waiting would stop an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise BlockingCallError(
        "a sync function that needs a credential was called inside a running event loop",
        repair="make the function async, or call it with `await asyncio.to_thread(function, ...)`",
    )


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _begin(ask: Ask[T]) -> T:
    return await ask()


async def _wind_up(last: Ask[None] | None) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if last is not None:
        await last()
