"""Runs that go on whoever listens: each has a task, and the tasks have an owner."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fujie.agents.port import Heard
from fujie.errors import FujieError
from fujie.protocols.events import RunEvent

_log = logging.getLogger(__name__)


class Background:
    """Owns the tasks; `close` ends them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, events: AsyncGenerator[RunEvent, None], heard: Heard | None = None) -> None:
        """Let a run go on."""
        task = asyncio.create_task(_perform(events, heard or _nobody))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what still runs, and return when each run's end is written."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _perform(events: AsyncGenerator[RunEvent, None], heard: Heard) -> None:
    try:
        async with aclosing(events):
            async for event in events:
                await heard(event)
    except FujieError as error:
        _log.warning("a run in the background was given up: %s: %s", error.code, error.message)
    finally:
        await heard(None)


async def _nobody(event: RunEvent | None) -> None:
    del event
