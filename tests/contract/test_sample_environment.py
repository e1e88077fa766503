"""The life of a whole sample environment: prepared, used, prepared over itself, cleared, cleared again, and anew."""

import json
import sys

import pytest

from fujie_emulator.agentidentitydata import wat
from fujie_emulator.signin.state import introspect
from fujie_emulator.testing import running as running_cloud
from tests.contract.foreign.process import HERE, Agent, run
from tests.contract.identity_stack import consent, query_of, sign_in

HOME = "http://localhost:8090"
PUBLIC_DATA = "https://agentidentitydata.cn-beijing.aliyuncs.com"


@pytest.fixture
def running(tmp_path):
    with running_cloud(tmp_path / "cloud") as running:
        yield running


def scripts(running, home, *words):
    """Run `prepare` and `clear` in this order; return the last summary and how many errors were tolerated."""
    command = [sys.executable, str(HERE / "sample_environment.py"), *words]
    done = run(command, running, home, DASHSCOPE_API_KEY="key-1")
    assert done.returncode == 0, done.stderr[-3000:]
    summaries = done.stdout.splitlines()
    return json.loads(summaries[-1]) if summaries else None, done.stderr.count("tolerated")


def use_every_tool(running, made, agent):
    """Sign in to the inbound application, then let the agent fetch each kind of credential for that person."""
    alice = sign_in(running, made["inbound_app_id"], "alice", redirect_uri=HOME)
    workload = wat.open_token(running.cloud, agent.call("workload", user_token=alice))
    assert workload.identity == made["workload_identity_name"]
    assert agent.call("sample_api_key", user_token=alice) == "key-1"
    assert agent.call("sts", user_token=alice)[0].startswith("STS.")
    agent.start("mcp", user_token=alice, state="s")
    url = agent.hear("authorization")["url"]
    agent.hear("sleeping")
    returned = query_of(consent(url, hosts={PUBLIC_DATA: running.url}))
    assert agent.confirm(returned["session_uri"], alice)["event"] == "confirmed"
    agent.go_on()
    active = introspect(running.cloud, agent.hear("result")["value"])
    assert (active.name, active.client_id) == ("alice", made["mcp_app_id"])
    assert "/acs/mcp-server" in active.scopes
    return alice


def kept(running):
    return {
        kind: len(running.cloud.store.list(service, kind))
        for service, kind in (
            ("ims", "application"),
            ("agentidentity", "WorkloadIdentity"),
            ("agentidentity", "IdentityProvider"),
            ("agentidentity", "OAuth2CredentialProvider"),
            ("agentidentity", "APIKeyCredentialProvider"),
            ("ram", "role"),
            ("ram", "policy"),
        )
    }


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "sample"
    home.mkdir()
    return home


@pytest.fixture
def agent(running, home):
    agent = Agent(running, home, RETURN_URL=f"{HOME}/callback")  # its identity's name comes from .config.json
    yield agent
    agent.close()


def test_it_is_prepared_used_cleared_and_prepared_again(running, home, agent):
    made, tolerated = scripts(running, home, "prepare")
    assert tolerated == 0
    alice = use_every_tool(running, made, agent)
    again, tolerated = scripts(running, home, "clear", "clear", "prepare")
    assert tolerated == 6  # all that the second `clear` found gone
    assert again["workload_identity_name"] != made["workload_identity_name"]
    agent.start("workload", user_token=alice)  # signed in to an application that is gone: another audience
    assert agent.hear("failed")["code"] == "InvalidParameter.JsonWebToken"
    use_every_tool(running, again, agent)
    scripts(running, home, "clear")
    left = kept(running)
    assert (left.pop("role"), left.pop("policy")) == (2, 2)  # the scripts never delete these
    assert set(left.values()) == {0}


def test_prepared_over_itself_it_keeps_what_has_a_fixed_name(running, home):
    _, tolerated = scripts(running, home, "prepare", "prepare")
    assert tolerated == 4
    assert kept(running) == {
        "application": 4,
        "WorkloadIdentity": 2,
        "IdentityProvider": 1,
        "OAuth2CredentialProvider": 2,
        "APIKeyCredentialProvider": 1,
        "role": 2,
        "policy": 2,
    }
