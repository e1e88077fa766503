"""What must happen once, and what has happened."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from fujie.identity.rows import LedgerEntry, SealedCredential
from fujie.sessions.errors import ConflictError
from fujie.sessions.rows import Claim, Deed, DeedOutcome, claim_of
from fujie.sessions.sql_statements import Statements
from fujie.sessions.tables import DEEDS, LEDGER, LEDGER_HEAD, SHARED_CREDENTIALS, SPENT_TOKENS, columns_from_row


class RecordRows(Statements):
    """Rows of spent tokens, shared credentials, deeds and the ledger."""

    # Internal tokens

    async def spend_token(self, token_id: str, now: datetime, expires_at: datetime) -> bool:
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.delete(SPENT_TOKENS).where(SPENT_TOKENS.c.expires_at <= now))
                await connection.execute(sa.insert(SPENT_TOKENS).values(id=token_id, expires_at=expires_at))
        except ConflictError:
            return False
        return True

    # Credentials that instances share

    async def keep_credential(self, row: SealedCredential, now: datetime, limit: int) -> None:
        table = SHARED_CREDENTIALS
        last_to_end = sa.select(table.c.key_hash).order_by(table.c.expires_at.desc(), table.c.key_hash).limit(limit)
        try:
            async with self._transaction() as connection:
                going = sa.or_(table.c.expires_at <= now, table.c.key_hash == row.key_hash)
                await connection.execute(sa.delete(table).where(going))
                await connection.execute(sa.insert(table).values(columns_from_row(row)))
                await connection.execute(sa.delete(table).where(table.c.key_hash.not_in(last_to_end)))
        except ConflictError:
            return  # another instance kept it at the same moment

    async def kept_credential(self, key_hash: str) -> SealedCredential | None:
        table = SHARED_CREDENTIALS
        return await self._one(SealedCredential, sa.select(table).where(table.c.key_hash == key_hash))

    async def drop_credential(self, key_hash: str) -> None:
        table = SHARED_CREDENTIALS
        await self._write(sa.delete(table).where(table.c.key_hash == key_hash))

    # What must happen once

    async def claim_deed(self, deed: Deed, now: datetime) -> Claim:
        table = DEEDS
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.delete(table).where(table.c.expires_at <= now))
                await connection.execute(sa.insert(table).values(columns_from_row(deed)))
            return Claim("new")
        except ConflictError:
            found = await self._one(Deed, sa.select(table).where(table.c.id == deed.id))
        claim = Claim("held") if found is None else claim_of(found, now)
        if found is None or claim.state not in {"new", "lost"}:
            return claim
        as_found = (table.c.id == deed.id, table.c.status == found.status, table.c.held_until == found.held_until)
        taken = await self._write(sa.update(table).where(*as_found).values(columns_from_row(deed)))
        return claim if taken else Claim("held")

    async def end_deed(self, deed_id: str, outcome: DeedOutcome, result: str = "") -> None:
        await self._write(sa.update(DEEDS).where(DEEDS.c.id == deed_id).values(status=outcome, result=result))

    # Ledger

    async def append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        try:
            return await self._append_ledger(entry, seal)
        except ConflictError:  # two writers found an empty ledger at once
            return await self._append_ledger(entry, seal)

    async def _append_ledger(self, entry: LedgerEntry, seal: Callable[[LedgerEntry], str]) -> LedgerEntry:
        table = LEDGER_HEAD
        async with self._transaction() as connection:
            # The write comes first and takes the row's lock: the next writer waits here until this one is done.
            next_one = sa.update(table).values(seq=table.c.seq + 1).returning(table.c.seq, table.c.seal)
            found = (await connection.execute(next_one)).one_or_none()
            if found is None:
                await connection.execute(sa.insert(table).values(id="ledger", seq=1, seal=""))
            seq, previous = found or (1, "")
            entry = replace(entry, seq=seq, previous=previous, seal="")
            entry = replace(entry, seal=seal(entry))
            await connection.execute(sa.insert(LEDGER).values(columns_from_row(entry)))
            await connection.execute(sa.update(table).values(seal=entry.seal))
        return entry

    async def ledger(self, after: int = 0, limit: int = 1000) -> Sequence[LedgerEntry]:
        return await self._all(
            LedgerEntry, sa.select(LEDGER).where(LEDGER.c.seq > after).order_by(LEDGER.c.seq).limit(limit)
        )

    async def ledger_head(self) -> tuple[int, str]:
        async with self._transaction() as connection:
            found = (await connection.execute(sa.select(LEDGER_HEAD.c.seq, LEDGER_HEAD.c.seal))).one_or_none()
        return (0, "") if found is None else (found.seq, found.seal)
