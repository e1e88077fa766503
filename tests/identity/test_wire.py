"""Every action as our client asks it and as the official client asks it, as the emulated cloud reads the two.

Signatures are the cloud's business: it hands a request on only once it knows who signed it.
"""

import json

import pytest
from alibabacloud_agentidentitydata20251127 import models
from alibabacloud_agentidentitydata20251127.client import Client
from alibabacloud_tea_openapi.models import Config

from fujie.http import http_client
from fujie.identity.data_plane import DataPlane, OAuthQuestion
from fujie.identity.errors import IdentityError
from fujie.secret import Secret
from fujie_emulator.agentidentitydata.routes import ACTIONS
from fujie_emulator.testing import running
from tests.identity.own_process import operator_key
from tests.identity.stack import PUBLIC_URL, declared

RETURN_URL = PUBLIC_URL + "/callback"
SESSION_URI = "urn:ietf:params:oauth:request_uri:00000000-0000-4000-8000-000000000001"
USER_TOKEN = "e30.eyJzdWIiOiLkuIAgLyB-KiJ9.c2ln"
POLICY = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"*"}]}'
SCOPES = ["time.read", "名/*~ +"]
ONCE = {"Timestamp", "SignatureNonce"}


def federation(wat, **more):
    wanted = {
        "workload_access_token": wat,
        "resource_credential_provider_name": "time",
        "oauth2_flow": "USER_FEDERATION",
        "scopes": SCOPES,
        "resource_oauth2_return_url": RETURN_URL,
        "custom_state": "state ü+&=",
        "force_authentication": False,
    }
    return models.GetResourceOAuth2TokenRequest(**(wanted | more))


def of_flow(wat, flow, **more):
    return models.GetResourceOAuth2TokenRequest(
        workload_access_token=wat,
        resource_credential_provider_name="time",
        oauth2_flow=flow,
        scopes=SCOPES,
        **more,
    )


def question(**more):
    return OAuthQuestion("time", SCOPES, **more)


def asked_by_user(**more):
    return question(return_url=RETURN_URL, state=Secret("state ü+&="), **more)


def completion(**identifier):
    return models.CompleteResourceTokenAuthRequest(
        session_uri=SESSION_URI,
        user_identifier=models.CompleteResourceTokenAuthRequestUserIdentifier(**identifier),
    )


