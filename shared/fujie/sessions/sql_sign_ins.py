"""Who is signed in, and what he has handed over."""

from datetime import datetime

import sqlalchemy as sa

from fujie.identity.rows import BrowserSession, Delegation, LoginAttempt
from fujie.sessions.errors import ConflictError
from fujie.sessions.sql_statements import Statements
from fujie.sessions.tables import BROWSER_SESSIONS, DELEGATIONS, LOGIN_ATTEMPTS


class SignInRows(Statements):
    """Rows of sign-ins, browser sessions and delegations."""

    # Sign-in

    async def add_login_attempt(self, attempt: LoginAttempt) -> None:
        await self._insert(LOGIN_ATTEMPTS, attempt)

    async def take_login_attempt(self, state_hash: str) -> LoginAttempt | None:
        taken = sa.delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.state_hash == state_hash).returning(*LOGIN_ATTEMPTS.c)
        return await self._one(LoginAttempt, taken)

    async def forget_login_attempts(self, now: datetime) -> None:
        await self._write(sa.delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.expires_at <= now))

    async def add_browser_session(self, session: BrowserSession) -> None:
        await self._insert(BROWSER_SESSIONS, session)

    async def browser_session(self, id_hash: str) -> BrowserSession | None:
        return await self._one(BrowserSession, sa.select(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash == id_hash))

    async def touch_browser_session(self, id_hash: str, idle_expires_at: datetime) -> None:
        where = BROWSER_SESSIONS.c.id_hash == id_hash
        await self._write(sa.update(BROWSER_SESSIONS).where(where).values(idle_expires_at=idle_expires_at))

    async def delete_browser_session(self, id_hash: str) -> None:
        await self._write(sa.delete(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash == id_hash))

    # Delegations

    async def add_delegation(self, delegation: Delegation) -> Delegation:
        try:
            await self._insert(DELEGATIONS, delegation)
        except ConflictError:
            return await self.delegation(delegation.id) or delegation
        return delegation

    async def delegation(self, delegation_id: str) -> Delegation | None:
        return await self._one(Delegation, sa.select(DELEGATIONS).where(DELEGATIONS.c.id == delegation_id))

    async def reseal_delegation(self, delegation_id: str, sealed: str, expires_at: datetime) -> None:
        await self._write(_standing(delegation_id).values(sealed=sealed, expires_at=expires_at))

    async def withdraw_delegation(self, delegation_id: str, at: datetime) -> None:
        await self._write(_standing(delegation_id).values(withdrawn_at=at))

    async def forget_ended_sign_ins(self, before: datetime, limit: int) -> None:
        over = sa.select(BROWSER_SESSIONS.c.id_hash).where(BROWSER_SESSIONS.c.idle_expires_at <= before).limit(limit)
        await self._write(sa.delete(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.id_hash.in_(over)))
        signed_in = sa.exists().where(BROWSER_SESSIONS.c.id_hash == DELEGATIONS.c.session_hash)
        ended = sa.select(DELEGATIONS.c.id).where(DELEGATIONS.c.expires_at <= before, ~signed_in).limit(limit)
        await self._write(sa.delete(DELEGATIONS).where(DELEGATIONS.c.id.in_(ended)))


def _standing(delegation_id: str) -> sa.Update:
    return sa.update(DELEGATIONS).where(DELEGATIONS.c.id == delegation_id, DELEGATIONS.c.withdrawn_at.is_(None))
