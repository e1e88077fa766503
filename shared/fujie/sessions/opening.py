"""The store that the settings name; the database library is imported only here, when one is wanted."""

from fujie.errors import SettingsError
from fujie.sessions.port import Store
from fujie.settings import Settings


def store_from_settings(settings: Settings) -> Store:
    """Return the stack's store, not yet opened. Raises SettingsError when no database is named."""
    if not settings.database_url:
        raise SettingsError(
            "FUJIE_DATABASE_URL is not set",
            repair="sqlite+aiosqlite:///path on one machine, postgresql+asyncpg://user@host/name everywhere else",
        )
    from fujie.sessions.sql import SqlStore

    return SqlStore(settings.database_url)
