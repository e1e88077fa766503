import json

import httpx2
import pytest

from fujie.identity.errors import CloudUnavailableError, IdentityMisconfiguredError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_signing_key
from fujie.identity.wake import Waker
from fujie.secret import Secret
from tests.identity.world import KEY, SETTINGS

CALLBACK = new_signing_key()


def waker(clock, answer):
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), trust_env=False)
    return Waker(SETTINGS, http, InternalMinter("callback", CALLBACK[0], now=clock), lambda: KEY, now=clock)


async def test_waking_is_one_asynchronous_event_with_a_token_for_process(clock):
    requests = []

    def answer(request):
        requests.append(request)
        return httpx2.Response(202)

    await waker(clock, answer).wake("run-1", "dlg-1")
    [request] = requests
    assert request.url == "https://fc.example/2023-03-30/functions/process/invocations"
    assert request.headers["x-fc-invocation-type"] == "Async"
    assert "security-token" in request.headers["x-acs-security-token"]
    event = json.loads(request.content)
    assert (event["type"], event["run_id"]) == ("resume_run", "run-1")
    verifier = InternalVerifier("process", {"callback": CALLBACK[1]}, ["callback"], now=clock)
    caller = verifier.verify(Secret(event["token"]))
    assert (caller.run_id, caller.delegation_id) == ("run-1", "dlg-1")


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (403, {"Code": "NoPermission", "RequestId": "R"}, IdentityMisconfiguredError),
        (404, {"Code": "FunctionNotFound"}, IdentityMisconfiguredError),
        (500, {"Code": "InternalServerError"}, CloudUnavailableError),
        (200, {}, CloudUnavailableError),
        (302, {}, CloudUnavailableError),
    ],
)
async def test_an_event_that_was_not_taken_is_an_error(clock, status, document, error):
    with pytest.raises(error):
        await waker(clock, lambda _: httpx2.Response(status, json=document)).wake("run-1", "dlg-1")


async def test_a_cloud_that_cannot_be_reached_is_an_outage_that_repeats_no_token(clock):
    def answer(request):
        raise httpx2.ConnectError("no route")

    with pytest.raises(CloudUnavailableError) as outage:
        await waker(clock, answer).wake("run-1", "dlg-1")
    assert "token" not in str(outage.value).lower()
