"""The decision to ask again, as a value: no server, no sleep."""

import json

import pytest

from fujie.http import Answer
from fujie.identity.call_flow import Call, Pause, call_flow
from fujie.identity.errors import (
    CloudRefusedError,
    CloudUnavailableError,
    IdentityMisconfiguredError,
    ThrottledError,
    TokenInvalidError,
)
from tests.identity.world import KEY, MovedClock

GET = Call("GetResourceAPIKey", {"WorkloadAccessToken": "wat"}, KEY)
COMPLETE = Call("CompleteResourceTokenAuth", {}, KEY, is_repeatable=False)


def answer(status, document=None, **headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def play(call, *answers):
    """Return (result, requests, pauses) of a flow that is answered in turn."""
    flow = call_flow("https://data.example", call, MovedClock(), jitter=lambda: 0.5)
    requests, pauses, queue = [], [], list(answers)
    step = next(flow)
    try:
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = flow.send(None)
            else:
                requests.append(step)
                step = flow.send(queue.pop(0))
    except StopIteration as done:
        return done.value, requests, pauses
    except Exception as error:  # noqa: BLE001  returned to be looked at
        return error, requests, pauses


OK = answer(200, {"APIKey": "k", "RequestId": "R"})
BUSY = answer(503, {"Code": "ServiceUnavailable", "RequestId": "R"})
THROTTLED = answer(400, {"Code": "Throttling.User", "RequestId": "R"})


def test_a_good_answer_needs_one_request():
    result, requests, pauses = play(GET, OK)
    assert (result["APIKey"], len(requests), pauses) == ("k", 1, [])


@pytest.mark.parametrize("busy", [BUSY, THROTTLED, answer(429, {"Code": "x"}), answer(503, b"<html>")])
def test_patience_is_asked_for_and_given(busy):
    result, requests, pauses = play(GET, busy, busy, OK)
    assert result["APIKey"] == "k"
    assert pauses == [0.2, 0.4]
    nonces = {request.headers["x-acs-signature-nonce"] for request in requests}
    assert len(nonces) == 3


def test_patience_ends():
    error, requests, _ = play(GET, THROTTLED, THROTTLED, THROTTLED)
    assert isinstance(error, ThrottledError)
    assert len(requests) == 3


def test_the_clouds_own_wish_to_wait_is_kept():
    _, _, pauses = play(GET, answer(429, {"Code": "Throttling.Api"}, x_acs_retry_after="1500"), OK)
    assert pauses == [1.5]


@pytest.mark.parametrize("busy", [BUSY, THROTTLED])
def test_what_must_not_happen_twice_is_asked_once(busy):
    error, requests, _ = play(COMPLETE, busy, OK)
    assert isinstance(error, CloudUnavailableError | ThrottledError)
    assert len(requests) == 1


def test_a_provider_that_failed_behind_the_cloud_is_not_asked_again():
    upstream = answer(503, {"Code": "ServiceUnavailable.UpstreamTokenEndpoint"})
    error, requests, _ = play(GET, upstream, OK)
    assert isinstance(error, IdentityMisconfiguredError)
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidParameter.JsonWebToken", TokenInvalidError),
        (200, "InvalidParameter.JsonWebToken", TokenInvalidError),
        (404, "EntityNotExists.WorkloadIdentity", IdentityMisconfiguredError),
        (200, "EntityNotExists.APIKeyCredentialProvider", IdentityMisconfiguredError),
        (403, "NoPermission", IdentityMisconfiguredError),
        (400, "Missmatch.ResourceOAuth2ReturnURL", IdentityMisconfiguredError),
        (400, "InvalidOAuthDiscoveryURL: Unreachable", IdentityMisconfiguredError),
        (404, "InvalidAccessKeyId.NotFound", IdentityMisconfiguredError),
        (400, "SignatureDoesNotMatch", IdentityMisconfiguredError),
        (400, "InvalidParameter.SessionURI", CloudRefusedError),
        (403, "Forbidden.UserIdentifierMismatch", CloudRefusedError),
        (500, "InternalError", CloudUnavailableError),
    ],
)
def test_each_code_has_its_error_also_in_an_answer_that_looks_good(status, code, kind):
    error, requests, _ = play(GET, answer(status, {"Code": code, "Message": "wat and more", "RequestId": "R-1"}))
    assert type(error) is kind
    assert (error.cloud_code, error.request_id, error.http_status) == (code, "R-1", status)
    assert len(requests) == 1
    assert "wat" not in error.message
    assert error.repair or kind in {CloudRefusedError, CloudUnavailableError}


def test_a_denial_names_the_permission_that_is_missing():
    error, _, _ = play(GET, answer(403, {"Code": "NoPermission"}))
    assert "agentidentitydata:GetResourceAPIKey" in error.repair
    assume = Call("AssumeRoleForWorkloadIdentity", {}, None)
    error, _, _ = play(assume, answer(403, {"Code": "NoPermission"}))
    assert "trust" in error.repair


@pytest.mark.parametrize(
    "odd", [answer(200, b""), answer(200, []), answer(200, b"\xff"), answer(302, {}), answer(500, b"<html>")]
)
def test_an_answer_that_cannot_be_read_is_an_outage(odd):
    error, _, _ = play(GET, odd)
    assert isinstance(error, CloudUnavailableError)
    assert error.http_status == odd.status


@pytest.mark.parametrize("wish", ["soon", "-5", "", "1e9"])
def test_an_odd_wish_to_wait_is_ignored(wish):
    _, _, pauses = play(GET, answer(429, {"Code": "Throttling"}, x_acs_retry_after=wish), OK)
    assert pauses == [0.2]
