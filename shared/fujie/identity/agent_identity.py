"""Credentials for an agent that runs in its developer's own process, on the same core as the product's.

Warm calls are answered from memory, on any thread. Everything else happens in one thread's event loop, so that sync and
async callers, of however many loops, share connections, caches and acquisitions.
"""

import asyncio
import atexit
import hashlib
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fujie import clock
from fujie.http import http_client
from fujie.identity.behalf import Behalf, current_behalf
from fujie.identity.claims import unverified_header
from fujie.identity.credential_cache import NO_TIME, CredentialCache, Kept
from fujie.identity.credential_key import API_KEY_TTL, MARGIN, CacheKey, Kind, beyond_margin
from fujie.identity.data_plane import AuthorizationNeeded, DataPlane, OAuthQuestion, OAuthToken
from fujie.identity.errors import (
    CloudRefusedError,
    CloudUnavailableError,
    DelegationRequiredError,
    IdentityMisconfiguredError,
    OwnAuthorizationRequired,
)
from fujie.identity.links import Answer, Link, Links, met
from fujie.identity.loop_thread import LoopThread, refuse_running_loop
from fujie.identity.workload_tokens import Whom, WorkloadTokens
from fujie.permission import ConsentRequest, OAuthFlow, Scope
from fujie.secret import Secret
from fujie.settings import CallerKey, Settings, caller_key_from_environ, settings_from_environ

if TYPE_CHECKING:
    import httpx2

DEADLINE_S = 25.0
"""For all requests of one acquisition together; each has its own, shorter one."""
LINK_TTL = timedelta(minutes=9, seconds=30)
"""A little less than the cloud gives its links, so that nobody is sent to a dead one."""
LEAST_STS_S, LONGEST_STS_S = 900, 43_200
SESSION_NAME = "fujie-agent"

T = TypeVar("T")


