"""Tokens for which nobody is asked, from a tool's declaration to its provider's answer, on the emulated cloud.

The workload's own token (M2M), and the workload's in the user's name (ON_BEHALF_OF). What goes to the cloud is compared
with what the official SDK sends for the same wish.
"""

from datetime import timedelta
from functools import cache
from time import time

import httpx2
import pytest
from msgspec.structs import replace

from fujie import OAuth, ToolContext, clock, tool
from fujie.http import http_client
from fujie.identity.acting import Acting
from fujie.identity.consent import ConsentDesk
from fujie.identity.outbound import CredentialBroker
from fujie.identity.rows import Delegation, User
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from fujie.tools.calling import Caller
from fujie.tools.outcomes import Failed, Succeeded
from fujie.tools.registry import Registry
from fujie_emulator.agentidentitydata.routes import ACTIONS
from fujie_emulator.signin import keys
from fujie_emulator.signin.account import account_issuer
from fujie_emulator.testing import running
from tests.contract.foreign.process import Agent
from tests.identity.stack import PUBLIC_URL, declared
from tests.identity.world import inbound, run_of

ROBOTS = OAuth("robot", {"run": "Run the robots"}, display_name="Robots", flow="M2M")
ORDERS = OAuth("orders", {"read": "Read orders"}, vendor="IDaaS", flow="ON_BEHALF_OF", audience="urn:partner:orders")
OAUTH = "GetResourceOAuth2Token"


@tool(credential=ROBOTS, hosts=["api.robots.example"])
async def look_at_robots(context: ToolContext):
    """Return what the robots do."""
    answer = await context.http.get("https://api.robots.example/v1/state")
    answer.raise_for_status()
    return answer.json()


@tool(credential=ORDERS, hosts=["api.orders.example"])
async def list_orders(context: ToolContext):
    """Return the user's orders."""
    answer = await context.http.get("https://api.orders.example/v1/orders")
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        stack = declared(cloud)
        _partner(stack, "robot", {"run": "Run"}, "/v1/state", {"scope": "run", "data": {"state": "idle"}})
        _partner(stack, "orders", {"read": "Read"}, "/v1/orders", {"scope": "read", "data": [{"number": 7}]})
        _provider(stack, "orders", "IDaaS", "ON_BEHALF_OF", {"IncludedOAuth2ProviderConfig": {"ClientId": "app-1"}})
        discovery = {"DiscoveryURL": f"{cloud.url}/partners/robot/.well-known/oauth-authorization-server"}
        custom = {"ClientId": "robot", "ClientSecret": "robot-secret", "OAuth2Discovery": discovery}
        _provider(stack, "robot", "CustomOAuth2", "M2M", {"CustomOAuth2ProviderConfig": custom})
        yield stack


def _partner(stack, name, scopes, path, resource):
    client = {"client_id": name, "client_secret": f"{name}-secret"}
    body = {"scopes": scopes, "resources": {path: resource}} | client
    _admin(stack, f"partners/{name}", body)


def _provider(stack, name, vendor, kind, config):
    stack.call(
        "agentidentity",
        "CreateOAuth2CredentialProvider",
        OAuth2CredentialProviderName=name,
        CredentialProviderVendor=vendor,
        OAuthType=kind,
        OAuth2ProviderConfig=config,
    )


def _admin(stack, path, body):
    url = f"{stack.running.url}/_fujie/{path}"
    httpx2.put(url, json=body, headers=stack.running.admin_headers, trust_env=False).raise_for_status()


@pytest.fixture
def asked(monkeypatch):
    """What the cloud was asked, by action: only requests whose signature held."""
    asked = []

    def recorded(name, action):
        async def record(cloud, call):
            asked.append((name, dict(call.params)))
            return await action(cloud, call)

        return record

    for name, action in list(ACTIONS.items()):
        monkeypatch.setitem(ACTIONS, name, recorded(name, action))
    return asked


@pytest.fixture
async def call(stack):
    store = MemoryStore()
    places = {f"api.{host}.example": f"{stack.running.url}/partners/{name}/api" for host, name in PLACES.items()}
    settings = replace(stack.settings, endpoints=places)
    async with http_client() as http:
        broker = CredentialBroker(settings, http, store, ConsentDesk(settings, store), stack.function_key)
        caller = Caller(Registry([look_at_robots, list_orders]), broker, settings, http)

        signed_in = cache(lambda user, session: acting(stack, user, session))

        async def call(name, user="alice", session=""):
            return await caller.call(signed_in(user, session), name, {}, call_id="c", language="en")

        yield call


