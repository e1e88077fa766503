"""One call from arguments to outcome, with the real broker over a scripted cloud and a provider that misbehaves."""

import asyncio
import dataclasses
import json
import logging
import math
from typing import Annotated

import httpx2
import pytest
from msgspec.structs import replace

from fujie import STS, APIKey, OAuth, ToolContext, tool
from fujie.identity.consent import ConsentDesk
from fujie.identity.outbound import CredentialBroker
from fujie.sessions.memory import MemoryStore
from fujie.tools.calling import MAX_OUTPUT_BYTES, Caller
from fujie.tools.errors import ToolError, UnknownToolError
from fujie.tools.outcomes import Failed, Succeeded, Waits
from fujie.tools.registry import Registry
from tests.identity.world import (
    KEY,
    SETTINGS,
    DataPlaneDouble,
    MovedClock,
    acting_as,
    add_run,
    everything_said,
    needs_authorization,
)

HOST = "api.example"
STACK = replace(SETTINGS, oss_bucket="stack-bucket", endpoints={HOST: "http://127.0.0.1:9/api"})
SCOPES = {"r": {"en": "Read it", "zh": "读取"}}


@tool(credential=APIKey("keyed", header="X-Key", prefix=""), hosts=[HOST])
async def keyed(context: ToolContext, city: Annotated[str, "City"], days: int = 1):
    """Ask with an API key."""
    answer = await context.http.get(f"https://{HOST}/weather", params={"city": city, "days": days})
    answer.raise_for_status()
    return answer.json()


@tool(credential=OAuth("doc", SCOPES, display_name="Documents"), hosts=[HOST], reason={"en": "To read", "zh": "为了读"})
async def consented(context: ToolContext):
    """Ask with the user's token."""
    answer = await context.http.get(f"https://{HOST}/doc")
    answer.raise_for_status()
    return answer.text


@tool(credential=OAuth("doc", SCOPES), hosts=[HOST], effect="write", timeout_s=0.2)
async def writes(context: ToolContext):
    """Write with the user's token."""
    answer = await context.http.post(f"https://{HOST}/doc", json={})
    answer.raise_for_status()
    return answer.json()


