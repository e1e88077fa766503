"""PPIO's and AgentCore's own clients, unmodified, before our agents: the front stands where their clouds would."""

import asyncio
import json
import os
import ssl

import boto3
import httpx
import pytest
import websockets
from bedrock_agentcore.runtime import AgentCoreRuntimeClient
from botocore.exceptions import ClientError
from ppio_sandbox.agent_runtime import AgentRuntimeClient, SandboxSession
from ppio_sandbox.agent_runtime.client.exceptions import InvocationError
from ppio_sandbox.agent_runtime.client.models import PingStatus, SessionStatus

FRONT = os.environ["FRONT"]
SESSION = "session-" + "0" * 40
"""AgentCore's session ids have at least 33 characters."""


async def control(what):
    async with httpx.AsyncClient(base_url=f"https://{FRONT}", timeout=20) as http:
        assert (await http.get(f"/control/{what}")).status_code == 200


# PPIO


class Sandbox:
    """Where PPIO's cloud would have started the agent."""

    def __init__(self, name):
        self.id = f"sandbox-{name}"
        self._name = name

    def get_host(self, port):
        return f"{FRONT}/{self._name}"


@pytest.fixture
async def ppio():
    client, sessions = AgentRuntimeClient(api_key="sk_" + "a" * 40), []

    def session(name):
        sessions.append(SandboxSession("template", Sandbox(name), client, agent_id=f"{name}-template"))
        client._runtime_sessions[name] = sessions[-1]
        return sessions[-1]

    session.client = client
    yield session
    for opened in sessions:
        await opened._close_http_client()


async def chunks(stream):
    return [chunk async for chunk in stream]


async def test_ppio_gets_a_value(ppio):
    answer = await ppio("echo").invoke({"prompt": "世界", "session_id": "s1", "temperature": 0.5})
    assert answer == {"echo": {"prompt": "世界", "session_id": "s1", "temperature": 0.5}, "session": "s1"}


async def test_ppio_gets_a_value_through_its_client(ppio):
    ppio("echo")
    answer = await ppio.client.invoke_agent_runtime("echo-template", b'{"prompt": "hi"}', runtimeSessionId="echo")
    assert (answer["status"], answer["response"]["echo"]) == ("success", {"prompt": "hi"})


async def test_ppio_gets_a_stream_and_its_end(ppio):
    told = await chunks(await ppio("stream").invoke("hi"))
    assert told == ['{"text":"Hel"}', '"lo 世界"', "[DONE]"]


async def test_ppio_gets_what_an_agent_thinks_calls_and_says(ppio):
    told = await chunks(await ppio("thinking").invoke("hi"))
    assert [json.loads(chunk) if chunk[0] == '"' else json.loads(chunk)["type"] for chunk in told[:-1]] == [
        "reasoning", "tool_call", "tool_result", "42",
    ]  # fmt: skip


async def test_ppio_raises_for_an_agent_that_fails_before_its_first_word(ppio):
    with pytest.raises(InvocationError, match="500"):
        await ppio("broken").invoke("hi")


async def test_ppio_reads_a_failure_after_the_first_word(ppio):
    half, failed, done = await chunks(await ppio("midway").invoke("hi"))
    assert (half, done) == ('"half"', "[DONE]")
    assert set(json.loads(failed)) == {"error", "error_type", "message"}


async def test_ppio_leaving_a_stream_ends_the_agent(ppio):
    stream = await ppio("slow").invoke("hi")
    assert await anext(stream) == '"first"'
    await stream.aclose()
    await control("closed")


async def test_ppio_pings(ppio):
    session = ppio("echo")
    assert (await session.ping()).status is PingStatus.HEALTHY
    assert await session.get_status() is SessionStatus.ACTIVE


@pytest.mark.parametrize(("outcome", "ok"), [("completed", True), ("denied", False), ("expired", False)])
async def test_ppio_waits_for_a_consent_and_reads_on(ppio, outcome, ok):
    session = ppio(f"consent{outcome}")
    waiting = await session.invoke({"prompt": "time?", "stream": False})
    assert waiting["status"] == "authorization_required"
    assert waiting["authorization"][0]["connect_url"]
    await control(f"consent{outcome}/{outcome}")
    answer = await session.invoke({"run_id": waiting["run_id"], "stream": False})
    assert (answer["status"], answer["result"]) == ("success", "noon")
    assert answer["tool_results"][0]["ok"] is ok
    rest = await chunks(await session.invoke({"run_id": waiting["run_id"], "after": 3}))
    assert rest[-2:] == ['"noon"', "[DONE]"]


