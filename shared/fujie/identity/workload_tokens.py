"""Workload access tokens (WATs): for the user of an id_token, for a named user, or for the workload itself.

One request per person for as long as it lasts, whoever asks and for which credential.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from fujie import clock
from fujie.identity.claims import unverified_payload
from fujie.identity.credential_cache import CredentialCache, Kept
from fujie.identity.data_plane import DataPlane, UserAccess
from fujie.identity.errors import CloudRefusedError, DelegationMismatchError, TokenInvalidError
from fujie.secret import Secret

WAT_TTL = timedelta(minutes=4)
"""The cloud's WATs live about five minutes and do not say so."""
INVALID_WAT = "InvalidParameter.WorkloadAccessToken"

T = TypeVar("T")


@dataclass(frozen=True)
class Whom:
    """For whom a token is asked; without id_token and user id, for the workload."""

    tenant: str
    id_token: Secret | None = None
    user_id: str = ""
    subject: str = ""
    """Whom the id_token must name; empty takes whom the cloud reads in it."""
    expires_at: datetime | None = None
    """When the id_token ends; None reads it in the token, once the cloud has verified that."""


@dataclass(frozen=True)
class WatKey:
    """Whose workload access token, and by which proof it was obtained."""

    tenant: str
    user: str
    workload: str
    proof: str


class WorkloadTokens:
    """Obtains WATs and keeps them; says whom an id_token names once the cloud has verified it."""

    def __init__(self, data_plane: DataPlane, workload: str, *, now: clock.Clock = clock.now) -> None:
        self._data_plane = data_plane
        self._workload = workload
        self._now = now
        self._wats: CredentialCache[WatKey, UserAccess] = CredentialCache(now=now)
        self._proven: CredentialCache[WatKey, str] = CredentialCache(now=now)

    def known(self, whom: Whom) -> str | None:
        """Return the subject of an id_token that the cloud verified before, else None."""
        return self._proven.get(self._key(whom))

    def kept(self, whom: Whom) -> Secret | None:
        """Return the WAT that is kept, if one is."""
        access = self._wats.get(self._key(whom))
        return None if access is None else access.token

    async def subject(self, whom: Whom) -> str:
        """Return the subject, verified by the cloud once.

        Raises TokenInvalidError, or DelegationMismatchError when it is not the one expected.
        """
        known = self.known(whom)
        return known if known is not None else (await self._access(whom)).subject

    async def token(self, whom: Whom) -> Secret:
        """Return a WAT."""
        return (await self._access(whom)).token

    async def ask_with(self, whom: Whom, ask: Callable[[Secret], Awaitable[T]]) -> T:
        """Ask with a WAT; once more with a fresh one when the cloud has forgotten the kept one."""
        key = self._key(whom)
        wat = await self.token(whom)
        try:
            return await ask(wat)
        except CloudRefusedError as refused:
            if refused.cloud_code != INVALID_WAT:
                raise
        kept = self._wats.get(key)
        if kept is not None and kept.token == wat:
            self._wats.forget(key)
        return await ask(await self.token(whom))

    async def _access(self, whom: Whom) -> UserAccess:
        return await self._wats.get_or_fetch(self._key(whom), lambda: self._fetch(whom))

    async def _fetch(self, whom: Whom) -> Kept[UserAccess]:
        until = self._now() + WAT_TTL
        if whom.id_token is None:
            return Kept(UserAccess(await self._without_proof(whom), whom.user_id), until)
        access = await self._data_plane.get_workload_access_token_for_jwt(self._workload, whom.id_token)
        if whom.subject and access.subject != whom.subject:
            raise DelegationMismatchError("the delegation holds the token of somebody else")
        ends = whom.expires_at or _end_of_verified(whom.id_token) or until
        self._proven.put(self._key(whom), Kept(access.subject, ends))
        return Kept(access, min(until, ends))

    async def _without_proof(self, whom: Whom) -> Secret:
        if whom.user_id:
            return await self._data_plane.get_workload_access_token_for_user_id(self._workload, whom.user_id)
        return await self._data_plane.get_workload_access_token(self._workload)

    def _key(self, whom: Whom) -> WatKey:
        if whom.id_token is None:
            return WatKey(whom.tenant, whom.user_id, self._workload, "named" if whom.user_id else "")
        digest = hashlib.sha256(whom.id_token.reveal().encode()).hexdigest()
        return WatKey(whom.tenant, whom.subject, self._workload, digest)


def _end_of_verified(id_token: Secret) -> datetime | None:
    """Return the `exp` of a token whose signature the cloud has just checked."""
    try:
        ends = unverified_payload(id_token).get("exp")
        usable = isinstance(ends, int | float) and not isinstance(ends, bool)
        return datetime.fromtimestamp(ends, UTC) if usable and ends is not None else None
    except (TokenInvalidError, OverflowError, ValueError, OSError):
        return None
