"""One authorize request, from the checked query to the person's choice."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from fujie_emulator.ims.state import IDENTITY_SCOPES, Application
from fujie_emulator.signin.errors import OAuthError, RequestRefused, invalid_request
from fujie_emulator.signin.keys import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.signin.issuer import Issuer

LIFETIME_S = 600  # of a page left open
_LONGEST = 2048
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # S256: 32 bytes in base64url


@dataclass(frozen=True)
class AuthorizeRequest:
    """What a client asks of a person; every field is checked except `login_hint`, which only orders the page."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    offline: bool
    prompt: str
    login_hint: str = field(compare=False)

    @property
    def needs_consent(self) -> bool:
        """Tell whether more is asked than who the person is."""
        return not set(self.scopes) <= set(IDENTITY_SCOPES)


def redirect_target(issuer: "Issuer", query: Mapping[str, str]) -> Application:
    """Return the client, once it and its redirect URI match; until then no one may be redirected."""
    app = issuer.clients.find(query.get("client_id", ""))
    if app is None:
        raise RequestRefused("client_id is unknown.")
    if not app.allows_redirect(query.get("redirect_uri", "")):
        raise RequestRefused("redirect_uri is not one that the application registered.")
    return app


def checked_request(app: Application, pairs: list[tuple[str, str]]) -> AuthorizeRequest:
    """Return the request when everything in it may be so; else raise OAuthError for the client."""
    query = dict(pairs)
    if len(query) != len(pairs):
        raise invalid_request("A parameter is repeated.")
    if any(len(value) > _LONGEST for value in query.values()):
        raise invalid_request(f"A parameter is longer than {_LONGEST} characters.")
    if app.app_type == "ServerApp":
        raise OAuthError("unauthorized_client", "A ServerApp cannot sign people in.")
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "Use response_type=code.")
    if "request" in query or "request_uri" in query:
        raise OAuthError("request_not_supported", "Request objects are not supported.")
    return AuthorizeRequest(
        client_id=app.app_id,
        redirect_uri=query["redirect_uri"],
        scopes=_scopes(app, query.get("scope", "")),
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        challenge=_challenge(app, query),
        offline=query.get("access_type", "offline") != "online",
        prompt=query.get("prompt", ""),
        login_hint=query.get("login_hint", ""),
    )


def hold(issuer: "Issuer", request: AuthorizeRequest) -> str:
    """Keep the request while the page is open and return its id."""
    request_id = secrets.token_urlsafe(24)
    now = issuer.cloud.clock.time()
    with issuer.cloud.store.transaction():
        for key, doc in issuer.cloud.store.list(SERVICE, issuer.kind("request")):
            if doc["expires_at"] <= now:
                issuer.cloud.store.delete(SERVICE, issuer.kind("request"), key)
        doc = asdict(request) | {"expires_at": now + LIFETIME_S}
        issuer.cloud.store.put(SERVICE, issuer.kind("request"), request_id, doc)
    return request_id


def held(issuer: "Issuer", request_id: str) -> AuthorizeRequest:
    """Return a request whose page is open; else raise RequestRefused."""
    doc = issuer.cloud.store.get(SERVICE, issuer.kind("request"), request_id)
    if doc is None or doc.pop("expires_at") <= issuer.cloud.clock.time():
        raise RequestRefused("This sign-in was finished before, or the page was open too long.")
    return AuthorizeRequest(**doc | {"scopes": tuple(doc["scopes"])})


def settle(issuer: "Issuer", request_id: str) -> None:
    """Forget a request that was answered; a second answer to it is refused."""
    if not issuer.cloud.store.delete(SERVICE, issuer.kind("request"), request_id):
        raise RequestRefused("This sign-in was finished before.")


def _scopes(app: Application, asked: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(asked.split(" "))) if asked else app.scopes
    if not set(scopes) <= set(app.scopes):
        raise OAuthError("invalid_scope", "A scope is not one of the application's.")
    return scopes


def _challenge(app: Application, query: Mapping[str, str]) -> str:
    challenge = query.get("code_challenge", "")
    if not challenge and app.protocol_version == "2.0":
        return ""
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise invalid_request("Use PKCE with code_challenge_method=S256.")
    return challenge
