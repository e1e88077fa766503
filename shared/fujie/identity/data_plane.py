"""The seven actions of Agent Identity's data plane (2025-11-27), typed.

`DataPlane` drives each call's flow over one pooled client: no redirects, one deadline for the whole call.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fujie import clock
from fujie.http import Answer, NoAnswerError, fetch, is_safe_url
from fujie.identity.call_flow import Call, Pause, Step, call_flow
from fujie.identity.errors import CloudRefusedError, CloudUnavailableError, IdentityMisconfiguredError, ThrottledError
from fujie.permission import OAuthFlow
from fujie.secret import Secret
from fujie.settings import CallerKey, Settings

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES = 256 * 1024
DEADLINE_S = 10.0
IN_PROGRESS = "IN_PROGRESS"
_SESSION_URI = re.compile(r"urn:ietf:params:oauth:request_uri:[A-Za-z0-9\-._~]{1,512}")


@dataclass(frozen=True)
class UserAccess:
    """A workload access token for a user, and who that is as the cloud read it from the verified id_token."""

    token: Secret
    subject: str


@dataclass(frozen=True)
class RoleCredentials:
    """Temporary credentials of the workload identity's role."""

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret
    expires_at: datetime


@dataclass(frozen=True)
class OAuthQuestion:
    """What GetResourceOAuth2Token is asked."""

    provider: str
    scopes: Sequence[str]
    return_url: str = ""
    state: Secret | None = None
    flow: OAuthFlow = "USER_FEDERATION"
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    session_uri: str = ""
    """Of a consent that was begun: its token is asked for, no other is begun."""
    audience: str = ""
    """The application at which an ON_BEHALF_OF token is good."""


@dataclass(frozen=True)
class OAuthToken:
    """An access token from the vault; `lifetime_s` is None where the cloud does not say."""

    access_token: Secret
    lifetime_s: int | None


@dataclass(frozen=True)
class AuthorizationNeeded:
    """The vault holds no token: the user has to be sent to this address, which works once; empty once it was opened."""

    authorization_url: str
    session_uri: str


class DataPlane:
    """The data plane as one function sees it; `caller_key` gives its role's credentials at each use."""

    def __init__(
        self,
        settings: Settings,
        http: "httpx2.AsyncClient",
        caller_key: Callable[[], CallerKey],
        *,
        now: clock.Clock = clock.now,
    ) -> None:
        if not is_safe_url(settings.agentidentitydata_endpoint):
            raise IdentityMisconfiguredError("the data plane's endpoint must be an https address")
        self._endpoint = settings.agentidentitydata_endpoint
        self._vault = {"TokenVaultName": settings.token_vault} if settings.token_vault else {}
        self._http = http
        self._caller_key = caller_key
        self._now = now

    async def get_workload_access_token(self, workload_identity: str) -> Secret:
        """Return a workload access token (WAT) without a user; it lives about five minutes."""
        return await self._wat("GetWorkloadAccessToken", {"WorkloadIdentityName": workload_identity})

    async def get_workload_access_token_for_jwt(self, workload_identity: str, user_token: Secret) -> UserAccess:
        """Return a WAT for the user of an id_token, which the cloud verifies.

        Raises TokenInvalidError, and never asks for less.
        """
        form = {"WorkloadIdentityName": workload_identity, "UserToken": user_token.reveal()}
        action = "GetWorkloadAccessTokenForJWT"
        document = await self._ask(Call(action, form, self._caller_key()))
        return UserAccess(_secret(action, document, "WorkloadAccessToken"), _subject(action, document))

    async def get_workload_access_token_for_user_id(self, workload_identity: str, user_id: str) -> Secret:
        """Return a WAT for a user whom the caller merely names: for machines, never for a person."""
        form = {"WorkloadIdentityName": workload_identity, "UserId": user_id}
        return await self._wat("GetWorkloadAccessTokenForUserId", form)

    async def assume_role_for_workload_identity(
        self, wat: Secret, *, session_name: str, duration_s: int, policy: Mapping[str, Any] | None = None
    ) -> RoleCredentials:
        """Return credentials of the workload identity's role, narrowed by a session policy; the WAT is the proof."""
        form = {
            "WorkloadAccessToken": wat.reveal(),
            "RoleSessionName": session_name,
            "DurationSeconds": str(duration_s),
        }
        if policy is not None:
            form["Policy"] = _json(policy)
        action = "AssumeRoleForWorkloadIdentity"
        return _role_credentials(action, await self._ask(Call(action, form, None)))

    async def get_resource_oauth2_token(self, wat: Secret, question: OAuthQuestion) -> OAuthToken | AuthorizationNeeded:
        """Return the user's token from the vault, or where the user has to be sent."""
        form = {"WorkloadAccessToken": wat.reveal()} | self._vault | _oauth_form(question)
        call = Call("GetResourceOAuth2Token", form, self._caller_key())
        return _oauth_answer(await self._ask(call), self._endpoint, is_poll=bool(question.session_uri))

    async def get_resource_api_key(self, wat: Secret, provider: str) -> Secret:
        """Return the API key that the vault keeps under the provider's name."""
        form = {"WorkloadAccessToken": wat.reveal(), "ResourceCredentialProviderName": provider} | self._vault
        action = "GetResourceAPIKey"
        return _secret(action, await self._ask(Call(action, form, self._caller_key())), "APIKey")

    async def complete_resource_token_auth(self, session_uri: str, user_token: Secret) -> None:
        """Confirm that the user of this token gave the permission; the cloud then redeems the provider's code."""
        form = {"SessionURI": session_uri, "UserIdentifier": _json({"UserJWT": user_token.reveal()})}
        await self._ask(Call("CompleteResourceTokenAuth", form, self._caller_key(), is_repeatable=False))

    async def _wat(self, action: str, form: Mapping[str, str]) -> Secret:
        return _secret(action, await self._ask(Call(action, form, self._caller_key())), "WorkloadAccessToken")

    async def _ask(self, call: Call) -> Mapping[str, Any]:
        """Drive the call's flow; raises ThrottledError, CloudUnavailableError, or what the answer means."""
        flow = call_flow(self._endpoint, call, self._now)
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        answer: Answer | None = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as done:
                document: Mapping[str, Any] = done.value
                return document
            answer = await self._take(call, step, deadline)

    async def _take(self, call: Call, step: Step, deadline: float) -> Answer | None:
        left = deadline - asyncio.get_running_loop().time()
        if isinstance(step, Pause):
            if step.seconds >= left:
                raise ThrottledError(f"{call.action}: the cloud is busy", retry_after_s=step.seconds)
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await fetch(
                self._http,
                step.method,
                step.url,
                headers=step.headers,
                content=step.body,
                max_bytes=MAX_ANSWER_BYTES,
                deadline_s=max(left, 0.1),
            )
        except NoAnswerError as error:
            raise CloudUnavailableError(f"{call.action}: {error.message}") from error


