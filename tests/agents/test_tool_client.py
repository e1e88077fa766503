"""The way to `tool`: what goes over the wire, and what becomes of each answer."""

import json

import httpx2
import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from fujie.agents import tool_client
from fujie.agents.errors import ToolCrashedError, ToolRefusedError, ToolsUnreachableError
from fujie.agents.runner import ToolCall, ToolSpec
from fujie.agents.tool_client import OnBehalf, ToolClient, ToolOutcome, ToolWaits
from fujie.identity.internal import InternalMinter, InternalVerifier, arguments_hash
from fujie.identity.keys import new_signing_key
from fujie.permission import CredentialBadge
from fujie.secret import Secret
from fujie.sessions.rows import Run
from tests.agents.doubles import ALICE, Clock, consent_request

PRIVATE, PUBLIC = new_signing_key()
CALL = ToolCall("call_1", "get_weather", {"city": "杭州"})
HASH = arguments_hash(CALL.arguments)
MANIFEST = {
    "tools": [{"name": "get_weather", "description": "Weather.", "parameters": {"type": "object"}, "effect": "read"}]
}


class ToolFunction:
    """`tool` behind a transport: answers `answer`, and keeps what it was asked."""

    def __init__(self, answer=None, status=200):
        self.answer, self.status = answer, status
        self.list_status = 200
        self.first = []
        self.asked = []
        self.clock = Clock()
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))
        minter = InternalMinter("process", PRIVATE, now=self.clock)
        self.client = ToolClient(http, "http://tool/", minter, now=self.clock)
        self.verifier = InternalVerifier("tool", {"process": PUBLIC}, {"process"}, now=self.clock)

    def _handle(self, request):
        token = Secret(request.headers["authorization"].removeprefix("Bearer "))
        self.asked.append((request, self.verifier.verify(token)))
        if request.url.path == "/tools":
            return httpx2.Response(self.list_status, json=MANIFEST)
        answer = self.first.pop(0) if self.first else self.answer
        if isinstance(answer, Exception):
            raise answer
        status, answer = answer if isinstance(answer, tuple) else (self.status, answer)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx2.Response(status, content=content)

    async def call(self, call=CALL):
        return await self.client.call(call, OnBehalf(run(self.clock()), "zh", {"sub": "chat"}))


def run(now):
    return Run("run-1", "s", ALICE, "dlg-1", "a", "running", "{}", "", "", now, now)


async def test_the_manifest_is_asked_for_once_a_minute():
    function = ToolFunction()
    for _ in range(2):
        assert await function.client.manifest() == (ToolSpec("get_weather", "Weather.", {"type": "object"}),)
    assert len(function.asked) == 1
    function.clock.advance(seconds=61)
    await function.client.manifest()
    assert len(function.asked) == 2


async def test_a_call_carries_a_token_for_exactly_itself():
    function = ToolFunction({"status": "ok", "output": "sunny", "credential": None, "duration_ms": 7})
    assert await function.call() == ToolOutcome("sunny", ok=True, duration_ms=7)
    request, caller = function.asked[-1]
    assert request.url.path == "/tools/get_weather/call"
    assert json.loads(request.content) == {"call_id": "call_1", "arguments": {"city": "杭州"}, "language": "zh"}
    assert (caller.delegation_id, caller.run_id, caller.tool, caller.call_id) == (
        "dlg-1",
        "run-1",
        "get_weather",
        "call_1",
    )
    assert caller.arguments_hash == arguments_hash(CALL.arguments)
    assert caller.act == {"sub": "process", "act": {"sub": "chat"}}


async def test_an_output_that_is_no_text_is_told_as_json_with_its_badge():
    badge = CredentialBadge("sts", "sts", ("oss:GetObject",), "alice", "2026-01-01T00:00:00Z")
    answer = {"status": "ok", "output": {"温度": 25}, "credential": to_builtins(badge), "duration_ms": 1}
    outcome = await ToolFunction(answer).call()
    assert (outcome.output, outcome.credential) == ('{"温度": 25}', badge)