# AgentCore


@pytest.fixture
def agentcore():
    session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any", region_name="us-west-2")
    return AgentCoreRuntimeClient("us-west-2", session)


def arn(name):
    return f"arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/{name}-abcdefghij"


def invoke(agentcore, name, payload, **more):
    return agentcore.invoke_agent_runtime(
        agentRuntimeArn=arn(name), runtimeSessionId=SESSION, payload=json.dumps(payload).encode(), **more
    )


def lines(answer):
    """Return the items of a stream, as AgentCore's samples read them."""
    assert "text/event-stream" in answer["contentType"]
    found = [line.decode() for line in answer["response"].iter_lines() if line]
    return [json.loads(line[6:]) for line in found if line.startswith("data: ")]


def test_agentcore_gets_a_value_and_its_session(agentcore):
    answer = invoke(agentcore, "echo", {"prompt": "世界"})
    assert (answer["contentType"], answer["runtimeSessionId"]) == ("application/json", SESSION)
    assert json.loads(answer["response"].read()) == {"echo": {"prompt": "世界"}, "session": SESSION}


def test_agentcore_gets_a_stream_that_is_json_to_its_end(agentcore):
    assert lines(invoke(agentcore, "stream", {"prompt": "hi"})) == [{"text": "Hel"}, "lo 世界"]


def test_agentcore_gets_what_an_agent_thinks_calls_and_says(agentcore):
    told = lines(invoke(agentcore, "thinking", {"prompt": "hi"}))
    assert [item if isinstance(item, str) else item["type"] for item in told] == [
        "reasoning", "tool_call", "tool_result", "42",
    ]  # fmt: skip


def test_agentcore_may_ask_for_one_value(agentcore):
    answer = invoke(agentcore, "thinking", {"prompt": "hi"}, accept="application/json")
    assert json.loads(answer["response"].read())["result"] == "42"


def test_agentcore_raises_for_an_agent_that_fails_before_its_first_word(agentcore):
    with pytest.raises(ClientError, match="500"):
        invoke(agentcore, "broken", {})


def test_agentcore_reads_a_failure_after_the_first_word(agentcore):
    half, failed = lines(invoke(agentcore, "midway", {}))
    assert half == "half"
    assert set(failed) == {"error", "error_type", "message"}


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
def test_agentcore_waits_for_a_consent_and_reads_on(agentcore, outcome):
    name = f"consentcore{outcome}"
    waiting = json.loads(invoke(agentcore, name, {"prompt": "time?", "stream": False})["response"].read())
    assert waiting["status"] == "authorization_required"
    asyncio.run(control(f"{name}/{outcome}"))
    told = lines(invoke(agentcore, name, {"run_id": waiting["run_id"]}))
    assert told[-1] == "noon"
    results = [item["ok"] for item in told if isinstance(item, dict) and item.get("type") == "tool_result"]
    assert results == [outcome == "completed"]


def test_agentcore_leaving_a_stream_ends_the_agent(agentcore):
    answer = invoke(agentcore, "slow", {"prompt": "hi"})
    first = b'data: "first"'
    assert answer["response"].read(len(first)) == first
    answer["response"].close()
    asyncio.run(control("closed"))


async def test_agentcores_client_opens_a_web_socket(agentcore):
    address, headers = agentcore.generate_ws_connection(arn("thinking"), SESSION)
    address = address.replace(address.split("/")[2], FRONT)
    own = {"Host", "Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"}
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    given = {name: value for name, value in headers.items() if name not in own}
    async with websockets.connect(address, additional_headers=given, ssl=trusted) as socket:
        await socket.send('{"prompt": "hi"}')
        told = [json.loads(await socket.recv()) for _ in range(6)]
    assert told[0]["session_id"] == SESSION
    assert told[-2:] == ["42", {"type": "run_ended", "status": "completed"}]