def _oauth_form(question: OAuthQuestion) -> dict[str, str]:
    """Return the fields that the question's flow has; an empty one is left out."""
    form = {
        "ResourceCredentialProviderName": question.provider,
        "OAuth2Flow": question.flow,
        "Scopes": _json(list(question.scopes)),
    }
    optional = {"CustomParameters": _json(dict(question.custom_parameters)) if question.custom_parameters else ""}
    if question.flow == "USER_FEDERATION":
        form["ForceAuthentication"] = str(question.force)
        optional["ResourceOAuth2ReturnURL"] = question.return_url
        optional["CustomState"] = question.state.reveal() if question.state else ""
        optional["SessionURI"] = question.session_uri
    if question.flow == "ON_BEHALF_OF":
        optional["Audience"] = question.audience
    return form | {name: value for name, value in optional.items() if value}


def _secret(action: str, document: Mapping[str, Any], name: str) -> Secret:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise CloudRefusedError(f"{action}: the answer holds no {name}", http_status=200)
    return Secret(value)


def _subject(action: str, document: Mapping[str, Any]) -> str:
    context = document.get("UserContext")
    claims = context.get("JwtClaims") if isinstance(context, dict) else None
    if not isinstance(claims, dict):
        raise CloudRefusedError(f"{action}: the answer does not say for whom the token is", http_status=200)
    return _secret(action, claims, "Subject").reveal()


def _role_credentials(action: str, document: Mapping[str, Any]) -> RoleCredentials:
    given = document.get("Credentials")
    if not isinstance(given, dict):
        raise CloudRefusedError(f"{action}: the answer holds no Credentials", http_status=200)
    try:
        expires_at = datetime.fromisoformat(given["Expiration"])
    except (KeyError, TypeError, ValueError):
        expires_at = None
    if expires_at is None or expires_at.tzinfo is None:
        raise CloudRefusedError(f"{action}: the answer holds no usable Expiration", http_status=200) from None
    return RoleCredentials(
        _secret(action, given, "AccessKeyId").reveal(),
        _secret(action, given, "AccessKeySecret"),
        _secret(action, given, "SecurityToken"),
        expires_at,
    )


def _oauth_answer(document: Mapping[str, Any], endpoint: str, *, is_poll: bool) -> OAuthToken | AuthorizationNeeded:
    if document.get("AccessToken"):
        lifetime = document.get("ExpiresIn")
        is_known = isinstance(lifetime, int) and not isinstance(lifetime, bool) and lifetime >= 0
        return OAuthToken(_secret("GetResourceOAuth2Token", document, "AccessToken"), lifetime if is_known else None)
    url, session_uri = document.get("AuthorizationURL"), document.get("SessionURI")
    if is_poll and not url and document.get("SessionStatus") == IN_PROGRESS:
        return AuthorizationNeeded("", str(session_uri))
    if not isinstance(url, str) or not isinstance(session_uri, str) or not _SESSION_URI.fullmatch(session_uri):
        raise CloudRefusedError("GetResourceOAuth2Token: neither a token nor an authorization URL", http_status=200)
    if not is_safe_url(url) or (endpoint.startswith("https:") and not url.startswith("https:")):
        raise CloudRefusedError("GetResourceOAuth2Token: the authorization URL is not https", http_status=200)
    return AuthorizationNeeded(url, session_uri)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