@tool(credential=STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/users/{user}/files/{name}"]))
async def reads_object(context: ToolContext, name: str):
    """Read one object."""
    return {"text": (await context.files.get(name)).decode(), "who": context.user.name}


@tool(hosts=[HOST])
async def wanders(context: ToolContext, url: str):
    """Go where the model says."""
    return (await context.http.get(url)).text


class Provider:
    """A provider that answers as told and keeps what it was sent."""

    def __init__(self):
        self.requests = []
        self.status, self.document, self.delay_s, self.fault = 200, {"ok": True}, 0, None

    async def __call__(self, request):
        self.requests.append(request)
        if self.fault:
            raise self.fault
        await asyncio.sleep(self.delay_s)
        return httpx2.Response(self.status, json=self.document)


class Objects:
    """The object store of one credential."""

    def __init__(self, sts):
        self.sts = sts

    async def get(self, key):
        return f"content of {key}".encode()


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def cloud():
    return DataPlaneDouble(MovedClock())


@pytest.fixture
async def http(cloud, provider):
    async def answer(request):
        return cloud.answer(request) if request.url.host == "data.example" else await provider(request)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        yield client


@pytest.fixture
def make_caller(http, cloud):
    def make(*tools, settings=STACK, open_objects=Objects):
        store = MemoryStore()
        desk = ConsentDesk(settings, store, now=cloud.clock)
        broker = CredentialBroker(settings, http, store, desk, lambda: KEY, now=cloud.clock)
        return Caller(Registry(tools), broker, settings, http, open_objects)

    return make


@pytest.fixture
def call(make_caller):
    caller = make_caller(keyed, consented, writes, reads_object, wanders)

    async def called(tool_name, /, *, language="en", **arguments):
        return await caller.call(acting_as(), tool_name, arguments, call_id="call-1", language=language)

    return called


async def outcome_of(make_caller, function, **declared):
    made = tool(name="made", hosts=[HOST], **declared)(function)
    return await make_caller(made).call(acting_as(), "made", {}, call_id="c", language="en")


# What goes well


async def test_an_api_key_reaches_the_provider_and_the_outcome_says_which_was_used(call, provider):
    outcome = await call("keyed", city="杭州", days="2")
    assert isinstance(outcome, Succeeded)
    (request,) = provider.requests
    assert request.headers["x-key"] == "api-key-2"
    assert dict(request.url.params) == {"city": "杭州", "days": "2"}
    assert outcome.as_dict() == {
        "status": "ok",
        "output": {"ok": True},
        "credential": {"kind": "api_key", "provider": "keyed", "scopes": (), "user": "", "expires_at": ""},
        "duration_ms": outcome.duration_ms,
    }


async def test_an_oauth_token_is_the_users_and_says_for_whom_and_until_when(call, provider):
    outcome = await call("consented")
    assert provider.requests[0].headers["authorization"] == "Bearer access-2"
    badge = outcome.credential
    assert (badge.kind, badge.provider, badge.scopes, badge.user) == ("oauth", "doc", ("r",), "alice")
    assert badge.expires_at.startswith("2026-11-21T10:00:00")


async def test_an_sts_credential_is_narrowed_to_this_user_and_this_argument(call, cloud):
    outcome = await call("reads_object", name="notes.txt")
    assert outcome.output == {"text": "content of notes.txt", "who": "alice"}
    action, form = cloud.calls[-1]
    assert action == "AssumeRoleForWorkloadIdentity"
    assert form["RoleSessionName"] == "fujie-200000000000000001"
    resources = json.loads(form["Policy"])["Statement"][0]["Resource"]
    assert resources == ["acs:oss:*:*:stack-bucket/users/200000000000000001/files/notes.txt"]


async def test_a_tool_without_a_credential_asks_the_cloud_for_none(call, cloud, provider):
    outcome = await call("wanders", url=f"https://{HOST}/x")
    assert isinstance(outcome, Succeeded)
    assert outcome.credential is None
    assert cloud.calls == []
    assert "authorization" not in provider.requests[0].headers


# Consent


async def test_a_missing_permission_pauses_before_the_provider_is_asked(call, cloud, provider, make_caller):
    cloud.script("GetResourceOAuth2Token", needs_authorization(1))
    store, acting = MemoryStore(), acting_as()
    await add_run(store, acting.run)
    outcome = await call("consented", language="zh")
    assert isinstance(outcome, Waits)
    said = outcome.as_dict()
    assert said["status"] == "authorization_required"
    consent = said["consent"]
    assert (consent["provider_name"], consent["tool"], consent["reason"]) == ("Documents", "consented", "为了读")
    assert list(consent["scopes"]) == [{"name": "r", "words": {"en": "Read it", "zh": "读取"}}]
    assert consent["connect_url"].startswith("https://stack.example/connect/")
    assert "request_uri" not in json.dumps(said)
    assert provider.requests == []


# Arguments


@pytest.mark.parametrize(
    ("arguments", "where"),
    [({}, "city"), ({"city": 3}, "city"), ({"city": "x", "days": "many"}, "days"), ({"city": "x", "else": 1}, "else")],
)
async def test_arguments_that_do_not_fit_are_told_by_name_and_nothing_is_fetched(
    call, cloud, provider, arguments, where
):
    outcome = await call("keyed", **arguments)
    assert outcome.error["code"] == "invalid_arguments"
    assert where in outcome.error["message"]
    assert cloud.calls == provider.requests == []


@pytest.mark.parametrize("name", ["../bob", "a/../../200000000000000002/files/x", "*", "no?es.txt", "", "a\x00b"])
async def test_an_argument_that_would_widen_the_credential_fetches_none(call, cloud, name):
    outcome = await call("reads_object", name=name)
    assert outcome.error["code"] == "argument_widens_scope"
    assert cloud.calls == []


async def test_an_unknown_tool_is_an_error(call):
    with pytest.raises(UnknownToolError):
        await call("nothing")


# Providers that misbehave


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "provider_failed"),
        (503, "provider_failed"),
        (302, "provider_failed"),
        (401, "provider_denied"),
        (403, "provider_denied"),
        (404, "provider_refused"),
        (429, "provider_refused"),
    ],
)
async def test_a_providers_refusal_has_a_code_and_keeps_the_badge(call, provider, status, code):
    provider.status = status
    outcome = await call("keyed", city="x")
    assert isinstance(outcome, Failed)
    assert (outcome.error["code"], str(status) in outcome.error["message"]) == (code, True)
    assert outcome.as_dict()["credential"]["kind"] == "api_key"
    assert len(provider.requests) == 1


async def test_a_refused_credential_is_not_used_again(call, provider, cloud):
    provider.status = 401
    await call("consented")
    provider.status = 200
    await call("consented")
    sent = [request.headers["authorization"] for request in provider.requests]
    assert len(set(sent)) == 2
    assert cloud.actions().count("GetResourceOAuth2Token") == 2


async def test_a_write_that_hangs_is_ended_not_repeated_and_its_doubt_is_told(call, provider):
    provider.delay_s = 30
    outcome = await call("writes")
    assert outcome.error["code"] == "provider_timeout"
    assert "look before trying again" in outcome.error["repair"]
    assert len(provider.requests) == 1
    assert 150 <= outcome.duration_ms < 5000


