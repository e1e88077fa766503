"""Rules of the data plane: which credential an opened WAT gives, and what has to happen before."""

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from fujie_emulator.agentidentity import callbacks
from fujie_emulator.agentidentity import state as control
from fujie_emulator.agentidentity.entities import OAUTH2_PROVIDER
from fujie_emulator.agentidentity.oauth import M2M, ON_BEHALF_OF, USER_FEDERATION, OAuthServer, server_of
from fujie_emulator.agentidentitydata import sessions, vault
from fujie_emulator.agentidentitydata.errors import (
    UpstreamError,
    bad_session,
    missing_role,
    return_url_mismatch,
    upstream_failed,
    wrong_user,
)
from fujie_emulator.agentidentitydata.sessions import Asked, Session
from fujie_emulator.agentidentitydata.upstream import TokenAnswer, discovered, request_token
from fujie_emulator.agentidentitydata.vault import VaultToken
from fujie_emulator.agentidentitydata.wat import UserContext, WorkloadAccess
from fujie_emulator.core.errors import invalid_parameter, missing_parameter
from fujie_emulator.core.iam import StsCredentials, assume_role
from fujie_emulator.signin.urls import with_query

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

_WORKLOAD_PRINCIPAL = "workload.agentidentity.aliyuncs.com"
_USABLE_S = 30  # a token with less time left than this is refreshed instead of handed out
# What a caller's CustomParameters can never set: these are the service's own words to the provider.
_OWN_PARAMETERS = frozenset(
    [
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "grant_type",
        "request",
        "request_uri",
        "refresh_token",
    ]
)
_refreshing: WeakValueDictionary[tuple[int, str, str], asyncio.Lock] = WeakValueDictionary()


def access_for(identity: dict[str, Any], user: UserContext | None) -> WorkloadAccess:
    """Return what a WAT of this identity and user will say."""
    return WorkloadAccess(identity["WorkloadIdentityName"], identity["WorkloadIdentityArn"], user)


def assume_identity_role(
    cloud: "Cloud", access: WorkloadAccess, *, session_name: str, duration_s: int, policy: dict[str, Any] | None
) -> StsCredentials:
    """Return a temporary key of the workload identity's role, if its trust policy lets this identity in."""
    identity = control.workload_identity(cloud, access.identity)
    role = control.role_name(identity)
    if not role:
        raise missing_role(access.identity)
    return assume_role(
        cloud,
        role,
        principal={"Service": _WORKLOAD_PRINCIPAL},
        session_name=session_name,
        duration_s=duration_s,
        policy=policy,
        context={
            "sts:RequestContext/agentidentity:WorkloadIdentityArn": access.identity_arn,
            "acs:SourceArn": access.identity_arn,
        },
    )


def oauth_provider(cloud: "Cloud", key: str) -> dict[str, Any]:
    """Return the OAuth2 credential provider under the key that tells it apart from others in other vaults."""
    return control.by_key(cloud, OAUTH2_PROVIDER, key)


def chosen_flow(provider: dict[str, Any], asked: str) -> str:
    """Return the flow asked for, or the provider's own."""
    flow = asked or provider["OAuthType"]
    if flow not in (USER_FEDERATION, M2M, ON_BEHALF_OF):
        raise invalid_parameter("OAuth2Flow", "use USER_FEDERATION, M2M or ON_BEHALF_OF.")
    if flow != provider["OAuthType"]:
        raise invalid_parameter("OAuth2Flow", f"the provider's OAuthType is {provider['OAuthType']}.")
    return str(flow)


async def stored_token(cloud: "Cloud", access: WorkloadAccess, asked: Asked) -> VaultToken | None:
    """Return a usable token of the WAT's user from the vault, refreshed if need be; None means: ask the user."""
    owner = access.required_user().key
    lock = _refreshing.setdefault((id(cloud), asked.provider, owner), asyncio.Lock())
    async with lock:  # a rotating refresh token can be spent once: concurrent callers share one refresh
        token = vault.find(cloud, asked.provider, owner, asked.scopes)
        if token is None or token.expires_at - cloud.clock.time() > _USABLE_S:
            return token
        return await _refreshed(cloud, asked.provider, owner, token)


def begin(cloud: "Cloud", access: WorkloadAccess, asked: Asked) -> Session:
    """Start a consent, once the return URL is one that the workload identity allows."""
    identity = control.workload_identity(cloud, access.identity)
    if not asked.return_url and identity["SessionBindingEnabled"]:
        raise missing_parameter("ResourceOAuth2ReturnURL")
    if asked.return_url and asked.return_url not in identity["AllowedResourceOAuth2ReturnURLs"]:
        raise return_url_mismatch()
    return sessions.start(cloud, access, asked)


async def polled(cloud: "Cloud", access: WorkloadAccess, asked: Asked, uri: str) -> VaultToken | Session:
    """Return the token once the consent is completed, else the session as it stands; only to its own user."""
    session = sessions.find(cloud, uri)
    mine = (access.identity, access.required_user().key, asked.provider)
    if (session.identity, session.owner, session.provider) != mine:
        raise bad_session()
    if session.status != "completed":
        return session
    token = await stored_token(cloud, access, Asked(session.provider, session.granted))
    return token or replace(session, status="failed")


