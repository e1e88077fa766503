"""Sign-in of people: OIDC code flow with S256 PKCE, nonce and state, then a session that the server keeps.

What must survive the redirect is one single-use record in the store, found by the hash of `state` and bound to a
short-lived cookie of the browser that began.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from msgspec.structs import replace

from fujie import clock
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.delegation import (
    InboundTokens,
    Sealer,
    delegate,
    handed_id,
    row_id_of,
    secret_from_cookie,
    sha256_hex,
)
from fujie.identity.errors import SignInError
from fujie.identity.issuer import IssuerMetadata
from fujie.identity.port import IdentityStore
from fujie.identity.rows import BrowserSession, Delegation, LoginAttempt
from fujie.identity.token_endpoint import IssuedTokens, ask_tokens
from fujie.secret import Secret
from fujie.settings import Settings

if TYPE_CHECKING:
    import httpx2

SCOPE = "openid profile aliuid"
LOGIN_TTL = timedelta(minutes=10)
IDLE_TTL = timedelta(hours=12)
"""A working day: an unattended browser is signed out overnight."""
ABSOLUTE_TTL = timedelta(days=7)
"""However busy it is, a session is signed in anew after this."""
FORGET_EVERY = timedelta(minutes=1)
"""Anybody may begin a sign-in and leave it; what they left is swept up at most this often."""
TOUCH_EVERY = timedelta(minutes=5)
"""The idle end is moved at most this often, so that a request is not always a write."""
MAX_RETURN_TO = 2048
MAX_COOKIE = 128
MAX_CODE = 4096


@dataclass(frozen=True)
class LoginRedirect:
    """Where to send the browser, and the cookie it must bring back."""

    url: str
    login_cookie: Secret


@dataclass(frozen=True)
class SignedIn:
    """A finished sign-in."""

    session: BrowserSession
    session_cookie: Secret
    return_to: str


class SignIn:
    """Signs people in and out and knows their sessions."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        store: IdentityStore,
        verifier: IdTokenVerifier,
        sealer: Sealer,
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        self._settings = settings
        self._http = http
        self._store = store
        self._verifier = verifier
        self._sealer = sealer
        self._now = now
        self._redirect_uri = settings.public_url + "/auth/callback"
        self._forgot_at: datetime | None = None

    async def begin(self, return_to: str) -> LoginRedirect:
        """Return where the browser signs in; `return_to` counts only when it is a local path.

        Raises IssuerUnavailableError.
        """
        metadata = await self._verifier.issuer_metadata()
        cookie, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        attempt = LoginAttempt(
            state_hash=sha256_hex(state),
            browser_hash=sha256_hex(cookie),
            code_verifier=secrets.token_urlsafe(48),
            nonce=secrets.token_urlsafe(24),
            return_to=local_path(return_to),
            expires_at=self._now() + LOGIN_TTL,
        )
        await self._forget_old_attempts()
        await self._store.add_login_attempt(attempt)
        return LoginRedirect(self._authorization_url(metadata, attempt, state), Secret(cookie))

    async def finish(self, *, code: Secret, state: str, login_cookie: Secret | None, issuer: str = "") -> SignedIn:
        """Return the session of the person who came back with `code`; `issuer` is the answer's `iss` (RFC 9207).

        Raises SignInError, TokenInvalidError or IssuerUnavailableError. An attempt is spent by its first use.
        """
        attempt = await self._attempt(state, login_cookie)
        metadata = await self._verifier.issuer_metadata()
        if (issuer or metadata.answers_with_issuer) and issuer != metadata.issuer:
            raise SignInError("the sign-in was answered by another issuer", repair="sign in again")
        if not 0 < len(code.reveal()) <= MAX_CODE:
            raise SignInError("the issuer gave no code", repair="sign in again")
        issued = await self._redeem(metadata, attempt, code)
        claims = await self._verifier.verify(issued.unverified_id_token, nonce=attempt.nonce)
        cookie = Secret(secrets.token_urlsafe(32))
        secret_hash = sha256_hex(secret_from_cookie(cookie).reveal())
        tokens = InboundTokens(issued.unverified_id_token, issued.refresh_token, claims.expires_at, secret_hash)
        delegation = await delegate(
            self._store,
            self._sealer,
            claims,
            tokens,
            tenant=self._settings.tenant,
            session_hash=sha256_hex(cookie.reveal()),
            now=self._now,
        )
        session = self._new_session(delegation)
        await self._store.add_browser_session(session)
        return SignedIn(_handed(session, cookie), cookie, attempt.return_to)

    async def session(self, cookie: Secret | None) -> BrowserSession | None:
        """Return the session that a cookie stands for, or None when there is none or its time is over.

        Its `delegation_id` is the one that may be handed on; the row in the store has only the delegation's row.
        """
        if cookie is None or not 0 < len(cookie.reveal()) <= MAX_COOKIE:
            return None
        session = await self._store.browser_session(sha256_hex(cookie.reveal()))
        if session is None:
            return None
        now = self._now()
        if now >= min(session.idle_expires_at, session.expires_at):
            await self.sign_out(session)
            return None
        idle_expires_at = min(now + IDLE_TTL, session.expires_at)
        if idle_expires_at - session.idle_expires_at >= TOUCH_EVERY:
            await self._store.touch_browser_session(session.id_hash, idle_expires_at)
        return _handed(session, cookie)

    async def sign_out(self, session: BrowserSession) -> None:
        """End the session and withdraw its delegation: what still waits on it acts no more."""
        await self._store.delete_browser_session(session.id_hash)
        await self._store.withdraw_delegation(row_id_of(session.delegation_id), self._now())

    async def _forget_old_attempts(self) -> None:
        now = self._now()
        if self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY:
            self._forgot_at = now
            await self._store.forget_login_attempts(now)

    def _authorization_url(self, metadata: IssuerMetadata, attempt: LoginAttempt, state: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": s256(attempt.code_verifier),
            "code_challenge_method": "S256",
            "access_type": "offline",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def _attempt(self, state: str, login_cookie: Secret | None) -> LoginAttempt:
        attempt = await self._store.take_login_attempt(sha256_hex(state))
        if attempt is None:
            raise SignInError("this sign-in is unknown or was used", repair="sign in again")
        cookie_hash = sha256_hex(login_cookie.reveal()) if login_cookie else ""
        if not hmac.compare_digest(attempt.browser_hash, cookie_hash):
            raise SignInError("this sign-in was begun in another browser", repair="sign in again")
        if self._now() >= attempt.expires_at:
            raise SignInError("this sign-in took too long", repair="sign in again")
        return attempt

    async def _redeem(self, metadata: IssuerMetadata, attempt: LoginAttempt, code: Secret) -> IssuedTokens:
        form = {
            "grant_type": "authorization_code",
            "code": code.reveal(),
            "redirect_uri": self._redirect_uri,
            "client_id": self._settings.oidc_client_id,
            "code_verifier": attempt.code_verifier,
        }
        return await ask_tokens(self._http, metadata.token_endpoint, form, self._settings.oidc_client_secret)

    def _new_session(self, delegation: Delegation) -> BrowserSession:
        now = self._now()
        return BrowserSession(
            id_hash=delegation.session_hash,
            user=delegation.user,
            delegation_id=delegation.id,
            csrf_token=secrets.token_urlsafe(32),
            created_at=now,
            idle_expires_at=now + IDLE_TTL,
            expires_at=now + ABSOLUTE_TTL,
        )


def _handed(session: BrowserSession, cookie: Secret) -> BrowserSession:
    return replace(session, delegation_id=handed_id(session.delegation_id, secret_from_cookie(cookie)))


def local_path(return_to: str) -> str:
    """Return the path if it stays on this origin whatever a browser makes of it, else `/`."""
    path = return_to.partition("?")[0].partition("#")[0]
    is_plain = return_to.isascii() and return_to.isprintable() and not set(return_to) & set(' \\"<>')
    if len(return_to) > MAX_RETURN_TO or not is_plain or not path.startswith("/") or "//" in path:
        return "/"
    return return_to


def s256(code_verifier: str) -> str:
    """Return the PKCE challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
