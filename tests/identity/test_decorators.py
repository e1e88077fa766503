"""The decorators in the shape that others know: what they hand over, to whom, and when they refuse."""

import asyncio
import functools
import inspect
import os
import subprocess
import sys
import threading
import typing
from datetime import timedelta

import pytest

from fujie.identity import (
    AuthorizationRequired,
    OwnAuthorizationRequired,
    as_workload,
    on_behalf_of,
    requires_access_token,
    requires_api_key,
    requires_sts_token,
    requires_workload_access_token,
)
from fujie.identity.errors import (
    BlockingCallError,
    CloudUnavailableError,
    DelegationRequiredError,
    IdentityMisconfiguredError,
    ThrottledError,
    TokenInvalidError,
)
from tests.identity.own_process import own_process
from tests.identity.world import ALICE, BOB, needs_authorization

JWT_ACTION, OAUTH = "GetWorkloadAccessTokenForJWT", "GetResourceOAuth2Token"


@pytest.fixture
def own():
    with own_process() as own:
        yield own


@pytest.fixture
def as_alice(own):
    with on_behalf_of(user_token=own.token(ALICE)):
        yield


def api_key_tool(own):
    @requires_api_key(provider_name="weather", identity=own.identity)
    async def tool(city: str, api_key: str) -> str:
        """Tell the weather."""
        return f"{city}: {api_key}"

    return tool


def token_tool(own, **options):
    wanted = {"provider_name": "time", "scopes": ["b", "a"], "identity": own.identity}

    @requires_access_token(**(wanted | options))
    async def tool(*, access_token):
        return access_token

    return tool


def test_an_api_key_for_a_sync_function(own, as_alice):
    @requires_api_key(provider_name="weather", into="key", identity=own.identity)
    def tool(city, key):
        return city, key

    assert tool("Hangzhou") == ("Hangzhou", f"key weather wat-{ALICE.id}")
    assert own.cloud.actions() == [JWT_ACTION, "GetResourceAPIKey"]


async def test_a_cold_call_takes_two_requests_and_a_warm_one_none(own, as_alice):
    tool = token_tool(own)
    assert await tool() == f'token USER_FEDERATION ["b","a"] wat-{ALICE.id}'
    assert own.cloud.actions() == [JWT_ACTION, OAUTH]
    assert await tool() == await token_tool(own, scopes=["a", "b"])()
    assert len(own.cloud.calls) == 2


async def test_sync_and_async_callers_of_many_loops_share_one_acquisition(own):
    token = own.token(ALICE)

    @requires_api_key(provider_name="weather", identity=own.identity)
    def sync_tool(api_key):
        return api_key

    def sync_caller():
        with on_behalf_of(user_token=token):
            return sync_tool()

    def loop_caller():
        async def call():
            with on_behalf_of(user_token=token):
                return await api_key_tool(own)("x")

        return asyncio.run(call())

    callers = [asyncio.to_thread(caller) for caller in (sync_caller, loop_caller) * 4]
    found = await asyncio.gather(*callers)
    assert {value.removeprefix("x: ") for value in found} == {f"key weather wat-{ALICE.id}"}
    assert own.cloud.actions() == [JWT_ACTION, "GetResourceAPIKey"]


@pytest.mark.parametrize("callers", [4, 100])
async def test_concurrent_cold_callers_share_one_acquisition(own, as_alice, callers):
    tool = token_tool(own)
    assert len(set(await asyncio.gather(*[tool() for _ in range(callers)]))) == 1
    assert own.cloud.actions() == [JWT_ACTION, OAUTH]


async def test_a_thousand_interleaved_tasks_each_get_their_own_persons_credential(own):
    tools = [api_key_tool(own), token_tool(own)]
    tokens = {user.id: own.token(user) for user in (ALICE, BOB)}

    async def call(number):
        user = (ALICE, BOB)[number % 2]
        with on_behalf_of(user_token=tokens[user.id]):
            await asyncio.sleep(0)
            found = await (tools[0]("x") if number % 3 else tools[1]())
            await asyncio.sleep(0)
        assert found.endswith(f"wat-{user.id}")

    await asyncio.gather(*[call(number) for number in range(1000)])
    assert len(own.cloud.calls) == 6


async def test_the_context_is_gone_after_a_failure(own):
    with pytest.raises(ZeroDivisionError), on_behalf_of(user_token=own.token(ALICE)):
        raise ZeroDivisionError
    assert await api_key_tool(own)("x") == "x: key weather wat-workload"


async def test_inside_a_users_request_the_workload_can_speak_for_itself(own, as_alice):
    with as_workload():
        assert await api_key_tool(own)("x") == "x: key weather wat-workload"
    assert await api_key_tool(own)("x") == f"x: key weather wat-{ALICE.id}"


