"""Outbound credentials of a tool call: API keys, OAuth tokens and narrowed STS credentials, on the user's behalf.

A cold call costs two requests (the workload access token, then the credential), shared by all who ask at once; a warm
one costs none. Lifetimes come from the wire, less a margin. Nothing is kept of a refusal.

A kept credential is handed out only to a run whose own id_token the cloud has verified and read as the run's user:
a seal that somebody forged for another person opens no cache.
"""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from fujie import clock
from fujie.identity.acting import Acting, Actor, Unattended
from fujie.identity.consent import TTL, ConsentAsk, ConsentDesk, words_from_ask
from fujie.identity.credential_cache import NO_TIME, CredentialCache, Kept
from fujie.identity.credential_key import API_KEY_TTL, MARGIN, CacheKey, Kind, beyond_margin
from fujie.identity.data_plane import AuthorizationNeeded, DataPlane, OAuthQuestion, OAuthToken
from fujie.identity.errors import AuthorizationRequired, CloudRefusedError, IdentityMisconfiguredError
from fujie.identity.grants import Permission, note_use, permission
from fujie.identity.port import IdentityStore
from fujie.identity.shared_credentials import SharedCredentials, SharedSecret
from fujie.identity.workload_tokens import Whom, WorkloadTokens
from fujie.permission import CredentialBadge
from fujie.secret import Secret
from fujie.settings import CallerKey, Settings

if TYPE_CHECKING:
    import httpx2

STS_DURATION_S = 900
"""The least that STS gives; a narrowed credential serves one call."""


@dataclass(frozen=True)
class IssuedCredential:
    """An API key or an access token, for the tool's HTTP client alone."""

    kind: Literal["api_key", "oauth"]
    provider: str
    scopes: tuple[str, ...]
    secret: Secret
    expires_at: datetime | None
    user_name: str
    generation: int = 0
    """Of the person's grant when it was obtained: after a withdrawal it is asked for no more."""
    wish_hash: str = ""
    """Of flow and audience, where nobody was asked."""

    def badge(self) -> CredentialBadge:
        """Return what may be said about it."""
        return CredentialBadge(self.kind, self.provider, self.scopes, self.user_name, _iso(self.expires_at))


@dataclass(frozen=True)
class Unasked:
    """An access token for which nobody is asked: the workload's own, or the workload's in the user's name."""

    provider: str
    scopes: tuple[str, ...]
    flow: Literal["M2M", "ON_BEHALF_OF"]
    audience: str = ""
    """The application at which a token in the user's name is good."""

    @property
    def digest(self) -> str:
        """Return what tells it apart from another of the same provider and scopes."""
        return hashlib.sha256(json.dumps([self.flow, self.audience]).encode()).hexdigest()


@dataclass(frozen=True)
class StsCredential:
    """Temporary credentials of the workload identity's role, narrowed to one call."""

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret
    expires_at: datetime
    user_name: str

    def badge(self, provider: str = "sts") -> CredentialBadge:
        """Return what may be said about it."""
        return CredentialBadge("sts", provider, (), self.user_name, _iso(self.expires_at))


