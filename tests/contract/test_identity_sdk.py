"""`agent-identity-python-sdk`, unmodified, as an agent's developer uses it: decorators, in a process of its own."""

import httpx2
import pytest
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

from fujie_emulator.agentidentitydata import wat
from fujie_emulator.testing import running as running_cloud
from tests.contract.foreign.process import Agent
from tests.contract.identity_stack import RETURN_URL, Stack, consent, query_of, rows, sign_in
from tests.emulator.agentidentitydata.conftest import Outside


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(running):
    stack = Stack(running)
    stack.create_api_key_provider("weather", "key-1")
    return stack


@pytest.fixture(scope="module")
def agent(running, stack, tmp_path_factory):
    home = tmp_path_factory.mktemp("agent")
    agent = Agent(running, home, RETURN_URL=RETURN_URL, AGENT_IDENTITY_WORKLOAD_IDENTITY_NAME="demo")
    yield agent
    agent.close()


def books(running, token):
    return httpx2.get(f"{running.url}/partners/library/api/books", headers={"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("tool", ["api_key", "api_key_async"])
def test_an_api_key_reaches_the_tool_through_the_role(running, stack, agent, tool):
    alice = sign_in(running, stack.app_id, "alice")
    assert agent.call(tool, user_token=alice) == "key-1"
    assert rows(running, "GetResourceAPIKey")[-1]["caller"]["type"] == "role"


def test_a_temporary_key_is_the_roles_and_works_with_its_token_only(running, stack, agent):
    key_id, secret, token = agent.call("sts", user_token=sign_in(running, stack.app_id, "alice"))
    mine = Config(access_key_id=key_id, access_key_secret=secret, security_token=token, endpoint=running.url)
    body = StsClient(mine).get_caller_identity().body
    assert body.identity_type == "AssumedRoleUser"
    assert "/demo-role/AgentIdentitySessionRole-" in body.arn.replace("assumed-role", "")
    with pytest.raises(Exception, match="MissingSecurityToken"):
        StsClient(Config(access_key_id=key_id, access_key_secret=secret, endpoint=running.url)).get_caller_identity()


def test_a_workload_token_says_for_whom(running, stack, agent):
    alice = sign_in(running, stack.app_id, "alice")
    access = wat.open_token(running.cloud, agent.call("workload", user_token=alice))
    assert (access.identity, access.user.subject) == ("demo", running.cloud.account.user("alice").user_id)
    assert wat.open_token(running.cloud, agent.call("workload")).user is None


def test_a_person_consents_while_the_agent_polls(running, stack, agent):
    alice = sign_in(running, stack.app_id, "alice")
    agent.start("library", user_token=alice, state="opaque")
    url = agent.hear("authorization")["url"]
    agent.hear("sleeping")
    returned = query_of(consent(url))
    assert returned["state"] == "opaque"
    bob = sign_in(running, stack.app_id, "bob")
    assert agent.confirm(returned["session_uri"], bob)["code"] == "Forbidden.UserIdentifierMismatch"
    agent.go_on()
    agent.hear("sleeping")  # polled once more, to no avail
    assert agent.confirm(returned["session_uri"], alice)["event"] == "confirmed"
    assert agent.confirm(returned["session_uri"], alice)["code"] == "InvalidParameter.SessionURI"
    agent.go_on()
    token = agent.hear("result")["value"]
    assert books(running, token).json() == [{"title": "Shanhaijing"}]
    assert agent.call("library", user_token=alice) == token  # from the vault, nobody is asked
    agent.start("library", user_token=bob)
    agent.hear("authorization")
    agent.hear("sleeping")
    for _ in range(18):
        agent.go_on()
        agent.hear("sleeping")
    agent.go_on()
    assert "after 20 attempts" in agent.hear("failed")["words"]


def test_forced_authentication_asks_although_the_vault_has_a_token(running, stack, agent):
    agent.start("library_again", user_token=sign_in(running, stack.app_id, "alice"))
    assert agent.hear("authorization")["url"].startswith(f"{running.url}/oauth2/authorize?request_uri=urn:")
    assert "authorization flow needs to be completed" in agent.hear("failed")["words"]


def test_a_machine_token_needs_nobody(running, stack, agent):
    outside = Outside()
    outside.answers["/token"] = (200, {"access_token": "machine-1", "expires_in": 60})
    endpoints = {"AuthorizationServerMetadata": {"TokenRequest": {"Endpoint": f"{outside.url}/token"}}}
    custom = {"ClientId": "cid", "ClientSecret": "csec", "OAuth2Discovery": endpoints}
    stack.create_oauth_provider("robot", custom, oauth_type="M2M")
    assert agent.call("machine") == "machine-1"
    outside.close()
    assert outside.forms[-1]["grant_type"] == "client_credentials"


def test_a_token_that_is_none_opens_nothing_of_a_person(running, agent):
    # The SDK drops a malformed token in silence and goes on without a user.
    agent.start("library", user_token="not-a-jwt")
    assert agent.hear("failed")["code"] == "InvalidParameter.WorkloadAccessToken"


@pytest.mark.parametrize("token", ["a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."])
def test_a_forged_user_is_refused(agent, token):
    agent.start("api_key", user_token=token)
    assert agent.hear("failed")["code"] == "InvalidParameter.JsonWebToken"