PLACES = {"robots": "robot", "orders": "orders"}


def id_token(stack, user, session):
    """Return an id_token as a user pool gives it: with the session that an IDaaS keeps."""
    cloud = stack.running.cloud
    now, issuer = int(time()), account_issuer(cloud)
    named = {"iss": issuer.url, "aud": stack.settings.oidc_client_id, "sub": cloud.account.user(user).user_id}
    return keys.sign(issuer, named | {"iat": now, "exp": now + 3600, "session_id": session})


def acting(stack, name, session):
    user = User("default", stack.running.cloud.account.user(name).user_id, name)
    tokens = inbound(
        Secret(id_token(stack, name, session or f"session-of-{name}")), None, clock.now() + timedelta(hours=1)
    )
    delegation = Delegation(f"dlg-{name}", user, "", "sealed", tokens.expires_at, clock.now())
    return Acting(run_of(user, "run-1", delegation.id), user, delegation, tokens)


def host_sign_in(stack, name):
    cloud = stack.running.cloud
    who = {"issuer": account_issuer(cloud).url, "subject": cloud.account.user(name).user_id}
    inbound_sign_ins = [who | {"session_id": f"session-of-{name}"}]
    _admin(stack, "idaas", {"resource_servers": {ORDERS.audience: ["read"]}, "inbound": inbound_sign_ins})


def whom_the_partner_saw(stack, name):
    rows = stack.running.cloud.journal.after(0)
    return [row["caller"]["name"] for row in rows if (row["service"], row["action"]) == (f"partner.{name}", "Read")]


async def test_a_tool_acts_as_the_workload_itself_and_nobody_is_asked(stack, call, asked):
    outcome = await call("look_at_robots")
    assert isinstance(outcome, Succeeded), outcome
    assert outcome.output == {"state": "idle"}
    assert (outcome.credential.kind, outcome.credential.user) == ("oauth", "")
    assert [action for action, _ in asked] == ["GetWorkloadAccessTokenForJWT", "GetWorkloadAccessToken", OAUTH]
    assert whom_the_partner_saw(stack, "robot") == ["robot"]
    await call("look_at_robots")
    assert len(asked) == 3


async def test_a_tool_acts_in_the_users_name_at_one_application(stack, call, asked):
    host_sign_in(stack, "alice")
    outcome = await call("list_orders")
    assert isinstance(outcome, Succeeded), outcome
    assert outcome.output == [{"number": 7}]
    assert (outcome.credential.kind, outcome.credential.user) == ("oauth", "alice")
    assert [action for action, _ in asked] == ["GetWorkloadAccessTokenForJWT", OAUTH]
    assert asked[-1][1]["Audience"] == ORDERS.audience
    assert whom_the_partner_saw(stack, "orders") == ["alice"]
    await call("list_orders")
    assert len(asked) == 2


async def test_one_users_token_in_his_name_is_never_anothers(stack, call):
    for name in ("alice", "bob"):
        host_sign_in(stack, name)
        assert isinstance(await call("list_orders", name), Succeeded)
    assert whom_the_partner_saw(stack, "orders")[-2:] == ["alice", "bob"]


async def test_where_no_sign_in_is_hosted_the_call_fails_and_takes_no_weaker_token(call, asked):
    outcome = await call("list_orders", session="one that ended")
    assert isinstance(outcome, Failed)
    assert outcome.error["code"] == "cloud_refused"
    assert [action for action, _ in asked] == ["GetWorkloadAccessTokenForJWT", OAUTH]


async def test_the_official_sdk_asks_for_a_machine_token_in_the_same_words(stack, call, asked, tmp_path):
    await call("look_at_robots")
    agent = Agent(
        stack.running,
        tmp_path,
        RETURN_URL=PUBLIC_URL,
        AGENT_IDENTITY_WORKLOAD_IDENTITY_NAME="wi",
        AGENT_IDENTITY_USE_STS="false",
    )
    try:
        agent.call("machine")
    finally:
        agent.close()
    ours, theirs = ({**form, "WorkloadAccessToken": ""} for action, form in asked if action == OAUTH)
    assert ours == theirs
    assert [action for action, _ in asked].count("GetWorkloadAccessToken") == 2