async def test_a_named_user_is_not_the_verified_one_of_the_same_id(own):
    with on_behalf_of(user_token=own.token(ALICE)):
        assert (await token_tool(own)()).endswith(f"wat-{ALICE.id}")
    with on_behalf_of(user_id=ALICE.id):
        assert (await token_tool(own)()).endswith(f"wat-named-{ALICE.id}")


async def test_a_given_workload_token_is_used_as_it_is(own):
    @requires_workload_access_token(identity=own.identity)
    async def tool(workload_access_token):
        return workload_access_token

    with on_behalf_of(workload_token="wat-given"):
        assert await tool() == "wat-given"
        assert (await api_key_tool(own)("x")).endswith("wat-given")
    assert own.cloud.actions() == ["GetResourceAPIKey"]


async def test_a_workload_token_is_the_users_or_the_workloads(own):
    @requires_workload_access_token(into="wat", identity=own.identity)
    async def tool(wat):
        return wat

    assert await tool() == "wat-workload"
    with on_behalf_of(user_token=own.token(BOB)):
        assert await tool() == await tool() == f"wat-{BOB.id}"
    assert len(own.cloud.calls) == 2


@pytest.mark.parametrize("bad", ["not-a-jwt", "a.b", "é.é.é", "a.b.c"])
def test_a_malformed_user_token_fails_before_anything_is_asked(own, bad):
    with pytest.raises(TokenInvalidError) as refused, on_behalf_of(user_token=bad):
        raise AssertionError("nothing may run inside")
    assert bad not in str(refused.value)
    assert own.cloud.calls == []


@pytest.mark.parametrize("given", [{}, {"user_token": None}, {"user_token": ""}, {"user_id": "1", "user_token": "x"}])
def test_an_absent_user_is_an_error_and_not_the_workload(given):
    with pytest.raises(DelegationRequiredError), on_behalf_of(**given):
        raise AssertionError("nothing may run inside")


async def test_a_user_token_that_the_cloud_refuses_never_degrades(own, as_alice):
    own.cloud.script(JWT_ACTION, (400, {"Code": "InvalidParameter.JsonWebToken", "RequestId": "R"}))
    with pytest.raises(TokenInvalidError):
        await api_key_tool(own)("x")
    assert own.cloud.actions() == [JWT_ACTION]


@pytest.mark.parametrize("flow", ["USER_FEDERATION", "ON_BEHALF_OF"])
async def test_a_users_token_without_a_user_is_refused_here(own, flow):
    with pytest.raises(DelegationRequiredError):
        await token_tool(own, auth_flow=flow, audience="a")()
    assert own.cloud.calls == []


async def test_a_machine_token_is_the_workloads_whoever_asks(own, as_alice):
    assert (await token_tool(own, auth_flow="M2M")()).endswith("wat-workload")
    action, form = own.cloud.calls[-1]
    assert (action, form["OAuth2Flow"]) == (OAUTH, "M2M")
    assert not {"ForceAuthentication", "CustomState", "ResourceOAuth2ReturnURL"} & set(form)


async def test_a_token_on_behalf_names_its_audience(own, as_alice):
    assert (await token_tool(own, auth_flow="ON_BEHALF_OF", audience="erp")()).endswith(ALICE.id)
    assert own.cloud.calls[-1][1]["Audience"] == "erp"
    other = await token_tool(own, auth_flow="ON_BEHALF_OF", audience="crm")()
    assert other.endswith(ALICE.id)
    assert own.cloud.calls[-1][1]["Audience"] == "crm"


async def test_consent_is_a_typed_answer_with_the_clouds_link(own, as_alice):
    own.cloud.script(OAUTH, needs_authorization(1), (200, {"AccessToken": "granted", "ExpiresIn": 3600}))
    tool = token_tool(own, callback_url="https://agent.example/back")
    with pytest.raises(AuthorizationRequired) as asked:
        await tool()
    assert isinstance(asked.value, OwnAuthorizationRequired)
    assert (asked.value.provider, asked.value.scopes) == ("time", ("b", "a"))
    assert asked.value.authorization_url.startswith("https://data.example/oauth2/authorize?request_uri=urn:")
    assert asked.value.session_uri.endswith(":1")
    assert asked.value.expires_at == own.clock() + timedelta(minutes=9, seconds=30)
    assert "urn:" not in str(asked.value)
    assert own.cloud.calls[-1][1]["ResourceOAuth2ReturnURL"] == "https://agent.example/back"
    await own.identity.complete(asked.value.session_uri, user_token=own.token(ALICE))
    assert own.cloud.actions()[-1] == "CompleteResourceTokenAuth"
    assert await tool() == "granted"


async def test_the_custom_state_goes_along(own):
    with on_behalf_of(user_token=own.token(ALICE), custom_state="mine"):
        await token_tool(own)()
    assert own.cloud.calls[-1][1]["CustomState"] == "mine"


