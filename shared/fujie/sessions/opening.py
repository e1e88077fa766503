"""The store that the settings name; the database library is imported by its first use, not by a start."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fujie.errors import SettingsError
from fujie.sessions.port import Store
from fujie.settings import Settings

ADDRESSES = ("sqlite:", "sqlite+", "postgresql:", "postgresql+", "postgres:")


_METHODS = frozenset(name for name in dir(Store) if not name.startswith("_"))


class LateStore:
    """A SqlStore that the first call makes and opens, in a thread; calls at the same time wait for that one.

    A store that does not open fails the call (StoreUnavailableError, with the repair); the next call tries again.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opening = asyncio.Lock()
        self._store: Store | None = None

    async def open(self) -> None:
        """Do nothing yet: most first answers need no database, and its library costs 0.2 s."""

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()
            self._store = None

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name not in _METHODS:
            raise AttributeError(name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await getattr(self._store or await self._opened(), name)(*arguments, **named)

        return call

    async def _opened(self) -> Store:
        async with self._opening:
            if self._store is None:
                store = await asyncio.to_thread(_sql_store, self._database_url)
                try:
                    await store.open()
                except BaseException:
                    await store.close()
                    raise
                self._store = store
            return self._store


def store_from_settings(settings: Settings) -> Store:
    """Return the stack's store, not yet opened. Raises SettingsError when no database, or none of ours, is named."""
    repair = "sqlite+aiosqlite:///path on one machine, postgresql+asyncpg://user@host/name everywhere else"
    if not settings.database_url:
        raise SettingsError("FUJIE_DATABASE_URL is not set", repair=repair)
    if not settings.database_url.startswith(ADDRESSES):
        raise SettingsError("FUJIE_DATABASE_URL names no database of ours", repair=repair)
    return cast("Store", LateStore(settings.database_url))


def _sql_store(database_url: str) -> Store:
    from fujie.sessions.sql import SqlStore

    return SqlStore(database_url)