class CredentialBroker:
    """Obtains credentials for verified users; the only place in the product that does."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        store: IdentityStore,
        desk: ConsentDesk,
        caller_key: Callable[[], CallerKey],
        *,
        shared: SharedCredentials | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        if not settings.workload_identity:
            raise IdentityMisconfiguredError(
                "no workload identity is configured", repair="set FUJIE_WORKLOAD_IDENTITY to its name"
            )
        self._workload = settings.workload_identity
        self._return_url = settings.public_url + "/callback"
        self._data_plane = DataPlane(settings, http, caller_key, now=now)
        self._store = store
        self._desk = desk
        self._shared = shared
        self._now = now
        self._wats = WorkloadTokens(self._data_plane, self._workload, now=now)
        self._issued: CredentialCache[CacheKey, IssuedCredential] = CredentialCache(now=now)
        self._roles: CredentialCache[CacheKey, StsCredential] = CredentialCache(now=now)

    async def api_key(self, acting: Actor, provider: str) -> IssuedCredential:
        """Return the workload's API key for the provider, obtained in the user's run or in nobody's."""
        await self._wats.subject(_whom(acting))
        key = self._key(acting, provider, (), "api_key")
        return await self._issued.get_or_fetch(
            key, lambda: self._shared_or_fetched(key, "", lambda: self._fetch_api_key(acting, provider), NO_TIME)
        )

    async def oauth(
        self,
        acting: Acting,
        provider: str,
        scopes: tuple[str, ...],
        *,
        ask: ConsentAsk,
        lasting: timedelta = NO_TIME,
    ) -> IssuedCredential:
        """Return the user's access token; raises AuthorizationRequired when the user has to be asked first.

        A kept token that ends while a call of `lasting` is under way is renewed before.

        A run that waits for the same permission already gets that request again. Callers of other runs share the
        token, never the request.
        """
        await self._wats.subject(_whom(acting))
        allowed = await permission(self._store, acting.user, provider)
        wanted = tuple(sorted(set(scopes)))
        issued = await self._oauth(acting, provider, wanted, ask, allowed, beyond_margin(lasting))
        await note_use(self._store, acting, provider, wanted, allowed, words_from_ask(ask), self._now())
        return issued

    async def unasked(self, acting: Actor, wish: Unasked, *, lasting: timedelta = NO_TIME) -> IssuedCredential:
        """Return an access token for which nobody is asked, obtained in the user's run.

        The workload's own token says nothing of the user; one in his name is had with his own id_token alone.
        """
        await self._wats.subject(_whom(acting))
        wish = replace(wish, scopes=tuple(sorted(set(wish.scopes))))
        key = self._key(acting, wish.provider, wish.scopes, "oauth", wish.digest)
        name = acting.user.name if wish.flow == "ON_BEHALF_OF" else ""
        asking, lasting = partial(self._fetch_unasked, acting, wish, name), beyond_margin(lasting)
        fetch = partial(self._shared_or_fetched, key, name, asking, lasting)
        return await self._issued.get_or_fetch(key, fetch, lasting=lasting)

    async def _oauth(
        self,
        acting: Acting,
        provider: str,
        scopes: tuple[str, ...],
        ask: ConsentAsk,
        allowed: Permission,
        lasting: timedelta,
    ) -> IssuedCredential:
        key = replace(self._key(acting, provider, scopes, "oauth"), generation=allowed.generation)

        def fetch() -> Awaitable[Kept[IssuedCredential]]:
            asking = partial(self._fetch_oauth, acting, provider, scopes, ask, allowed)
            return self._shared_or_fetched(key, acting.user.name, asking, lasting)

        try:
            return await self._issued.get_or_fetch(key, fetch, lasting=lasting)
        except AuthorizationRequired as asked:
            if asked.run_id == acting.run.id:
                raise
        return await self._issued.get_or_fetch(key, fetch, flight=acting.run.id, lasting=lasting)

    async def sts(self, acting: Actor, policy: Mapping[str, Any], *, session_name: str) -> StsCredential:
        """Return credentials that can do no more than the session policy says; raises on an empty one."""
        if not policy.get("Statement"):
            raise IdentityMisconfiguredError("a session policy without statements would not narrow anything")
        await self._wats.subject(_whom(acting))
        text = json.dumps({"policy": policy, "session": session_name}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        key = self._key(acting, "sts", (), "sts", digest)
        return await self._roles.get_or_fetch(key, lambda: self._fetch_sts(acting, policy, session_name))

    async def forget(self, acting: Actor, credential: IssuedCredential) -> None:
        """Drop a credential that its receiver refused, so that the next call asks the cloud again."""
        key = self._key(acting, credential.provider, credential.scopes, credential.kind, credential.wish_hash)
        key = replace(key, generation=credential.generation)
        self._issued.forget(key)
        if self._shared is not None:
            await self._shared.forget(key)

    async def _shared_or_fetched(
        self, key: CacheKey, user_name: str, fetch: Callable[[], Awaitable[Kept[IssuedCredential]]], lasting: timedelta
    ) -> Kept[IssuedCredential]:
        """Return what another instance shares, else fetch it and share it."""
        if self._shared is None or key.kind == "sts":
            return await fetch()
        found = await self._shared.get(key, lasting=lasting)
        if found is not None:
            secret, ends = found.secret, found.expires_at
            issued = IssuedCredential(
                key.kind, key.provider, key.scopes, secret, ends, user_name, key.generation, key.policy_hash
            )
            return Kept(issued, found.until)
        kept = await fetch()
        if kept.until is not None:
            await self._shared.put(key, SharedSecret(kept.value.secret, kept.value.expires_at, kept.until))
        return kept

    async def _fetch_api_key(self, acting: Actor, provider: str) -> Kept[IssuedCredential]:
        secret = await self._wats.ask_with(
            _whom(acting), lambda wat: self._data_plane.get_resource_api_key(wat, provider)
        )
        return Kept(IssuedCredential("api_key", provider, (), secret, None, ""), self._now() + API_KEY_TTL)

    async def _fetch_oauth(
        self, acting: Acting, provider: str, scopes: tuple[str, ...], ask: ConsentAsk, allowed: Permission
    ) -> Kept[IssuedCredential]:
        asked_at = self._now()
        for asked in allowed.scopes_to_ask(scopes):
            state = Secret(secrets.token_urlsafe(32))
            waiting = await self._desk.open_request(acting, provider, asked)
            if waiting is not None:
                raise AuthorizationRequired(waiting, run_id=acting.run.id)
            answer = await self._ask_oauth(acting, provider, asked, state, force=allowed.is_withdrawn)
            if not isinstance(answer, AuthorizationNeeded):
                break
        if isinstance(answer, AuthorizationNeeded):
            request = await self._desk.request(
                acting,
                provider,
                asked,
                ask,
                session_uri=answer.session_uri,
                authorization_url=answer.authorization_url,
                state=state,
                expires_at=self._now() + TTL,
                known_words=allowed.words(),
            )
            raise AuthorizationRequired(request, run_id=acting.run.id)
        if allowed.is_withdrawn:
            raise CloudRefusedError("the cloud gave a token though the person has withdrawn the permission")
        ends = None if answer.lifetime_s is None else asked_at + timedelta(seconds=answer.lifetime_s)
        name, generation = acting.user.name, allowed.generation
        issued = IssuedCredential("oauth", provider, scopes, answer.access_token, ends, name, generation)
        return Kept(issued, ends - MARGIN if ends else None)

    async def _fetch_unasked(self, acting: Actor, wish: Unasked, user_name: str) -> Kept[IssuedCredential]:
        asked_at = self._now()
        whom = _whom(acting) if wish.flow == "ON_BEHALF_OF" else Whom(acting.user.tenant)
        question = OAuthQuestion(wish.provider, wish.scopes, flow=wish.flow, audience=wish.audience)
        answer = await self._wats.ask_with(whom, lambda wat: self._data_plane.get_resource_oauth2_token(wat, question))
        if isinstance(answer, AuthorizationNeeded):
            raise CloudRefusedError("the cloud would ask the user, and this token is one for which nobody is asked")
        ends = None if answer.lifetime_s is None else asked_at + timedelta(seconds=answer.lifetime_s)
        issued = IssuedCredential(
            "oauth", wish.provider, wish.scopes, answer.access_token, ends, user_name, wish_hash=wish.digest
        )
        return Kept(issued, ends - MARGIN if ends else None)

    async def _ask_oauth(
        self, acting: Acting, provider: str, scopes: tuple[str, ...], state: Secret, *, force: bool
    ) -> OAuthToken | AuthorizationNeeded:
        hint = {"login_hint": acting.user.name}
        question = OAuthQuestion(provider, scopes, self._return_url, state, custom_parameters=hint, force=force)
        return await self._wats.ask_with(
            _whom(acting), lambda wat: self._data_plane.get_resource_oauth2_token(wat, question)
        )

    async def _fetch_sts(self, acting: Actor, policy: Mapping[str, Any], session_name: str) -> Kept[StsCredential]:
        role = await self._wats.ask_with(
            _whom(acting),
            lambda wat: self._data_plane.assume_role_for_workload_identity(
                wat, session_name=session_name, duration_s=STS_DURATION_S, policy=policy
            ),
        )
        credential = StsCredential(
            role.access_key_id, role.access_key_secret, role.security_token, role.expires_at, acting.user.name
        )
        return Kept(credential, role.expires_at - MARGIN)

    def _key(
        self, acting: Actor, provider: str, scopes: tuple[str, ...], kind: Kind, policy_hash: str = ""
    ) -> CacheKey:
        user = acting.user
        return CacheKey(user.tenant, user.id, self._workload, provider, scopes, kind, policy_hash)


def _whom(acting: Actor) -> Whom:
    if isinstance(acting, Unattended):
        return Whom(acting.tenant)
    tokens, user = acting.tokens, acting.user
    return Whom(user.tenant, tokens.id_token, subject=user.id, expires_at=tokens.expires_at)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