async def test_forced_authentication_asks_once_and_then_for_that_very_link(own, as_alice):
    await token_tool(own)()
    forced = token_tool(own, force_authentication=True)
    own.cloud.script(
        OAUTH, needs_authorization(7), needs_authorization(7), (200, {"AccessToken": "anew", "ExpiresIn": 3600})
    )
    links = []
    for _ in range(2):
        with pytest.raises(OwnAuthorizationRequired) as asked:
            await forced()
        links.append(asked.value.authorization_url)
    assert await forced() == "anew"
    assert links[0] == links[1]
    forms = [form for action, form in own.cloud.calls if action == OAUTH][1:]
    assert [form["ForceAuthentication"] for form in forms] == ["True", "False", "False"]
    assert ["SessionURI" in form for form in forms] == [False, True, True]
    assert await token_tool(own)() == "anew"


async def test_a_link_that_was_opened_but_not_answered_is_not_replaced(own, as_alice):
    uri = "urn:ietf:params:oauth:request_uri:7"
    own.cloud.script(OAUTH, needs_authorization(7), (200, {"SessionURI": uri, "SessionStatus": "IN_PROGRESS"}))
    for _ in range(2):
        with pytest.raises(OwnAuthorizationRequired) as asked:
            await token_tool(own, force_authentication=True)()
        assert asked.value.session_uri == uri


async def test_a_link_that_came_to_nothing_is_asked_for_anew(own, as_alice):
    failed = (200, {"SessionURI": "urn:ietf:params:oauth:request_uri:7", "SessionStatus": "FAILED"})
    own.cloud.script(OAUTH, needs_authorization(7), failed, needs_authorization(8))
    for number in ("7", "8"):
        with pytest.raises(OwnAuthorizationRequired) as asked:
            await token_tool(own, force_authentication=True)()
        assert asked.value.session_uri.endswith(number)


async def test_temporary_credentials_in_the_sdks_names_and_hidden(own, as_alice):
    policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:GetObject", "Resource": "*"}]}

    @requires_sts_token(session_duration=900, policy=policy, identity=own.identity)
    async def tool(sts_credential):
        return sts_credential

    credential = await tool()
    assert credential.access_key_id == f"STS wat-{ALICE.id}"
    assert (credential.access_key_secret, credential.security_token) == ("s", "t")
    assert "access_key_secret" not in repr(credential)
    assert await tool() is credential
    form = own.cloud.calls[-1][1]
    assert (form["DurationSeconds"], "oss:GetObject" in form["Policy"]) == ("900", True)
    own.clock.advance(seconds=900)
    with pytest.raises(AssertionError):
        assert await tool() is credential


@pytest.mark.parametrize(
    "options",
    [
        {"session_duration": 60},
        {"session_duration": 90_000},
        {"policy": '{"Version":"1","Statement":[]}'},
        {"policy": {}},
        {"policy": "{"},
        {"policy": "[]"},
    ],
)
def test_temporary_credentials_that_cannot_be_or_would_not_be_narrow_are_refused_when_declared(options):
    with pytest.raises(IdentityMisconfiguredError):
        requires_sts_token(**options)


async def test_a_token_that_would_end_during_the_call_is_renewed_before(own, as_alice):
    await token_tool(own)()
    own.clock.advance(minutes=50)
    await token_tool(own)()
    assert own.cloud.actions().count(OAUTH) == 1
    await token_tool(own, lasting=timedelta(minutes=15))()
    assert own.cloud.actions().count(OAUTH) == 2


async def test_a_throttled_credential_is_not_asked_for_again_at_once(own, as_alice, monkeypatch):
    monkeypatch.setattr("fujie.identity.call_flow.MAX_ATTEMPTS", 1)
    own.cloud.script("GetResourceAPIKey", (429, {"Code": "Throttling.User"}, {"x-acs-retry-after": "3000"}))
    for wait_s, left_s in ((0, 3.0), (2, 1.0)):
        own.clock.advance(seconds=wait_s)
        with pytest.raises(ThrottledError) as throttled:
            await api_key_tool(own)("x")
        assert throttled.value.retry_after_s == left_s
    assert own.cloud.actions().count("GetResourceAPIKey") == 1
    own.cloud.answers.clear()
    own.clock.advance(seconds=1)
    assert (await api_key_tool(own)("x")).endswith(ALICE.id)


async def test_a_sync_function_in_a_running_loop_is_refused_and_never_stops_it(own, as_alice):
    @requires_api_key(provider_name="weather", identity=own.identity)
    def tool(api_key):
        return api_key

    for _ in range(2):
        with pytest.raises(BlockingCallError) as refused:
            tool()
    assert "to_thread" in refused.value.repair
    assert await asyncio.to_thread(tool) == f"key weather wat-{ALICE.id}"


