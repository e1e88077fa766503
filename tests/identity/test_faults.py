"""Each action of the data plane made slow, throttled, failing, dropped or cut short: what the caller gets of it.

Repeated where that is safe and the cloud asks for it, a bounded number of times; else one typed error, which tells
nothing of what was sent. Nothing goes on in the background.
"""

import asyncio
from collections import Counter

import pytest

from fujie.http import http_client
from fujie.identity.call_flow import MAX_ATTEMPTS
from fujie.identity.data_plane import DataPlane, OAuthQuestion
from fujie.identity.errors import CloudRefusedError, CloudUnavailableError, IdentityError, ThrottledError
from fujie.secret import Secret
from fujie_emulator.agentidentitydata.routes import ACTIONS
from fujie_emulator.core.faults import Faults
from fujie_emulator.testing import running
from tests.identity.own_process import operator_key
from tests.identity.stack import PUBLIC_URL, declared

CANARY = "e30.e30.canary-user-token"
SESSION_URI = "urn:ietf:params:oauth:request_uri:canary-session"
COMPLETE = "CompleteResourceTokenAuth"

CALLS = {
    "GetWorkloadAccessToken": lambda plane, wat: plane.get_workload_access_token("wi"),
    "GetWorkloadAccessTokenForJWT": lambda plane, wat: plane.get_workload_access_token_for_jwt("wi", Secret(CANARY)),
    "GetWorkloadAccessTokenForUserId": lambda plane, wat: plane.get_workload_access_token_for_user_id("wi", "batch-7"),
    "AssumeRoleForWorkloadIdentity": lambda plane, wat: plane.assume_role_for_workload_identity(
        wat, session_name="s-1", duration_s=900
    ),
    "GetResourceAPIKey": lambda plane, wat: plane.get_resource_api_key(wat, "weather"),
    "GetResourceOAuth2Token": lambda plane, wat: plane.get_resource_oauth2_token(
        wat, OAuthQuestion("time", ["time.read"], PUBLIC_URL + "/callback", Secret("canary-state"))
    ),
    COMPLETE: lambda plane, wat: plane.complete_resource_token_auth(SESSION_URI, Secret(CANARY)),
}
ENDS_BADLY = {"GetWorkloadAccessTokenForJWT", COMPLETE}
"""Also without a fault: the canary is no token that the cloud accepts."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield declared(cloud)


@pytest.fixture
def asked(monkeypatch):
    """How often each action was asked, faulty answers included."""
    asked, apply = Counter(), Faults.apply

    async def counted(self, service, action):
        asked[action] += 1
        await apply(self, service, action)

    monkeypatch.setattr(Faults, "apply", counted)
    return asked


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("fujie.identity.call_flow.FIRST_PAUSE_S", 0.001)


@pytest.fixture
async def http():
    async with http_client() as http:
        yield http


@pytest.fixture
async def call(stack, http, asked):
    """Ask an action once while a fault is armed; return its answer or its error."""
    plane = DataPlane(stack.settings, http, lambda: operator_key(stack.running))
    wat = await plane.get_workload_access_token_for_user_id("wi", "batch-7")
    asked.clear()
    tasks_before = asyncio.all_tasks()

    async def call(action, **fault):
        stack.running.cloud.faults.arm({"service": "agentidentitydata", "action": action} | fault)
        try:
            return await CALLS[action](plane, wat)
        except Exception as error:  # noqa: BLE001  looked at by the test
            leaks = [text for text in (CANARY, "canary", wat.reveal()) if text in f"{error!r} {error} {error.__dict__}"]
            assert not leaks
            return error
        finally:
            stack.running.cloud.faults.clear()

    yield call
    left = asyncio.all_tasks() - tasks_before - {asyncio.current_task()}
    assert not left, left


def is_normal(action, outcome):
    return isinstance(outcome, IdentityError) == (action in ENDS_BADLY) and not isinstance(
        outcome, CloudUnavailableError | ThrottledError
    )


def test_no_action_is_left_out():
    assert set(CALLS) == set(ACTIONS)


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_cloud_is_asked_again_unless_that_could_do_harm(call, asked, action, status):
    outcome = await call(action, kind="status", status=status, retry_after_ms=1)
    if action == COMPLETE:
        assert type(outcome) is (ThrottledError if status == 429 else CloudUnavailableError)
        assert asked[action] == 1
    else:
        assert is_normal(action, outcome)
        assert asked[action] == 2


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("status", [429, 503])
async def test_patience_ends(call, asked, action, status):
    outcome = await call(action, kind="status", status=status, retry_after_ms=1, count=9)
    assert type(outcome) is (ThrottledError if status == 429 else CloudUnavailableError)
    assert outcome.cloud_code
    assert outcome.request_id
    assert asked[action] == (1 if action == COMPLETE else MAX_ATTEMPTS)


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "drop"}, {"kind": "truncate"}])
async def test_what_may_have_happened_is_not_repeated(call, asked, action, fault):
    outcome = await call(action, **fault)
    if action in ENDS_BADLY and fault["kind"] == "truncate":
        assert isinstance(outcome, IdentityError)  # a refusal may be short enough to arrive whole
    else:
        assert type(outcome) is CloudUnavailableError
    assert asked[action] == 1


@pytest.mark.parametrize("action", CALLS)
async def test_a_slow_cloud_is_left_at_the_deadline(call, asked, action, monkeypatch):
    monkeypatch.setattr("fujie.identity.data_plane.DEADLINE_S", 0.2)
    outcome = await call(action, kind="latency", latency_s=1.5)
    assert type(outcome) is CloudUnavailableError
    assert asked[action] <= 1


@pytest.mark.parametrize("action", CALLS)
async def test_a_wish_for_patience_beyond_the_deadline_is_passed_on(call, asked, action):
    outcome = await call(action, kind="status", status=429, retry_after_ms=30_000)
    assert type(outcome) is ThrottledError
    assert outcome.retry_after_s == 30
    assert asked[action] == 1


@pytest.mark.parametrize("action", CALLS)
async def test_a_denial_is_a_fault_of_the_stack_and_asked_once(call, asked, action):
    outcome = await call(action, kind="status", status=403)
    assert isinstance(outcome, IdentityError)
    assert not isinstance(outcome, CloudUnavailableError | CloudRefusedError)
    assert outcome.repair
    assert asked[action] == 1