async def test_a_broken_connection_does_not_repeat_what_was_sent(call, provider):
    provider.fault = httpx2.LocalProtocolError("Illegal header value b'Bearer access-2'")
    outcome = await call("writes")
    assert outcome.error["code"] == "provider_unreachable"
    assert "access-2" not in json.dumps(outcome.as_dict())
    assert "look before trying again" in outcome.error["repair"]
    assert len(provider.requests) == 1


async def test_a_host_outside_the_declaration_is_refused(call, provider):
    outcome = await call("wanders", url="https://evil.example/")
    assert outcome.error["code"] == "host_not_declared"
    assert provider.requests == []


# Clouds that misbehave


@pytest.mark.parametrize("status", [403, 404])
async def test_a_provider_that_the_stack_lacks_is_a_failure_with_a_repair(call, cloud, provider, status):
    refused = {"Code": "EntityNotExists.APIKeyCredentialProvider" if status == 404 else "NoPermission", "Message": "no"}
    cloud.script("GetResourceAPIKey", (status, refused))
    outcome = await call("keyed", city="x")
    assert isinstance(outcome, Failed)
    assert outcome.error["code"] not in {"internal", "tool_failed"}
    assert outcome.error["repair"]
    assert provider.requests == []


async def test_a_stack_without_a_bucket_says_which_setting_to_set(make_caller):
    caller = make_caller(reads_object, settings=replace(STACK, oss_bucket=""))
    outcome = await caller.call(acting_as(), "reads_object", {"name": "a"}, call_id="c", language="en")
    assert outcome.error["code"] == "tool_misconfigured"
    assert "FUJIE_OSS_BUCKET" in outcome.error["repair"]


# Tools that misbehave


async def test_what_a_tool_raises_is_told_and_a_named_error_keeps_its_name(make_caller):
    async def breaks(context):
        """Break."""
        raise KeyError("lost")

    async def refuses(context):
        """Refuse."""
        raise ToolError("no such city", repair="name another")

    assert (await outcome_of(make_caller, breaks)).error == {"code": "tool_failed", "message": "KeyError: 'lost'"}
    refused = (await outcome_of(make_caller, refuses)).error
    assert refused == {"code": "tool_failed", "message": "no such city", "repair": "name another"}


async def test_what_one_task_of_a_tool_raises_is_found_in_its_group(make_caller):
    async def groups(context):
        """Group."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(context.http.get("https://evil.example/"))

    assert (await outcome_of(make_caller, groups)).error["code"] == "host_not_declared"


@pytest.mark.parametrize(
    "output", [pytest.param(object(), id="an object"), {"a": math.nan}, b"\xff", {"half": "\ud800"}], ids=repr
)
async def test_an_output_that_is_not_json_is_refused(make_caller, output):
    async def odd(context):
        """Odd."""
        return output

    assert (await outcome_of(make_caller, odd)).error["code"] == "invalid_output"


async def test_an_output_above_the_limit_is_refused_with_its_size(make_caller):
    async def long(context):
        """Long."""
        return "天" * (MAX_OUTPUT_BYTES // 3 + 1)

    error = (await outcome_of(make_caller, long)).error
    assert error["code"] == "output_too_large"
    assert str(MAX_OUTPUT_BYTES) in error["message"]


async def test_nouns_become_json(make_caller):
    @dataclasses.dataclass
    class Noun:
        name: str

    async def nouns(context):
        """Nouns."""
        return [Noun("a"), None, "文"]

    assert (await outcome_of(make_caller, nouns)).output == [{"name": "a"}, None, "文"]


# Secrets


async def test_a_credential_that_the_provider_repeats_does_not_come_out(call, provider, caplog):
    caplog.set_level(logging.DEBUG)
    provider.document = {"echo": "Bearer access-2", "list": ["access-2"]}
    outcome = await call("consented")
    assert "***" in json.dumps(outcome.as_dict())
    provider.status = 500
    failed = await call("consented")
    everything = everything_said(outcome.as_dict()) + everything_said(failed.as_dict()) + caplog.text
    assert "access-2" not in everything


async def test_a_credential_in_a_tools_own_error_does_not_come_out(make_caller, provider):
    provider.document = {"echo": "access-2"}

    async def repeats(context):
        """Repeat."""
        raise ValueError((await context.http.get(f"https://{HOST}/")).json()["echo"])

    outcome = await outcome_of(make_caller, repeats, credential=OAuth("doc", SCOPES))
    assert outcome.error["message"] == "ValueError: ***"
