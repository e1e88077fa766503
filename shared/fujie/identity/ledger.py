"""The ledger of credentials: one row per use, sealed with a key that only its writer holds, chained to the one before.

Who can write the database but does not have the key can neither change, insert, reorder nor drop an entry unnoticed.
He could put back an older state of the whole ledger: keep the count that `verify` gives somewhere else.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from msgspec.structs import asdict, replace

from fujie.identity.errors import IdentityError
from fujie.identity.port import IdentityStore
from fujie.identity.rows import LedgerEntry
from fujie.secret import Secret

PAGE = 500
WRITE_S = 2.0
"""How long a call waits for its entry; a slower insert goes on without it."""

_log = logging.getLogger(__name__)


class LedgerDamagedError(IdentityError):
    """The ledger is not as it was written."""

    code = "ledger_damaged"
    status = 500


@dataclass(frozen=True)
class LedgerKey:
    """Seals entries and fingerprints credentials; two keys in one, so that neither text can stand for the other."""

    key: Secret

    def seal(self, entry: LedgerEntry) -> str:
        """Return the seal of an entry: everything in it counts, its number and its predecessor's seal too."""
        said = {name: value for name, value in asdict(entry).items() if name not in {"seal", "user"}}
        said |= {
            "at": entry.at.astimezone(UTC).isoformat(),
            "user": [entry.user.tenant, entry.user.id, entry.user.name],
        }
        return self._mac("entry", json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    def fingerprint(self, credential: Secret) -> str:
        """Return what tells one credential from another and says nothing about it."""
        return self._mac("credential", credential.reveal())[:32]

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(
            self.key.reveal().encode(), f"fujie ledger {purpose}\n{text}".encode(), hashlib.sha256
        ).hexdigest()


class Ledger:
    """Writes the ledger of one stack. A call waits for one insert and no longer than `WRITE_S`."""

    def __init__(self, store: IdentityStore, key: LedgerKey) -> None:
        self._store = store
        self._key = key
        self._late: set[asyncio.Task[LedgerEntry]] = set()

    async def record(self, entry: LedgerEntry, credential: Secret | None) -> None:
        """Keep the entry with the credential's fingerprint. What was done stands also if it cannot be written down.

        Then the log has the entry, as an error: nothing is lost, and somebody hears of it.
        """
        if credential is not None:
            entry = replace(entry, fingerprint=self._key.fingerprint(credential))
        writing = asyncio.ensure_future(self._store.append_ledger(entry, self._key.seal))
        self._late.add(writing)
        writing.add_done_callback(lambda done: self._written(entry, done))
        await asyncio.wait([writing], timeout=WRITE_S)

    def _written(self, entry: LedgerEntry, done: "asyncio.Task[LedgerEntry]") -> None:
        self._late.discard(done)
        failed = "cancelled" if done.cancelled() else type(done.exception()).__name__ if done.exception() else ""
        if failed:
            _log.error("the ledger lacks an entry (%s): %s", failed, text_of(entry))


async def entries_of(store: IdentityStore) -> AsyncIterator[LedgerEntry]:
    """Yield the whole ledger in order, a page at a time."""
    after = 0
    while page := await store.ledger(after, PAGE):
        for entry in page:
            yield entry
        after = page[-1].seq


async def verify(store: IdentityStore, key: LedgerKey) -> int:
    """Return how many entries there are when each is whole and in its place; raises LedgerDamagedError.

    The head is read first: what is written meanwhile belongs to the next look.
    """
    head_seq, head_seal = await store.ledger_head()
    previous, count = "", 0
    async for entry in entries_of(store):
        if count == head_seq:
            await _refuse_unless_written_since(store, head_seq)
            break
        check_entry(entry, count + 1, previous, key)
        previous, count = entry.seal, count + 1
    if (count, previous) != (head_seq, head_seal):
        raise LedgerDamagedError(f"the ledger ends with entry {count}, and {head_seq} were written")
    return count


async def _refuse_unless_written_since(store: IdentityStore, seq: int) -> None:
    if (await store.ledger_head())[0] <= seq:
        raise LedgerDamagedError(f"the ledger has entries after its last, which is {seq}")


def check_entry(entry: LedgerEntry, seq: int, previous: str, key: LedgerKey) -> None:
    """Raise LedgerDamagedError unless the entry is the one that was written at this place."""
    if entry.seq != seq:
        raise LedgerDamagedError(f"entry {seq} of the ledger is missing")
    if not hmac.compare_digest(entry.previous, previous):
        raise LedgerDamagedError(f"entry {seq} of the ledger does not follow the one before it")
    if not hmac.compare_digest(entry.seal, key.seal(entry)):
        raise LedgerDamagedError(f"entry {seq} of the ledger was changed")


def text_of(entry: LedgerEntry) -> str:
    """Return the entry as one line of JSON, always the same for the same entry."""
    said = asdict(entry) | {
        "at": entry.at.astimezone(UTC).isoformat(),
        "user": [entry.user.tenant, entry.user.id, entry.user.name],
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def actors(act: Mapping[str, Any]) -> str:
    """Return an `act` chain (InternalCaller.act) as the ledger shows it, the last speaker first."""
    names: list[str] = []
    link: Any = act
    while link:
        names.append(str(link.get("sub", "")))
        link = link.get("act")
    return " < ".join(names)