@dataclass(frozen=True)
class StsToken:
    """Temporary credentials, in the official SDK's names; nothing secret of it is shown."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False)
    expiration: str


@dataclass(frozen=True)
class OAuthWish:
    """Which access token is wanted, and how the user is asked for it where he has to be."""

    provider: str
    scopes: tuple[str, ...] = ()
    flow: OAuthFlow = "USER_FEDERATION"
    callback_url: str = ""
    force: bool = False
    audience: str = ""
    custom_parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    lasting: timedelta = NO_TIME
    """How long the call takes that the token is for."""


@dataclass(frozen=True)
class Need(Generic[T]):
    """A credential that is needed: how to find it in memory, and how to obtain it. Made by AgentIdentity alone."""

    find: Callable[[], T | None]
    obtain: Callable[[], Coroutine[Any, Any, T]]
    forget: Callable[[], None]


class AgentIdentity:
    """Obtains credentials of one workload identity; `caller_key` gives the key that signs, at each use.

    It owns a thread from its first cold call on; `close` ends that.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        caller_key: Callable[[], CallerKey] = caller_key_from_environ,
        *,
        now: clock.Clock = clock.now,
        make_http: "Callable[[], httpx2.AsyncClient]" = http_client,
    ) -> None:
        self._settings = settings or settings_from_environ()
        self._workload = self._settings.workload_identity
        if not self._workload:
            raise IdentityMisconfiguredError(
                "no workload identity is configured", repair="set FUJIE_WORKLOAD_IDENTITY to its name"
            )
        self._caller_key = caller_key
        self._now = now
        self._thread = LoopThread("fujie-identity")
        self._http = make_http()
        self._data_plane = DataPlane(self._settings, self._http, caller_key, now=now)
        self._wats = WorkloadTokens(self._data_plane, self._workload, now=now)
        self._secrets: CredentialCache[CacheKey, Secret] = CredentialCache(now=now)
        self._roles: CredentialCache[CacheKey, StsToken] = CredentialCache(now=now)
        self._links: CredentialCache[CacheKey, OwnAuthorizationRequired] = CredentialCache(now=now)
        self._given_out = Links(now)

    async def get(self, need: Need[T]) -> T:
        """Return what is needed, for the present behalf; the caller's loop never waits in place."""
        found = need.find()
        if found is not None:
            return found
        try:
            return await self._thread.wait(lambda: _in_time(need))
        except OwnAuthorizationRequired as asked:
            met(asked)
            raise

    def get_blocking(self, need: Need[T]) -> T:
        """Return what is needed to a sync caller; raises BlockingCallError inside a running loop."""
        refuse_running_loop()
        found = need.find()
        if found is not None:
            return found
        try:
            return self._thread.run(lambda: _in_time(need))
        except OwnAuthorizationRequired as asked:
            met(asked)
            raise

    def workload_token(self) -> Need[Secret]:
        """Need a workload access token of whom the present context names."""
        behalf, whom = current_behalf(), self._whom(current_behalf())
        given = behalf.workload_token

        async def obtain() -> Secret:
            return given if given is not None else await self._wats.token(whom)

        return Need(lambda: given or self._wats.kept(whom), obtain, _nothing)

    def api_key(self, provider: str) -> Need[Secret]:
        """Need the API key that the vault keeps under the provider's name."""
        behalf = current_behalf()

        async def fetch() -> Kept[Secret]:
            key = await self._ask_with(behalf, lambda wat: self._data_plane.get_resource_api_key(wat, provider))
            return Kept(key, self._now() + API_KEY_TTL)

        return self._need(self._secrets, behalf, ("api_key", provider, (), ""), fetch)

    def access_token(self, wish: OAuthWish) -> Need[Secret]:
        """Need an OAuth access token.

        Obtaining raises OwnAuthorizationRequired when the user has to be asked first, DelegationRequiredError when
        there is no user and the flow is about one.
        """
        behalf = Behalf() if wish.flow == "M2M" else current_behalf()
        if wish.flow != "M2M" and not behalf.has_user:
            raise DelegationRequiredError(
                f"a token of {wish.provider} needs a user", repair="call inside `with on_behalf_of(user_token=...)`"
            )
        scopes = tuple(sorted(set(wish.scopes)))
        what: _What = (
            "oauth",
            wish.provider,
            scopes,
            _digest([wish.flow, wish.audience, dict(wish.custom_parameters)]),
        )
        state = behalf.custom_state.fingerprint() if behalf.custom_state else ""
        return self._need(
            self._secrets,
            behalf,
            what,
            lambda: self._fetch_oauth(behalf, wish, what),
            flight=(wish.callback_url, state, wish.force),
            lasting=wish.lasting,
            is_forced=wish.force,
        )

    def sts(self, duration_s: int = 3600, policy: Mapping[str, Any] | None = None) -> Need[StsToken]:
        """Need temporary credentials of the workload identity's role, narrowed by a session policy where one is given.

        Raises IdentityMisconfiguredError as `check_sts` does.
        """
        check_sts(duration_s, policy)
        behalf = current_behalf()

        async def fetch() -> Kept[StsToken]:
            role = await self._ask_with(
                behalf,
                lambda wat: self._data_plane.assume_role_for_workload_identity(
                    wat, session_name=SESSION_NAME, duration_s=duration_s, policy=policy
                ),
            )
            secret, token = role.access_key_secret.reveal(), role.security_token.reveal()
            return Kept(StsToken(role.access_key_id, secret, token, _iso(role.expires_at)), role.expires_at - MARGIN)

        what: _What = ("sts", "sts", (), _digest([duration_s, dict(policy) if policy else None]))
        return self._need(self._roles, behalf, what, fetch)

    async def complete(self, session_uri: str, *, user_token: str | Secret) -> None:
        """Confirm a permission with the id_token of the user who came back in this very session.

        Runs of this process that wait for it go on. Raises TokenInvalidError for a token that is none,
        CloudRefusedError for somebody else's, a used or an ended session.
        """
        token = user_token if isinstance(user_token, Secret) else Secret(user_token)
        unverified_header(token)

        async def confirm() -> None:
            await self._data_plane.complete_resource_token_auth(session_uri, token)
            self._given_out.completed(session_uri)

        await self._thread.wait(confirm)

    def close(self) -> None:
        """End the thread and its connections."""
        self._thread.close(self._http.aclose)

    def _need(
        self,
        kept: CredentialCache[CacheKey, T],
        behalf: Behalf,
        what: "_What",
        fetch: Callable[[], Coroutine[Any, Any, Kept[T]]],
        *,
        flight: tuple[Any, ...] | None = None,
        lasting: timedelta = NO_TIME,
        is_forced: bool = False,
    ) -> Need[T]:
        whom, beyond = self._whom(behalf), beyond_margin(lasting)

        def find() -> T | None:
            owner = None if is_forced else self._known_owner(behalf, whom)
            return None if owner is None else kept.get(self._key(owner, what), lasting=beyond)

        async def obtain() -> T:
            key = self._key(await self._owner(behalf, whom), what)
            if is_forced:
                kept.forget(key)
            return await kept.get_or_fetch(key, fetch, flight=flight, lasting=beyond)

        def forget() -> None:
            owner = self._known_owner(behalf, whom)
            if owner is not None:
                kept.forget(self._key(owner, what))

        return Need(find, obtain, forget)

    async def _fetch_oauth(self, behalf: Behalf, wish: OAuthWish, what: "_What") -> Kept[Secret]:
        key = self._key(await self._owner(behalf, self._whom(behalf)), what)
        link = self._links.get(key) if wish.force else None
        asked_at = self._now()
        answer = await self._poll(behalf, wish, link) if link is not None else None
        if isinstance(answer, AuthorizationNeeded) and link is not None:
            raise link.with_traceback(None)
        answer = answer or await self._ask_oauth(behalf, self._question(behalf, wish))
        self._links.forget(key)
        if isinstance(answer, AuthorizationNeeded):
            asked = self._asked(behalf, wish, answer)
            self._links.put(key, Kept(asked, asked.expires_at))
            raise asked
        lifetime = None if answer.lifetime_s is None else timedelta(seconds=answer.lifetime_s)
        return Kept(answer.access_token, None if lifetime is None else asked_at + lifetime - MARGIN)

    def _asked(self, behalf: Behalf, wish: OAuthWish, answer: AuthorizationNeeded) -> OwnAuthorizationRequired:
        async def ask() -> Answer:
            found = await self._thread.wait(lambda: self._poll(behalf, wish, link))
            return "refused" if found is None else "open" if isinstance(found, AuthorizationNeeded) else "granted"

        link = Link(answer.session_uri, self._now() + LINK_TTL, ask)
        self._given_out.add(link)
        scopes, ends = tuple(Scope(name) for name in wish.scopes), link.expires_at
        shown = ConsentRequest(
            "", wish.provider, wish.provider, scopes, "", "", answer.authorization_url, ends.isoformat()
        )
        return OwnAuthorizationRequired(shown, session_uri=link.session_uri, expires_at=ends, link=link)

    async def _poll(
        self, behalf: Behalf, wish: OAuthWish, link: OwnAuthorizationRequired | Link
    ) -> OAuthToken | AuthorizationNeeded | None:
        """Ask for the token of a link that was given out; None when the link is spent and gave nothing."""
        try:
            return await self._ask_oauth(behalf, self._question(behalf, wish, session_uri=link.session_uri))
        except CloudRefusedError:
            return None

    async def _ask_oauth(self, behalf: Behalf, question: OAuthQuestion) -> OAuthToken | AuthorizationNeeded:
        return await self._ask_with(behalf, lambda wat: self._data_plane.get_resource_oauth2_token(wat, question))

    def _question(self, behalf: Behalf, wish: OAuthWish, *, session_uri: str = "") -> OAuthQuestion:
        public_url = self._settings.public_url
        return OAuthQuestion(
            wish.provider,
            wish.scopes,
            wish.callback_url or (f"{public_url}/callback" if public_url else ""),
            behalf.custom_state,
            wish.flow,
            wish.custom_parameters,
            wish.force and not session_uri,
            session_uri,
            wish.audience,
        )

    async def _ask_with(self, behalf: Behalf, ask: Callable[[Secret], Coroutine[Any, Any, T]]) -> T:
        if behalf.workload_token is not None:
            return await ask(behalf.workload_token)
        return await self._wats.ask_with(self._whom(behalf), ask)

    async def _owner(self, behalf: Behalf, whom: Whom) -> str:
        """Return whose credential it will be; an id_token's user only once the cloud has verified it."""
        known = self._known_owner(behalf, whom)
        return known if known is not None else _user(await self._wats.subject(whom))

    def _known_owner(self, behalf: Behalf, whom: Whom) -> str | None:
        if behalf.workload_token is not None:
            return f"bearer {hashlib.sha256(behalf.workload_token.reveal().encode()).hexdigest()}"
        if whom.id_token is None:
            return f"named {whom.user_id}" if whom.user_id else "workload"
        subject = self._wats.known(whom)
        return None if subject is None else _user(subject)

    def _whom(self, behalf: Behalf) -> Whom:
        return Whom(self._settings.tenant, behalf.user_token, behalf.user_id)

    def _key(self, owner: str, what: "_What") -> CacheKey:
        kind, provider, scopes, digest = what
        return CacheKey(self._settings.tenant, owner, self._workload, provider, scopes, kind, digest)


_What = tuple[Kind, str, tuple[str, ...], str]


@cache
def default_identity() -> AgentIdentity:
    """Return the process's identity, made of its environment at first use and closed when the process ends."""
    identity = AgentIdentity()
    atexit.register(identity.close)
    return identity


os.register_at_fork(after_in_child=default_identity.cache_clear)


def check_sts(duration_s: int, policy: Mapping[str, Any] | None) -> None:
    """Raise IdentityMisconfiguredError for a duration that STS does not know, or a policy that narrows nothing."""
    if not LEAST_STS_S <= duration_s <= LONGEST_STS_S:
        raise IdentityMisconfiguredError(f"STS credentials last {LEAST_STS_S} to {LONGEST_STS_S} seconds")
    if policy is not None and not policy.get("Statement"):
        raise IdentityMisconfiguredError("a session policy without statements would not narrow anything")


async def _in_time(need: Need[T]) -> T:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await need.obtain()
    except TimeoutError as error:
        raise CloudUnavailableError(f"no credential within {DEADLINE_S:g} s", repair="try again") from error


def _user(subject: str) -> str:
    return f"user {subject}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing() -> None:
    pass
