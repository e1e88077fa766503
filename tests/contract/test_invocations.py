"""/invocations and /ws before agents whose runs are kept and whose are not: every turn a run can take.

/ws is spoken by the official `websockets` client over a socket. PPIO's and AgentCore's own clients have tests of their
own, in an environment that has them (tests/frameworks).
"""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest
import websockets

from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from tests.agents.doubles import eventually
from tests.contract.both_worlds import BOTH
from tests.contract.openai_world import served
from tests.contract.runtime_world import waiting_world
from tests.contract.streaming_asgi import StreamingASGI
from tests.functions.process_world import ID_TOKEN

ANSWER = (
    ReasoningStarted("r"), ReasoningDelta("r", "hm"), ReasoningEnded("r"),
    ToolCalled("c", "call_1", "get_weather", "{}"), ToolReturned("o", "call_1", "get_weather", "sunny", True, 5),
    TextStarted("m"), TextDelta("m", "sun"), TextDelta("m", "ny"), TextEnded("m"),
)  # fmt: skip
HALF = (TextStarted("m"), TextDelta("m", "half"))
ALICE = {"authorization": "Bearer alice"}
PERSON = {"authorization": f"Bearer {ID_TOKEN}"}


@pytest.fixture(params=BOTH)
def world(request):
    return request.param


def items(text):
    return [json.loads(line[6:]) for line in text.split("\n\n") if line.startswith("data: {") or line[6:7] == '"']


async def asked(made, payload, **headers):
    return await made.post("/invocations", payload, **headers)


async def test_an_answer_streams_its_reasoning_its_call_and_its_words(world):
    answer = await asked(world(ANSWER), {"prompt": "hi"})
    assert [item if isinstance(item, str) else item["type"] for item in items(answer.text)] == [
        "reasoning", "tool_call", "tool_result", "sun", "ny",
    ]  # fmt: skip
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_the_same_answer_comes_whole(world):
    answer = (await asked(world(ANSWER), {"prompt": "hi"}, accept="application/json")).json()
    assert (answer["result"], answer["tool_results"][0]["output"]) == ("sunny", "sunny")
    assert answer["usage"]["input_tokens"] == 10


async def test_a_failure_before_the_first_word_is_a_status_where_it_can_be(world):
    made = world((RuntimeError("kaboom"),), (RuntimeError("kaboom"),))
    whole = await asked(made, {"prompt": "hi", "stream": False})
    assert (whole.status_code, "kaboom" in whole.text) == (500, False)
    (failed,) = items((await asked(made, {"prompt": "hi"})).text)
    assert failed["error"] == whole.json()["error"]


async def test_a_failure_after_the_first_word_is_the_last_item(world):
    half, failed = items((await asked(world((*HALF, RuntimeError("x"))), {"prompt": "hi"})).text)
    assert half == "half"
    assert failed["error_type"]


async def test_a_busy_session_is_refused_and_somebody_elses_of_the_name_is_another(world):
    hold = asyncio.Event()
    made = world(hold.wait, "bob")
    first = asyncio.create_task(asked(made, {"prompt": "hi", "session_id": "s"}))

    async def has_begun():
        return bool(made.mind.seen)

    await eventually(has_begun)
    assert (await asked(made, {"prompt": "hi", "session_id": "s"})).status_code == 409
    answer = await asked(made, {"prompt": "hi", "session_id": "s"}, who="bob")
    assert (answer.status_code, answer.headers["x-amzn-bedrock-agentcore-runtime-session-id"]) == (200, "s")
    first.cancel()


async def test_a_reader_who_goes_away_ends_the_agent(world):
    gone = asyncio.Event()

    async def hold():
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    made = world((*HALF, hold))
    http = httpx2.AsyncClient(transport=StreamingASGI(made.app), base_url="http://agent", headers=ALICE)
    async with http.stream("POST", "/invocations", json={"prompt": "hi"}) as answer:
        async for text in answer.aiter_text():
            assert "half" in text
            break
    await asyncio.wait_for(gone.wait(), 5)


async def test_a_reader_who_lost_his_connection_reads_the_rest(world):
    made = world(ANSWER)
    first = await asked(made, {"prompt": "hi"})
    again = {"run_id": first.headers["x-fujie-run-id"], "after": 3}
    assert items((await asked(made, again)).text) == ["sun", "ny"]
    assert (await asked(made, again | {"stream": False})).json()["result"] == "sunny"
    assert (await asked(made, again, who="bob")).status_code == 403
    assert (await asked(made, {"run_id": "nobody's"})).status_code == 404


# Consent


async def waits(*after):
    waiting = waiting_world(*after)

    async def ask(payload):
        return await waiting.made.client.post("/invocations", json=payload, headers=PERSON)

    return waiting, ask


async def test_a_run_that_waits_says_so_and_ends_its_answer():
    _, ask = await waits()
    call, required, paused = items((await ask({"prompt": "time?"})).text)
    assert (call["type"], required["type"], paused["type"]) == ("tool_call", "authorization_required", "run_paused")
    assert required["connect_url"].endswith("/connect/c1")
    assert required["scopes"][0]["name"] == "time.read"


