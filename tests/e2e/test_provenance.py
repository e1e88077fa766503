"""Whose credential made each call: the emulated cloud's own log, in order, after the journey."""

import psutil
import pytest

from tests.e2e.questions import BY_NAME

pytestmark = pytest.mark.e2e

TOOL, CALLBACK, AGENT = "fujie-laptop-tool-role", "fujie-laptop-callback-role", "fujie-laptop-agent-role"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    from tests.e2e.running import RunningStack

    running = RunningStack(tmp_path_factory.mktemp("provenance")).start()
    yield running
    running.stop()


def calls(stack, before, *services):
    """Return (action, who) of the calls to these services since then."""
    return [(row["action"], who(row["caller"])) for row in stack.requests(before) if row["service"] in services]


def who(caller):
    """Return the role's name of a caller that has assumed one."""
    return caller["arn"].split("/")[1] if caller["type"] == "role" else caller["type"]


def test_an_api_key_is_fetched_by_the_tool_function_and_reaches_the_partner(stack, person):
    alice, before = person("alice"), stack.last_request()
    alice.ask(BY_NAME["weather"].en)
    assert calls(stack, before, "agentidentitydata") == [
        ("GetWorkloadAccessTokenForJWT", TOOL),
        ("GetResourceAPIKey", TOOL),
    ]
    issued, used = fingerprints(stack, before, "GetResourceAPIKey", "partner.weather")
    assert issued == used


def test_an_sts_credential_is_the_workload_identitys_role_and_reads_one_object(stack, person):
    bob, before = person("bob"), stack.last_request()
    bob.ask(BY_NAME["schedule"].en)
    assert calls(stack, before, "agentidentitydata") == [
        ("GetWorkloadAccessTokenForJWT", TOOL),
        ("AssumeRoleForWorkloadIdentity", "anonymous"),
    ]
    assert calls(stack, before, "oss") == [("GetObject", AGENT)]


def test_an_oauth_token_is_the_users_own_and_was_completed_by_the_callback_function(stack, person):
    tokens = {}
    for user in ("alice", "bob"):
        someone, before = person(user), stack.last_request()
        answer = someone.ask(BY_NAME["time"].en)
        someone.allow(answer.consents[0]["connect_url"])
        assert someone.follow(answer).status == "completed"
        actions = calls(stack, before, "agentidentitydata", "fc")
        assert ("CompleteResourceTokenAuth", CALLBACK) in actions
        assert ("InvokeFunction", CALLBACK) in actions
        assert {who for action, who in actions if action == "GetResourceOAuth2Token"} == {TOOL}
        order = [action for action, _ in actions]
        assert order.index("CompleteResourceTokenAuth") < order.index("InvokeFunction")
        assert order.index("InvokeFunction") < len(order) - 1 - order[::-1].index("GetResourceOAuth2Token")
        issued, used = fingerprints(stack, before, "GetResourceOAuth2Token", "partner.time")
        assert issued == used
        tokens[user] = used
    assert tokens["alice"] != tokens["bob"]


def fingerprints(stack, before, action, partner):
    rows = [row for row in stack.requests(before) if row.get("credential_fingerprint")]
    issued = [row["credential_fingerprint"] for row in rows if row["action"] == action]
    used = [row["credential_fingerprint"] for row in rows if row["service"] == partner]
    return issued[-1], used[-1]


def test_no_long_lived_key_is_in_any_functions_environment(stack):
    functions = [process for process in stack.processes() if "FC_FUNCTION_NAME" in environ_of(process)]
    assert {environ_of(process)["FC_FUNCTION_NAME"] for process in functions} == {"chat", "process", "callback", "tool"}
    for process in functions:
        environ = environ_of(process)
        assert environ["ALIBABA_CLOUD_ACCESS_KEY_ID"].startswith("STS.")
        assert environ["ALIBABA_CLOUD_SECURITY_TOKEN"]
        assert stack.ready["access_key_id"] not in environ.values()
        assert not any(stack.ready["access_key_secret"] in value for value in environ.values())


def test_only_tool_and_callback_can_open_a_delegation(stack):
    for process in stack.processes():
        environ = environ_of(process)
        if environ.get("FC_FUNCTION_NAME") in {"chat", "process"}:
            assert "FUJIE_SEALING_PRIVATE_KEY" not in environ


def environ_of(process):
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return {}
