"""`fujie audit`: the ledger of credentials of a state directory, read and verified."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from fujie.cli.errors import CliError, NotStartedError
from fujie.identity.ledger import LedgerKey, verify
from fujie.identity.rows import LedgerEntry
from fujie.secret import Secret
from fujie.sessions.port import Store

T = TypeVar("T")


def tail(state: Path, count: int) -> str:
    """Return the last entries, one line each, oldest first. Raises NotStartedError, or StoreUnavailableError."""

    async def read(store: Store) -> str:
        last, _ = await store.ledger_head()
        return "\n".join(line_of(entry) for entry in await store.ledger(max(0, last - count), count))

    return asyncio.run(_with_store(state, read))


def verified(state: Path) -> str:
    """Return how many entries there are, all as written.

    Raises LedgerDamagedError, NotStartedError or StoreUnavailableError.
    """
    key = LedgerKey(_key_of(state))
    count = asyncio.run(_with_store(state, lambda store: verify(store, key)))
    return f"{count} {'entry' if count == 1 else 'entries'}, each as it was written and in its place"


def line_of(entry: LedgerEntry) -> str:
    """Return an entry in one line of plain characters: what it quotes comes from outside."""
    scopes = f" ({', '.join(entry.scopes)})" if entry.scopes else ""
    credential = f"{entry.kind} {entry.provider}{scopes}"
    words = (
        f"{entry.seq}  {entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.user.name} ({entry.user.tenant}/{entry.user.id})  "
        f"{entry.tool}  {credential}  {entry.decision}  {entry.outcome}  {entry.fingerprint or '-'}  "
        f"run {entry.run_id}  by {entry.actor}"
    )
    return "".join(character if character.isprintable() else "?" for character in words)


async def _with_store(state: Path, ask: Callable[[Store], Awaitable[T]]) -> T:
    from fujie.sessions.sql import SqlStore

    database = state / "fujie.db"
    if not database.is_file():
        raise NotStartedError(f"{state} has no database", repair="name the state directory of `fujie dev` with --state")
    store = SqlStore(f"sqlite+aiosqlite:///{database}")
    try:
        await store.open()
        return await ask(store)
    finally:
        await store.close()


def _key_of(state: Path) -> Secret:
    try:
        return Secret(json.loads((state / "keys.json").read_text())["ledger"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CliError(f"{state} holds no key of the ledger", repair="it is made by the next `fujie dev`") from error