async def machine_token(cloud: "Cloud", access: WorkloadAccess, asked: Asked, *, force: bool) -> VaultToken:
    """Return a client-credentials token for the workload itself."""
    owner = f"workload/{access.identity_arn}{_digest_of(asked.custom_parameters)}"
    token = None if force else vault.find(cloud, asked.provider, owner, asked.scopes)
    if token is not None and token.expires_at - cloud.clock.time() > _USABLE_S:
        return token
    server = await discovered(_server(cloud, asked.provider))
    form = own_parameters_win(asked.custom_parameters, {"grant_type": "client_credentials"})
    if asked.scopes:
        form["scope"] = " ".join(asked.scopes)
    try:
        return vault.keep(
            cloud, asked.provider, owner, await request_token(cloud, asked.provider, server, form, asked.scopes)
        )
    except UpstreamError as error:
        raise upstream_failed(error) from error


async def provider_redirect(cloud: "Cloud", uri: str) -> str:
    """Spend an authorization URL and return where at the provider the browser goes."""
    key = sessions.find(cloud, uri).provider
    provider, server = oauth_provider(cloud, key), await discovered(_server(cloud, key))
    if not server.authorize_url:
        raise invalid_parameter("ResourceCredentialProviderName", "the provider has no authorization endpoint.")
    session, state = sessions.open_link(cloud, uri)
    own = {
        "client_id": server.client_id,
        "redirect_uri": provider["CallbackURL"],
        "response_type": "code",
        "state": state,
    }
    if session.scopes:
        own["scope"] = " ".join(session.scopes)
    if server.pkce:
        own |= {"code_challenge": _s256(session.verifier), "code_challenge_method": "S256"}
    return with_query(server.authorize_url, own_parameters_win(session.custom_parameters, own))


def provider_of_callback(cloud: "Cloud", callback_id: str) -> dict[str, Any]:
    """Return the provider whose CallbackURL ends in `callback_id`; else raise InvalidParameter.SessionURI."""
    for _, provider in cloud.store.list(control.SERVICE, OAUTH2_PROVIDER.type):
        if callbacks.callback_id(provider["CallbackURL"]) == callback_id:
            return provider
    raise bad_session()


async def returned(cloud: "Cloud", provider: dict[str, Any], *, state: str, code: str, issuer: str) -> Session:
    """Take the provider's answer to a session; without session binding its code is redeemed at once.

    An `iss` that is not the provider's (RFC 9207) is refused before the state is spent.
    """
    key = OAUTH2_PROVIDER.key(provider["OAuth2CredentialProviderName"], provider["TokenVaultName"])
    if issuer:
        known = (await discovered(_server(cloud, key))).issuer
        if known and known != issuer:
            raise bad_session()
    session = sessions.take_return(cloud, state, provider=key, code=code)
    binding = control.workload_identity(cloud, session.identity)["SessionBindingEnabled"]
    if session.status == "returned" and not binding:
        return await redeem(cloud, session.uri)
    return session


def check_completer(cloud: "Cloud", uri: str, user: UserContext) -> None:
    """Return when `user` is the one the session was started for; nothing is spent when he is not."""
    if sessions.find(cloud, uri).owner != user.key:
        raise wrong_user()


async def redeem(cloud: "Cloud", uri: str) -> Session:
    """Spend the session's code at the provider's token endpoint and put the token into the vault."""
    session = sessions.take_code(cloud, uri)
    try:
        provider = oauth_provider(cloud, session.provider)
        server = await discovered(_server(cloud, session.provider))
        form = {"grant_type": "authorization_code", "code": session.code, "redirect_uri": provider["CallbackURL"]}
        if server.pkce:
            form["code_verifier"] = session.verifier
        answer = await request_token(cloud, session.provider, server, form, session.scopes)
    except UpstreamError as error:
        sessions.fail(cloud, session)
        raise upstream_failed(error) from error
    except BaseException:
        sessions.fail(cloud, session)
        raise
    return _completed(cloud, session, answer)


def return_location(session: Session, error: str) -> str:
    """Return where the browser goes after the provider; `error` is "" when the user agreed."""
    query = {"session_uri": session.uri}
    if session.custom_state:
        query["state"] = session.custom_state
    return with_query(session.return_url, query | ({"error": error} if error else {}))


def own_parameters_win(custom: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """Return both sets of parameters; a custom one never sets or overrides a standard one."""
    return {name: value for name, value in custom.items() if name not in _OWN_PARAMETERS} | own


def _completed(cloud: "Cloud", session: Session, answer: TokenAnswer) -> Session:
    with cloud.store.transaction():
        vault.keep(cloud, session.provider, session.owner, answer)
        sessions.complete(cloud, session, answer.scopes)
    return replace(session, status="completed", code="", verifier="", granted=answer.scopes)


async def _refreshed(cloud: "Cloud", provider: str, owner: str, token: VaultToken) -> VaultToken | None:
    if token.refresh_token:
        form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
        try:
            server = await discovered(_server(cloud, provider))
            answer = await request_token(cloud, provider, server, form, token.scopes)
        except UpstreamError as error:
            if not error.refused:
                raise upstream_failed(error) from error
        else:
            return vault.keep(cloud, provider, owner, answer, replaces=token)
    vault.forget(cloud, provider, owner, token)
    return None


def _server(cloud: "Cloud", key: str) -> OAuthServer:
    provider = oauth_provider(cloud, key)
    return server_of(cloud, provider["CredentialProviderVendor"], provider["OAuth2ProviderConfig"])


def _digest_of(custom: dict[str, str]) -> str:
    """Return what tells machine tokens apart that were asked for with other parameters, such as another audience."""
    return "/" + hashlib.sha256(json.dumps(sorted(custom.items())).encode()).hexdigest() if custom else ""


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
