"""An agent in its developer's own process on the emulated cloud: real tokens, a person with a browser, both flows."""

import asyncio
import base64
import hashlib
import os
import secrets
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.transient import TransientRuns
from fujie.identity import AgentIdentity, OwnAuthorizationRequired, on_behalf_of, requires_access_token
from fujie.identity.errors import CloudRefusedError, IdentityMisconfiguredError, TokenInvalidError
from fujie_emulator.testing import running
from tests.agents.doubles import alice, asked, collect, kinds
from tests.contract.identity_stack import Stack, consent, query_of, sign_in
from tests.identity.own_process import operator_key
from tests.identity.world import SETTINGS

RETURN_URL = "http://localhost:8090/callback"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield Stack(cloud)


@pytest.fixture
def identity(stack):
    from msgspec.structs import replace

    settings = replace(SETTINGS, workload_identity="demo", agentidentitydata_endpoint=stack.running.url)
    identity = AgentIdentity(settings, lambda: operator_key(stack.running))
    yield identity
    identity.close()


def signed_in(stack, name):
    return sign_in(stack.running, stack.app_id, name)


def library(identity, **options):
    wanted = {"provider_name": "library", "scopes": ["books.read"], "callback_url": RETURN_URL, "identity": identity}

    @requires_access_token(**(wanted | options))
    async def tool(access_token):
        return access_token

    return tool


async def test_from_the_question_over_the_consent_to_the_token(stack, identity):
    alice, bob = signed_in(stack, "alice"), signed_in(stack, "bob")
    tool, state = library(identity), secrets.token_urlsafe(16)
    with on_behalf_of(user_token=alice, custom_state=state):
        with pytest.raises(OwnAuthorizationRequired) as asked:
            await tool()
        returned = query_of(await asyncio.to_thread(consent, asked.value.authorization_url))
        assert (returned["state"], returned["session_uri"]) == (state, asked.value.session_uri)
        with pytest.raises(CloudRefusedError) as foreign:
            await identity.complete(returned["session_uri"], user_token=bob)
        assert foreign.value.cloud_code == "Forbidden.UserIdentifierMismatch"
        await identity.complete(returned["session_uri"], user_token=alice)
        token = await tool()
        assert await tool() == token
    books = f"{stack.running.url}/partners/library/api/books"
    answer = httpx2.get(books, headers={"authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.json() == [{"title": "Shanhaijing"}]
    with on_behalf_of(user_token=bob), pytest.raises(OwnAuthorizationRequired):
        await tool()


async def test_forced_authentication_ends_once_the_person_answered(stack, identity):
    alice, tool = signed_in(stack, "alice"), library(identity, force_authentication=True)
    with on_behalf_of(user_token=alice):
        links = set()
        for _ in range(2):
            with pytest.raises(OwnAuthorizationRequired) as asked:
                await tool()
            links.add(asked.value.authorization_url)
        assert len(links) == 1
        await asyncio.to_thread(consent, links.pop())
        with pytest.raises(OwnAuthorizationRequired):
            await tool()
        await identity.complete(asked.value.session_uri, user_token=alice)
        assert await tool()


async def test_a_forged_user_gets_nothing(stack, identity):
    head, claims, _ = signed_in(stack, "alice").split(".")
    forged = base64.urlsafe_b64encode(hashlib.sha256(b"forged").digest()).decode().rstrip("=")
    with on_behalf_of(user_token=f"{head}.{claims}.{forged}"), pytest.raises(TokenInvalidError):
        await library(identity)()


async def test_a_callback_that_is_not_listed_is_named_with_its_repair(stack, identity):
    tool = library(identity, scopes=["books.write"], callback_url="https://elsewhere.example/callback")
    with on_behalf_of(user_token=signed_in(stack, "alice")), pytest.raises(IdentityMisconfiguredError) as refused:
        await tool()
    assert "return URLs" in refused.value.repair


FORKING = """
import os, sys
from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.transient import TransientRuns
from fujie.identity import AgentIdentity, requires_workload_access_token
from fujie.identity.errors import IdentityMisconfiguredError
mine = AgentIdentity()
def tool(workload_access_token):
    return True
ask, ask_mine = (requires_workload_access_token(identity=who)(tool) for who in (None, mine))
assert ask() and ask_mine()
child = os.fork()
if child == 0:
    from fujie.identity import requires_api_key
    try:
        requires_api_key(provider_name="cold", identity=mine)(lambda api_key: api_key)()
    except IdentityMisconfiguredError as error:
        os._exit(0 if "fork" in error.message and ask() else 3)
    os._exit(2)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_gets_an_identity_of_its_own_and_never_the_parents_connections(stack):
    running = stack.running
    env = os.environ | {
        "FUJIE_WORKLOAD_IDENTITY": "demo",
        "FUJIE_AGENTIDENTITYDATA_ENDPOINT": running.url,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": running.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": running.access_key_secret,
    }
    command = [sys.executable, "-W", "ignore", "-c", FORKING]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_wheel_holds_what_an_agents_developer_imports(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=Path(__file__).parents[2], check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("fujie-*.whl")
    code = (
        "import fujie.identity as i; [getattr(i, name) for name in i.__all__];"
        f"assert i.__file__.startswith({str(wheel)!r}), i.__file__"
    )
    env = os.environ | {"PYTHONPATH": str(wheel)}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


async def test_an_agents_run_pauses_at_its_own_tool_and_goes_on_once_its_user_came_back(stack, identity):
    token, tool = signed_in(stack, "alice"), library(identity, scopes=["books.read", "books.write"])
    app = AgentApp("Reader", config=AgentConfig(open_access=True))

    @app.query
    async def answer(msgs):
        with on_behalf_of(user_token=token, custom_state="this login session"):
            credential = await tool()
        yield f"read with {len(credential) > 0}"

    runs = TransientRuns(app.own.runner, agent="Reader", timeout_s=60.0)
    run = await runs.start(alice(), asked("my books?"))
    paused = await collect(runs.execute(run))
    assert kinds(paused)[-2:] == ["ConsentRequired", "RunPaused"]
    returned = query_of(await asyncio.to_thread(consent, paused[-2].request.connect_url))
    assert returned["state"] == "this login session"
    assert await collect(runs.resume(run.id)) == [], "the user came back, and nobody confirmed it yet"
    await identity.complete(returned["session_uri"], user_token=token)
    told = await collect(runs.watch(run.id, run.user))
    assert kinds(told)[-1] == "RunCompleted"
    assert "read with True" in str(told)
    await runs.close()