async def test_a_tool_that_needs_permission_hands_on_the_request_for_it():
    answer = {"status": "authorization_required", "consent": to_builtins(consent_request("c1"))}
    assert await ToolFunction(answer).call() == ToolWaits(consent_request("c1"))


async def test_a_tools_own_failure_is_an_outcome_with_its_code():
    error = {"code": "provider_failed", "message": "HTTP 500", "repair": "try again"}
    outcome = await ToolFunction({"status": "error", "error": error, "credential": None, "duration_ms": 2}).call()
    assert (outcome.ok, outcome.error_code) == (False, "provider_failed")
    assert json.loads(outcome.output) == {"error": error}


@pytest.mark.parametrize(
    ("answer", "status", "code", "said"),
    [
        (httpx2.ConnectError("refused"), 200, "tool_unreachable", "nothing is known"),
        (httpx2.ReadTimeout("slow"), 200, "tool_unreachable", "nothing is known"),
        ({}, 500, "tool_crashed", "HTTP 500"),
        (b"<html>bad gateway</html>", 502, "tool_crashed", "nothing is known"),
        ({}, 422, "tool_refused", "HTTP 422"),
        ({}, 429, "tool_refused", "was not made"),
    ],
)
async def test_a_tool_that_is_away_crashes_or_refuses_is_told_to_the_model_as_just_that(answer, status, code, said):
    outcome = await ToolFunction(answer, status).call()
    assert (outcome.ok, outcome.error_code) == (False, code)
    assert said in outcome.output


@pytest.mark.parametrize("died", [httpx2.ReadError("reset"), (502, {})])
async def test_a_call_whose_instance_died_is_sent_once_more_under_its_own_id(died):
    function = ToolFunction({"status": "ok", "output": "sunny"})
    function.first = [died]
    assert (await function.call()).output == "sunny"
    (_, one), (_, again) = function.asked[-2:]
    assert (one.call_id, one.arguments_hash) == (again.call_id, again.arguments_hash) == ("call_1", HASH)
    assert one.token_id != again.token_id


async def test_one_that_nobody_answered_for_long_is_not(monkeypatch):
    monkeypatch.setattr(tool_client, "AGAIN_WITHIN_S", -1.0)
    function = ToolFunction(httpx2.ReadTimeout("slow"))
    assert (await function.call()).error_code == "tool_unreachable"
    assert len(function.asked) == 2  # the list, and the call


@pytest.mark.parametrize(
    ("status", "error"), [(500, ToolCrashedError), (422, ToolRefusedError), (401, ToolsUnreachableError)]
)
async def test_a_list_that_cannot_be_had_says_why(status, error):
    function = ToolFunction()
    function.list_status = status
    with pytest.raises(error):
        await function.client.manifest()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (replace(CALL, name="rm"), "unknown_tool"),
        (replace(CALL, arguments={"x": float("nan")}), "invalid_arguments"),
        (replace(CALL, arguments={"x": "\ud800"}), "invalid_arguments"),
    ],
)
async def test_a_call_that_cannot_be_made_is_not_sent(call, code):
    function = ToolFunction()
    assert (await function.call(call)).error_code == code
    assert [request.url.path for request, _ in function.asked] == ["/tools"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [({}, 401), ({}, 403), (b"<html>", 200), ([], 200), ({"status": "ok"}, 200), ({"status": "new"}, 200)],
)
async def test_a_tool_function_that_refuses_or_babbles_ends_the_run(answer, status):
    with pytest.raises(ToolsUnreachableError):
        await ToolFunction(answer, status).call()


async def test_a_long_output_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(tool_client, "MAX_OUTPUT_CHARS", 10)
    outcome = await ToolFunction({"status": "ok", "output": "x" * 25, "duration_ms": 1}).call()
    assert outcome.output == "x" * 10 + "\n[cut here: 15 more characters]"