def test_one_thread_serves_all_and_ends_with_its_owner(own, as_alice):
    before = set(threading.enumerate())

    def key(api_key):
        return api_key

    tools = [requires_api_key(provider_name=f"p{number}", identity=own.identity)(key) for number in range(5)]
    for tool in tools:
        tool()
    mine = [thread for thread in set(threading.enumerate()) - before if thread.name == "fujie-identity"]
    assert len(mine) == 1
    own.identity.close()
    assert not mine[0].is_alive()
    with pytest.raises(CloudUnavailableError):
        requires_api_key(provider_name="p9", identity=own.identity)(key)()


class Callable:
    async def __call__(self, api_key):
        return api_key


async def plain(prefix, api_key):
    return prefix + api_key


async def test_partials_and_callables_are_what_they_wrap(own, as_alice):
    wrap = requires_api_key(provider_name="weather", identity=own.identity)
    for function in (Callable(), functools.partial(plain, ""), functools.partial(functools.partial(plain), "")):
        wrapped = wrap(function)
        assert inspect.iscoroutinefunction(wrapped)
        assert await wrapped() == f"key weather wat-{ALICE.id}"


async def test_a_stream_gets_its_credential_too(own, as_alice):
    @requires_api_key(provider_name="weather", identity=own.identity)
    async def tool(api_key):
        yield "begun"
        yield api_key

    assert [item async for item in tool()] == ["begun", f"key weather wat-{ALICE.id}"]


async def test_two_credentials_for_one_function(own, as_alice):
    @requires_api_key(provider_name="weather", identity=own.identity)
    @requires_access_token(provider_name="time", scopes=["a"], identity=own.identity)
    async def tool(api_key, access_token):
        return api_key.split()[0], access_token.split()[0]

    assert await tool() == ("key", "token")


async def test_a_model_is_not_told_of_the_credential_and_cannot_set_it(own, as_alice):
    tool = api_key_tool(own)
    assert list(inspect.signature(tool).parameters) == ["city"]
    assert "api_key" not in typing.get_type_hints(tool)
    assert (tool.__name__, tool.__doc__) == ("tool", "Tell the weather.")
    assert (await tool("x", api_key="the model's")).endswith(ALICE.id)


def test_a_function_that_cannot_take_the_credential_is_refused_when_decorated(own):
    with pytest.raises(IdentityMisconfiguredError, match="has no parameter api_key"):
        requires_api_key(provider_name="weather", identity=own.identity)(lambda city: city)


@pytest.mark.parametrize("options", [{"auth_flow": "PASSWORD"}, {"scopes": "a b"}, {"auth_flow": "ON_BEHALF_OF"}])
def test_a_wish_that_cannot_be_is_refused_when_declared(options):
    with pytest.raises(IdentityMisconfiguredError):
        requires_access_token(provider_name="p", **options)


async def test_who_is_cancelled_leaves_the_acquisition_to_the_others(own, as_alice):
    release = threading.Event()
    answer = own.cloud.answer

    async def held(request):
        if request.headers["x-acs-action"] == "GetResourceAPIKey":
            await asyncio.to_thread(release.wait, 5)
        return answer(request)

    import httpx2

    own.identity.close()
    own.cloud.client = lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(held), trust_env=False)
    with own_process_on(own) as identity:
        tool = requires_api_key(provider_name="weather", identity=identity)(plain)
        first, second = asyncio.create_task(tool("")), asyncio.create_task(tool(""))
        while not own.cloud.calls:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        release.set()
        assert await second == f"key weather wat-{ALICE.id}"


def own_process_on(own):
    import contextlib

    from fujie.identity.agent_identity import AgentIdentity
    from tests.identity.world import KEY, SETTINGS

    return contextlib.closing(AgentIdentity(SETTINGS, lambda: KEY, now=own.clock, make_http=own.cloud.client))


def test_importing_identity_loads_nothing_heavy_and_starts_no_thread():
    code = (
        "import sys, threading; import fujie.identity; assert 'asyncio' not in sys.modules;"
        "from fujie.identity import requires_api_key, requires_access_token;"
        "requires_api_key(provider_name='p')(lambda api_key: api_key);"
        "heavy = {'sqlalchemy', 'joserfc', 'cryptography', 'pydantic', 'httpx2'} & set(sys.modules);"
        "assert not heavy, heavy; assert threading.active_count() == 1"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_without_a_workload_identity_the_first_call_says_what_to_set(monkeypatch):
    from fujie.identity.agent_identity import default_identity

    default_identity.cache_clear()
    with pytest.raises(IdentityMisconfiguredError) as missing:
        requires_api_key(provider_name="p")(lambda api_key: api_key)()
    assert "FUJIE_WORKLOAD_IDENTITY" in missing.value.repair
