"""Agent Identity data plane 2025-11-27 on the wire."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.routing import Route

from fujie_emulator.agentidentity import state as control
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER, DEFAULT_VAULT, OAUTH2_PROVIDER, WORKLOAD_IDENTITY
from fujie_emulator.agentidentity.oauth import M2M, ON_BEHALF_OF
from fujie_emulator.agentidentitydata import browser, on_behalf, state, wat
from fujie_emulator.agentidentitydata.inbound import verified_user
from fujie_emulator.agentidentitydata.sessions import Asked, Session, find
from fujie_emulator.agentidentitydata.vault import VaultToken
from fujie_emulator.agentidentitydata.wat import SERVICE, UserContext, WorkloadAccess
from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError, invalid_parameter, missing_parameter
from fujie_emulator.core.iam import authorize
from fujie_emulator.core.journal import fingerprint, note

__all__ = ["ACTIONS", "ANONYMOUS", "VERSION", "http_routes"]

VERSION = "2025-11-27"
ANONYMOUS = frozenset({"AssumeRoleForWorkloadIdentity"})
_LONGEST_USER_ID = 256
_LONGEST_STATE = 1024
_MOST_PARAMETERS = 20
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")  # RFC 6749 3.3


def http_routes(cloud: Cloud) -> list[Route]:
    """Return the pages for browsers and the emulated IDaaS."""
    return [*browser.http_routes(cloud), *on_behalf.http_routes(cloud)]


async def get_workload_access_token(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    return _issued(cloud, _allowed_identity(cloud, call), None)


async def get_workload_access_token_for_jwt(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    identity = _allowed_identity(cloud, call)
    return _issued(cloud, identity, await verified_user(cloud, identity, call.text("UserToken")))


async def get_workload_access_token_for_user_id(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    return _issued(cloud, _allowed_identity(cloud, call), _asserted_user(call.text("UserId")))


async def assume_role_for_workload_identity(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    access = wat.open_token(cloud, call.text("WorkloadAccessToken"))
    credentials = state.assume_identity_role(
        cloud,
        access,
        session_name=call.text("RoleSessionName"),
        duration_s=call.integer("DurationSeconds", 3600),
        policy=call.document("Policy") if call.params.get("Policy") else None,
    )
    note(credential_fingerprint=fingerprint(credentials.security_token))
    user = {"UserContext": access.user.as_wire()} if access.user else {}
    return {
        "Credentials": credentials.credentials(),
        "AssumedRoleUser": credentials.assumed_role_user(),
        "WorkloadContextInfo": {"WorkloadIdentityArn": access.identity_arn} | user,
    }


async def get_resource_api_key(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    access = wat.open_token(cloud, call.text("WorkloadAccessToken"))
    provider, vault = _provider(call)
    _authorize(cloud, call, access.identity_arn, API_KEY_PROVIDER.arn(cloud, provider, vault))
    _check_targets(cloud, vault, access)
    key = control.api_key(cloud, provider, vault)
    note(credential_fingerprint=fingerprint(key))
    return {"APIKey": key}


async def get_resource_oauth2_token(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    access = wat.open_token(cloud, call.text("WorkloadAccessToken"))
    name, vault = _provider(call)
    asked = _asked(call, OAUTH2_PROVIDER.key(name, vault))
    _authorize(cloud, call, access.identity_arn, OAUTH2_PROVIDER.arn(cloud, name, vault))
    _check_targets(cloud, vault, access)
    provider = state.oauth_provider(cloud, asked.provider)
    flow = state.chosen_flow(provider, call.text("OAuth2Flow", required=False))
    force, uri = call.flag("ForceAuthentication"), call.text("SessionURI", required=False)
    if flow == ON_BEHALF_OF:
        return _delegated(cloud, access, asked, audience=call.text("Audience"))
    if flow == M2M:
        return _token_answer(cloud, await state.machine_token(cloud, access, asked, force=force))
    if uri:
        found = await state.polled(cloud, access, asked, uri)
        return _token_answer(cloud, found) if isinstance(found, VaultToken) else _session_answer(cloud, found)
    access.required_user()
    token = None if force else await state.stored_token(cloud, access, asked)
    return _token_answer(cloud, token) if token else _session_answer(cloud, state.begin(cloud, access, asked))


async def complete_resource_token_auth(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    uri = call.text("SessionURI")
    authorize(cloud, call.caller, f"{SERVICE}:{call.action}", ["*"])
    kind, value = _user_identifier(call)
    identity = control.workload_identity(cloud, find(cloud, uri).identity)
    user = await verified_user(cloud, identity, value) if kind == "UserJWT" else _asserted_user(value)
    state.check_completer(cloud, uri, user)
    await state.redeem(cloud, uri)
    return {}


def _allowed_identity(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    """Return the workload identity, once the caller may ask for its tokens.

    RAM knows these actions only for all resources: a policy that names an identity does not allow them.
    """
    name = call.text("WorkloadIdentityName")
    authorize(cloud, call.caller, f"{SERVICE}:{call.action}", ["*"])
    return control.get(cloud, WORKLOAD_IDENTITY, name)


def _authorize(cloud: Cloud, call: RpcCall, *resources: str) -> None:
    authorize(cloud, call.caller, f"{SERVICE}:{call.action}", list(resources))


def _check_targets(cloud: Cloud, vault: str, access: WorkloadAccess) -> None:
    """Refuse a vault that is not, and a WAT whose identity was deleted after it was issued."""
    control.checked_vault(cloud, vault)
    control.workload_identity(cloud, access.identity)


def _issued(cloud: Cloud, identity: dict[str, Any], user: UserContext | None) -> dict[str, Any]:
    token = wat.seal(cloud, state.access_for(identity, user))
    note(credential_fingerprint=fingerprint(token))
    answer = {"WorkloadAccessToken": token, "WorkloadIdentityArn": identity["WorkloadIdentityArn"]}
    return answer | ({"UserContext": user.as_wire()} if user else {})


def _asserted_user(user_id: str) -> UserContext:
    if len(user_id) > _LONGEST_USER_ID:
        raise invalid_parameter("UserId", f"it is longer than {_LONGEST_USER_ID} characters.")
    return UserContext("user_id", user_id)


def _user_identifier(call: RpcCall) -> tuple[str, str]:
    given = call.document("UserIdentifier", required=True)
    pairs = [(kind, given[kind]) for kind in ("UserJWT", "UserId") if given.get(kind)]
    if len(pairs) != 1 or not isinstance(pairs[0][1], str):
        raise invalid_parameter("UserIdentifier", "it must hold exactly one of UserJWT and UserId.")
    return pairs[0]


def _provider(call: RpcCall) -> tuple[str, str]:
    """Return name and vault of the provider that the call means."""
    return call.text("ResourceCredentialProviderName"), call.text("TokenVaultName", required=False) or DEFAULT_VAULT


def _delegated(cloud: Cloud, access: WorkloadAccess, asked: Asked, *, audience: str) -> dict[str, Any]:
    if not asked.scopes:
        raise missing_parameter("Scopes")
    token = on_behalf.delegated_token(cloud, access, audience=audience, scopes=asked.scopes)
    note(credential_fingerprint=fingerprint(token))
    return {"AccessToken": token, "ExpiresIn": on_behalf.LIFETIME_S}


def _asked(call: RpcCall, provider: str) -> Asked:
    custom_state = call.text("CustomState", required=False)
    if len(custom_state) > _LONGEST_STATE:
        raise invalid_parameter("CustomState", f"it is longer than {_LONGEST_STATE} characters.")
    return Asked(
        provider=provider,
        scopes=_scopes(call),
        return_url=call.text("ResourceOAuth2ReturnURL", required=False),
        custom_state=custom_state,
        custom_parameters=_custom_parameters(call),
    )


def _scopes(call: RpcCall) -> tuple[str, ...]:
    """Return the scopes; a list that is not one JSON string counts as missing, as in the cloud."""
    if any(name.startswith("Scopes.") for name in call.params):
        raise missing_parameter("Scopes")
    try:
        scopes = call.strings("Scopes")
    except CloudError as error:
        raise missing_parameter("Scopes") from error
    if not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise invalid_parameter("Scopes", "a scope is 1 to 256 visible characters without quotes or spaces.")
    return tuple(dict.fromkeys(scopes))


def _custom_parameters(call: RpcCall) -> dict[str, str]:
    given = call.document("CustomParameters")
    if len(given) > _MOST_PARAMETERS or not all(isinstance(value, (str, int)) for value in given.values()):
        raise invalid_parameter("CustomParameters", f"it must be an object of at most {_MOST_PARAMETERS} strings.")
    return {name: str(value) for name, value in given.items()}


def _token_answer(cloud: Cloud, token: VaultToken) -> dict[str, Any]:
    note(credential_fingerprint=fingerprint(token.access_token))
    return {"AccessToken": token.access_token, "ExpiresIn": max(int(token.expires_at - cloud.clock.time()), 0)}


def _session_answer(cloud: Cloud, session: Session) -> dict[str, Any]:
    answer = {"SessionURI": session.uri, "SessionStatus": session.wire_status}
    url = {"AuthorizationURL": f"{cloud.base_url}/oauth2/authorize?request_uri={session.uri}"}
    return answer | (url if session.status == "started" else {})


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Awaitable[dict[str, Any]]]] = {
    "GetWorkloadAccessToken": get_workload_access_token,
    "GetWorkloadAccessTokenForJWT": get_workload_access_token_for_jwt,
    "GetWorkloadAccessTokenForUserId": get_workload_access_token_for_user_id,
    "AssumeRoleForWorkloadIdentity": assume_role_for_workload_identity,
    "GetResourceAPIKey": get_resource_api_key,
    "GetResourceOAuth2Token": get_resource_oauth2_token,
    "CompleteResourceTokenAuth": complete_resource_token_auth,
}