async def test_a_run_that_was_granted_is_read_on_where_it_stopped():
    waiting, ask = await waits("noon")
    paused = (await ask({"prompt": "time?", "stream": False})).json()
    assert (paused["status"], paused["authorization"][0]["consent_id"]) == ("authorization_required", "c1")
    again = {"run_id": paused["run_id"]}
    assert (await ask(again | {"stream": False})).json()["status"] == "authorization_required"
    await waiting.settle("completed")
    await waiting.wake()
    whole = (await ask(again | {"stream": False})).json()
    assert (whole["status"], whole["result"]) == ("success", "noon")
    rest = items((await ask(again | {"after": 3})).text)
    assert [item if isinstance(item, str) else item["type"] for item in rest][:2] == [
        "authorization_resolved", "tool_result",
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", ["denied", "expired"])
async def test_a_run_that_was_not_granted_says_how_it_ended(outcome):
    waiting, ask = await waits("no time then")
    run_id = (await ask({"prompt": "time?", "stream": False})).json()["run_id"]
    await waiting.settle(outcome)
    await waiting.wake()
    told = items((await ask({"run_id": run_id})).text)
    assert [item["outcome"] for item in told if isinstance(item, dict) and "outcome" in item] == [outcome]
    assert [item["ok"] for item in told if isinstance(item, dict) and item.get("type") == "tool_result"] == [False]


# Web sockets


@asynccontextmanager
async def talking(made, headers=ALICE, **options):
    async with served(made.app) as url:
        address = f"{url.replace('http', 'ws')}/ws"
        async with websockets.connect(address, additional_headers=headers, **options) as socket:
            yield socket


async def heard(socket, until="run_ended"):
    told = []
    while True:
        told.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
        if isinstance(told[-1], dict) and (told[-1].get("type") == until or "error" in told[-1]):
            return told


async def test_runs_of_a_socket_follow_each_other_in_one_conversation(world):
    made = world(ANSWER, "again")
    async with talking(made) as socket:
        await socket.send(json.dumps({"prompt": "hi"}))
        first = await heard(socket)
        await socket.send(json.dumps({"prompt": "and?"}).encode())
        second = await heard(socket)
    assert [item if isinstance(item, str) else item["type"] for item in first] == [
        "run_started", "reasoning", "tool_call", "tool_result", "sun", "ny", "run_ended",
    ]  # fmt: skip
    assert first[-1]["status"] == second[-1]["status"] == "completed"
    assert first[0]["session_id"] == second[0]["session_id"]
    assert first[0]["run_id"] != second[0]["run_id"]


async def test_a_run_is_canceled_by_a_message(world):
    async with talking(world((*HALF, asyncio.Event().wait))) as socket:
        await socket.send('{"prompt": "hi"}')
        while await socket.recv() != '"half"':
            pass
        await socket.send('{"prompt": "too early"}')
        (busy,) = await heard(socket)
        assert busy["error_type"] == "conflict"
        await socket.send('{"type": "cancel"}')
        (failed,) = await heard(socket)
        assert failed["error_type"] == "canceled"
        assert (await heard(socket))[-1]["status"] == "canceled"


async def test_who_closes_his_socket_ends_the_agent(world):
    gone = asyncio.Event()

    async def hold():
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    async with talking(world((*HALF, hold))) as socket:
        await socket.send('{"prompt": "hi"}')
        while await socket.recv() != '"half"':
            pass
    await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize(
    ("message", "error_type"), [("{", "invalid_json"), (b"\xff", "invalid_json"), ("{}", "invalid_payload")]
)
async def test_a_message_that_is_no_payload_is_answered_and_the_socket_stays(world, message, error_type):
    async with talking(world("hello")) as socket:
        await socket.send(message)
        (told,) = await heard(socket)
        assert told["error_type"] == error_type
        await socket.send('"hi"')
        assert (await heard(socket))[-1]["status"] == "completed"


@pytest.mark.parametrize("before", [(), HALF], ids=["before", "after"])
async def test_a_failure_is_told_and_the_socket_stays(world, before):
    async with talking(world((*before, RuntimeError("x")), "fine")) as socket:
        await socket.send('"hi"')
        assert (await heard(socket))[-1]["error"]
        assert (await heard(socket))[-1]["status"] == "failed"
        await socket.send('"hi"')
        assert (await heard(socket))[-1]["status"] == "completed"


async def test_a_message_beyond_the_limit_closes_the_socket(world):
    async with talking(world()) as socket:
        await socket.send(" " * (1 << 20) + '"hi"')
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert socket.close_code == 1009


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer mallory"}])
async def test_who_may_not_ask_gets_no_socket(world, headers):
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with talking(world(), headers):
            pass
    assert refusal.value.response.status_code == 401


async def test_a_page_of_another_site_gets_no_socket(world):
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with talking(world(), origin="https://evil.example"):
            pass
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_a_run_of_a_socket_that_waits_is_read_on_when_it_was_answered(outcome):
    waiting = waiting_world("noon")
    async with talking(waiting.made, PERSON) as socket:
        await socket.send('{"prompt": "time?"}')
        told = await heard(socket)
        assert [item["type"] for item in told][-3:] == ["authorization_required", "run_paused", "run_ended"]
        assert told[-1]["status"] == "waiting"
        await waiting.settle(outcome)
        await waiting.wake()
        await socket.send(json.dumps({"run_id": told[0]["run_id"]}))
        again = await heard(socket)
    assert (again[-2], again[-1]["status"]) == ("noon", "completed")
    assert [item["ok"] for item in again if isinstance(item, dict) and item.get("type") == "tool_result"] == [
        outcome == "completed"
    ]


async def test_who_lost_his_socket_reads_the_run_with_another(world):
    made = world((*HALF, TextEnded("m")))
    async with talking(made) as socket:
        await socket.send('{"prompt": "hi"}')
        first = await heard(socket)
    async with talking(made) as socket:
        await socket.send(json.dumps({"run_id": first[0]["run_id"]}))
        assert await heard(socket) == first
