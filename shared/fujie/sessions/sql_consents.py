"""What was asked for, and what was allowed."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from fujie.identity.rows import OPEN_CONSENT, Consent, ConsentStatus, Grant, User
from fujie.sessions.errors import ConflictError
from fujie.sessions.sql_statements import Statements
from fujie.sessions.tables import CONSENTS, GRANTS, columns_from_row


class ConsentRows(Statements):
    """Rows of consents and grants."""

    # Consents

    async def add_consent(self, consent: Consent) -> None:
        await self._insert(CONSENTS, consent)

    async def consent(self, consent_id: str) -> Consent | None:
        return await self._one(Consent, sa.select(CONSENTS).where(CONSENTS.c.id == consent_id))

    async def consent_by_state(self, state_hash: str) -> Consent | None:
        return await self._one(Consent, sa.select(CONSENTS).where(CONSENTS.c.state_hash == state_hash))

    async def open_consents(self, run_id: str) -> Sequence[Consent]:
        still_open = sa.select(CONSENTS).where(CONSENTS.c.run_id == run_id, CONSENTS.c.status.in_(OPEN_CONSENT))
        return await self._all(Consent, still_open.order_by(CONSENTS.c.created_at, CONSENTS.c.id))

    async def open_consents_of(self, user: User, provider: str) -> Sequence[Consent]:
        own = (CONSENTS.c.tenant == user.tenant, CONSENTS.c.user_id == user.id, CONSENTS.c.provider == provider)
        still_open = sa.select(CONSENTS).where(*own, CONSENTS.c.status.in_(OPEN_CONSENT))
        return await self._all(Consent, still_open.order_by(CONSENTS.c.created_at, CONSENTS.c.id))

    async def expired_consents(self, now: datetime, limit: int = 100) -> Sequence[Consent]:
        over = sa.select(CONSENTS).where(CONSENTS.c.status.in_(OPEN_CONSENT), CONSENTS.c.expires_at <= now)
        return await self._all(Consent, over.order_by(CONSENTS.c.expires_at, CONSENTS.c.id).limit(limit))

    async def move_consent(
        self,
        consent_id: str,
        expected: Sequence[ConsentStatus],
        status: ConsentStatus,
        *,
        bound_session_hash: str | None = None,
        expires_at: datetime | None = None,
    ) -> Consent | None:
        changed = {"status": status, "bound_session_hash": bound_session_hash, "expires_at": expires_at}
        values = {name: value for name, value in changed.items() if value is not None}
        where = (CONSENTS.c.id == consent_id, CONSENTS.c.status.in_(expected))
        return await self._one(Consent, sa.update(CONSENTS).where(*where).values(values).returning(*CONSENTS.c))

    # Grants

    async def give_grant(self, grant: Grant, *, revives: bool) -> None:
        try:
            await self._give_grant(grant, revives=revives)
        except ConflictError:  # another writer put the row in between our look and our insert
            await self._give_grant(grant, revives=revives)

    async def _give_grant(self, grant: Grant, *, revives: bool) -> None:
        values = columns_from_row(grant)
        changed = {name: values[name] for name in ("scopes", "words", "granted_at")} | {"withdrawn_at": None}
        withdrawn = GRANTS.c.withdrawn_at.is_not(None)
        kept = (
            changed
            if revives
            else {name: sa.case((withdrawn, GRANTS.c[name]), else_=new) for name, new in changed.items()}
        )
        async with self._transaction() as connection:
            written = await connection.execute(
                sa.update(GRANTS).where(*_grant_of(grant.user, grant.provider)).values(kept)
            )
            if written.rowcount == 0:
                await connection.execute(sa.insert(GRANTS).values(values))

    async def grant(self, user: User, provider: str) -> Grant | None:
        return await self._one(Grant, sa.select(GRANTS).where(*_grant_of(user, provider)))

    async def grants(self, user: User) -> Sequence[Grant]:
        own = (GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id, GRANTS.c.withdrawn_at.is_(None))
        return await self._all(Grant, sa.select(GRANTS).where(*own).order_by(GRANTS.c.provider))

    async def touch_grant(self, grant_id: str, at: datetime) -> None:
        await self._write(sa.update(GRANTS).where(GRANTS.c.id == grant_id).values(last_used_at=at))

    async def withdraw_grant(self, grant_id: str, user: User, at: datetime) -> Grant | None:
        own = (GRANTS.c.id == grant_id, GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id)
        changed = {"withdrawn_at": at, "generation": GRANTS.c.generation + 1}
        withdrawn = sa.update(GRANTS).where(*own, GRANTS.c.withdrawn_at.is_(None)).values(changed)
        return await self._one(Grant, withdrawn.returning(*GRANTS.c))


def _grant_of(user: User, provider: str) -> tuple[sa.ColumnElement[bool], ...]:
    return GRANTS.c.tenant == user.tenant, GRANTS.c.user_id == user.id, GRANTS.c.provider == provider