# name -> (how ours is asked, how the official client is asked), both given the client and a workload access token
CASES = {
    "GetWorkloadAccessToken": (
        lambda ours, wat: ours.get_workload_access_token("wi"),
        lambda theirs, wat: theirs.get_workload_access_token(
            models.GetWorkloadAccessTokenRequest(workload_identity_name="wi")
        ),
    ),
    "GetWorkloadAccessTokenForJWT": (
        lambda ours, wat: ours.get_workload_access_token_for_jwt("wi", Secret(USER_TOKEN)),
        lambda theirs, wat: theirs.get_workload_access_token_for_jwt(
            models.GetWorkloadAccessTokenForJWTRequest(workload_identity_name="wi", user_token=USER_TOKEN)
        ),
    ),
    "GetWorkloadAccessTokenForUserId": (
        lambda ours, wat: ours.get_workload_access_token_for_user_id("wi", "user 一/~*"),
        lambda theirs, wat: theirs.get_workload_access_token_for_user_id(
            models.GetWorkloadAccessTokenForUserIdRequest(workload_identity_name="wi", user_id="user 一/~*")
        ),
    ),
    "AssumeRoleForWorkloadIdentity": (
        lambda ours, wat: ours.assume_role_for_workload_identity(
            Secret(wat), session_name="s-1", duration_s=900, policy=json.loads(POLICY)
        ),
        lambda theirs, wat: theirs.assume_role_for_workload_identity(
            models.AssumeRoleForWorkloadIdentityRequest(
                workload_access_token=wat, role_session_name="s-1", duration_seconds=900, policy=POLICY
            )
        ),
    ),
    "GetResourceAPIKey": (
        lambda ours, wat: ours.get_resource_api_key(Secret(wat), "weather"),
        lambda theirs, wat: theirs.get_resource_apikey(
            models.GetResourceAPIKeyRequest(workload_access_token=wat, resource_credential_provider_name="weather")
        ),
    ),
    "GetResourceOAuth2Token": (
        lambda ours, wat: ours.get_resource_oauth2_token(Secret(wat), asked_by_user()),
        lambda theirs, wat: theirs.get_resource_oauth2_token(federation(wat)),
    ),
    "GetResourceOAuth2Token, forced, with parameters": (
        lambda ours, wat: ours.get_resource_oauth2_token(
            Secret(wat), asked_by_user(force=True, custom_parameters={"prompt": "同意 &"})
        ),
        lambda theirs, wat: theirs.get_resource_oauth2_token(
            federation(wat, force_authentication=True, custom_parameters={"prompt": "同意 &"})
        ),
    ),
    "GetResourceOAuth2Token, polled": (
        lambda ours, wat: ours.get_resource_oauth2_token(Secret(wat), asked_by_user(session_uri=SESSION_URI)),
        lambda theirs, wat: theirs.get_resource_oauth2_token(federation(wat, session_uri=SESSION_URI)),
    ),
    "GetResourceOAuth2Token, for a machine": (
        lambda ours, wat: ours.get_resource_oauth2_token(Secret(wat), question(flow="M2M")),
        lambda theirs, wat: theirs.get_resource_oauth2_token(of_flow(wat, "M2M")),
    ),
    "GetResourceOAuth2Token, on behalf": (
        lambda ours, wat: ours.get_resource_oauth2_token(Secret(wat), question(flow="ON_BEHALF_OF", audience="erp")),
        lambda theirs, wat: theirs.get_resource_oauth2_token(of_flow(wat, "ON_BEHALF_OF", audience="erp")),
    ),
    "CompleteResourceTokenAuth": (
        lambda ours, wat: ours.complete_resource_token_auth(SESSION_URI, Secret(USER_TOKEN)),
        lambda theirs, wat: theirs.complete_resource_token_auth(completion(user_jwt=USER_TOKEN)),
    ),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield declared(cloud)


@pytest.fixture
def calls(monkeypatch):
    """What the cloud hands to its actions, and to which: only of requests whose signature held."""
    calls = []

    def recorded(action):
        async def record(cloud, call):
            calls.append(call)
            return await action(cloud, call)

        return record

    for name, action in list(ACTIONS.items()):
        monkeypatch.setitem(ACTIONS, name, recorded(action))
    return calls


@pytest.fixture(params=["permanent key", "temporary key"])
def key(request, stack):
    return operator_key(stack.running) if request.param == "permanent key" else stack.function_key()


def official(stack, key):
    token = key.security_token.reveal() if key.security_token else None
    options = Config(
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret.reveal(),
        security_token=token,
        endpoint=stack.running.url,
    )
    return Client(options)


@pytest.mark.parametrize("case", CASES)
async def test_both_clients_ask_for_the_same(stack, calls, key, case):
    async with http_client() as http:
        data_plane = DataPlane(stack.settings, http, lambda: key)
        wat = (await data_plane.get_workload_access_token_for_user_id("wi", "batch-7")).reveal()
        calls.clear()
        ask_ours, ask_theirs = CASES[case]
        ours_failed = theirs_failed = ""
        try:
            await ask_ours(data_plane, wat)
        except IdentityError as error:
            ours_failed = error.cloud_code
        try:
            ask_theirs(official(stack, key), wat)
        except Exception as error:  # noqa: BLE001  the official client's error, of which only the code matters
            theirs_failed = error.code
    ours, theirs = calls
    assert (
        (ours.service, ours.action) == (theirs.service, theirs.action) == ("agentidentitydata", case.partition(",")[0])
    )
    assert without_once(ours) == without_once(theirs)
    assert set(ours.params) == set(theirs.params)
    assert ours.caller == theirs.caller
    assert ours_failed == theirs_failed
    is_signed = ours.action != "AssumeRoleForWorkloadIdentity"
    assert ours.caller.access_key_id == (key.access_key_id if is_signed else "")


def test_no_action_is_left_out():
    assert {case.partition(",")[0] for case in CASES} == set(ACTIONS)


def without_once(call):
    return {name: value for name, value in call.params.items() if name not in ONCE}
