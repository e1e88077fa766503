"""AgentScope's protocol over HTTP, with runs that are kept and runs that are not: streams, tasks, stops, resumption."""

import asyncio
import json
import re

import pytest

from fujie.agents.errors import StepLimitError
from fujie.protocols.agentscope.decode import Decoder
from fujie.protocols.events import TextDelta, TextEnded, TextStarted
from tests.agents.doubles import eventually
from tests.contract.both_worlds import BOTH
from tests.contract.runtime_world import waiting_world
from tests.functions.process_world import Connection
from tests.protocols.test_agentscope_traces import CALLED, RETURNED, trace

HELLO = (TextStarted("m"), *(TextDelta("m", text) for text in ("Hel", "lo ", "世界")), TextEnded("m"))
RUN_ID = "0e974e24-0000-4000-8000-00000000abcd"
ID = f"response_{RUN_ID}"


@pytest.fixture(params=BOTH)
def world(request):
    return request.param


def question(text="hi", **fields):
    return {"input": [{"role": "user", "content": [{"type": "text", "text": text}]}]} | fields


def events_of(answer):
    assert answer.status_code == 200, answer.text
    return Decoder().feed(answer.text)


def neutral(text):
    """Return the text without ids, times and usage."""
    text = re.sub(r'"(msg|response)_[\w-]+"|"m"', '"id"', text)
    text = re.sub(r'"(created_at|completed_at)":\d+', r'"\1":0', text)
    return re.sub(r'"usage":{[^}]*}', '"usage":null', text)


# Golden traces, through the routes


async def test_a_plain_answer_is_the_trace(world):
    answer = await world(HELLO).post("/process", question(session_id="s-hi"))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["connection"]) == ("no-cache", "keep-alive")
    assert neutral(answer.text) == neutral(trace("plain_text.sse"))


async def test_a_tool_call_is_the_trace(world):
    answer = await world((*CALLED, RETURNED)).post("/process", question(session_id="s-hi"))
    ours = '"metadata":{"ok":true,"duration_ms":12,"credential":null,"error_code":""}'
    middle = neutral(answer.text.replace(ours, '"metadata":{}')).split("\n\n")[2:-2]
    assert "\n\n".join(middle) == neutral(trace("tool_call.sse") + trace("tool_output.sse")).strip()


@pytest.mark.parametrize("before", [(), (TextStarted("m"), TextDelta("m", "half an ans"))])
async def test_an_exception_is_the_trace_but_for_its_words_and_what_it_closes(world, before):
    answer = await world((*before, StepLimitError("in a circle"))).post("/process", question(session_id="s-BOOM"))
    frames = [json.loads(frame[6:]) for frame in neutral(answer.text).split("\n\n")[:-1]]
    traced = json.loads(neutral(trace("exception.sse"))[6:])
    last = frames[-1]
    assert last["error"] == {"code": "step_limit", "message": "in a circle"}
    if before:
        assert [(frame["object"], frame["status"]) for frame in frames[-3:-1]] == [
            ("content", "incomplete"),
            ("message", "incomplete"),
        ]
        assert last["output"] == [frames[-2]]
    told_otherwise = {"error": None, "output": None, "sequence_number": 0}
    assert last | told_otherwise == traced | told_otherwise
    assert list(last) == list(traced)


async def test_invalid_json_is_the_trace(world):
    answer = await world().post("/process", b'{"input": [', **{"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (422, trace("invalid_json.json").strip())


async def test_a_missing_field_is_fastapis_answer_and_no_stream(world):
    answer = await world().post("/process", {})
    body = '{"detail":[{"type":"missing","loc":["body","input"],"msg":"Field required","input":{}}]}'
    assert (answer.status_code, answer.text) == (422, body)


# One object


async def test_stream_false_gives_the_last_response(world):
    made = world(HELLO, (TextStarted("m"), TextDelta("m", "x"), StepLimitError("in a circle")))
    whole = (await made.post("/process", question(session_id="s-hi", stream=False))).text
    assert neutral(f"data: {whole}\n\n") == neutral(trace("plain_text.sse").split("\n\n")[-2]) + "\n\n"
    failed = (await made.post("/process", question(stream=False))).json()
    assert (failed["object"], failed["status"], failed["error"]["code"]) == ("response", "failed", "step_limit")


# Reading on


async def test_a_stream_is_read_again_behind_any_number(world):
    made = world(HELLO)
    whole = (await made.post("/process", question(id=ID))).text
    frames = whole.split("\n\n")
    assert (await made.get(f"/process/{ID}/events")).text == whole
    again = await made.get(f"/process/{RUN_ID}/events", **{"last-event-id": "4"})
    assert again.text == "\n\n".join(frames[5:])
    posted = await made.post("/process", question(id=ID), **{"last-event-id": "4"})
    assert posted.text == again.text
    whole_object = await made.post("/process", question(id=ID, stream=False), **{"last-event-id": "4"})
    assert f"data: {whole_object.text}" == frames[-2]
    assert len(made.mind.seen) == 1


async def test_who_lost_the_connection_reads_on_while_the_run_goes_on(world):
    go = asyncio.Event()
    made = world(go.wait)
    made.mind.script.append("never")
    await made.post("/process/task", question(id=ID))
    reading = asyncio.create_task(made.get(f"/process/{ID}/events", **{"last-event-id": "0"}))
    await eventually(lambda: begun(made))
    await made.post("/process/stop", {"id": ID})
    found = events_of(await asyncio.wait_for(reading, 5))
    assert [(event["sequence_number"], event["status"]) for event in found] == [(1, "in_progress"), (2, "canceled")]


async def begun(made):
    return (await made.get(f"/process/task/{RUN_ID}")).json().get("status") == "running"


async def test_a_number_without_a_run_is_refused_and_a_run_is_not_begun_twice(world):
    made = world(HELLO)
    no_id = await made.post("/process", question(), **{"last-event-id": "4"})
    unknown = await made.post("/process", question(id=ID), **{"last-event-id": "4"})
    wrong = await made.post("/process", question(id=ID), **{"last-event-id": "-1"})
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in (no_id, unknown, wrong)] == [
        (400, "invalid_input"),
        (404, "run_not_found"),
        (400, "invalid_input"),
    ]
    assert made.mind.seen == []
    await made.post("/process", question(id=ID))
    assert (await made.post("/process", question(id=ID))).status_code == 409


async def test_somebody_elses_events_are_not_told(world):
    made = world(HELLO)
    await made.post("/process", question(id=ID))
    assert (await made.get(f"/process/{ID}/events", who="bob")).status_code == 403
    assert (await made.get("/process/%00/events")).status_code == 404
    assert (await made.get(f"/process/{ID}/events", who="nobody")).status_code == 401


# Tasks


async def test_a_task_is_submitted_polled_and_finished(world):
    made = world(HELLO)
    taken = await made.post("/process/task", question(id=ID, session_id="s-hi"))
    words = "Stream query task submitted successfully"
    assert taken.text == f'{{"task_id":"{RUN_ID}","status":"submitted","queue":"stream_query","message":"{words}"}}'
    await eventually(lambda: state_is(made, "finished"))
    finished = (await made.get(f"/process/task/{RUN_ID}")).text
    last = neutral(trace("plain_text.sse").split("\n\n")[-2]).removeprefix("data: ")
    assert neutral(finished) == f'{{"status":"finished","result":{last}}}'


async def state_is(made, status):
    return (await made.get(f"/process/task/{RUN_ID}")).json()["status"] == status


async def test_a_task_that_runs_says_since_when_and_one_that_is_stopped_or_fails_is_an_error(world):
    hold = asyncio.Event()
    made = world(hold.wait, StepLimitError("in a circle"))
    await made.post("/process/task", question(id=ID))
    await eventually(lambda: begun(made))
    running = (await made.get(f"/process/task/{RUN_ID}")).json()
    assert (list(running), running["result"]) == (["status", "started_at", "result"], None)
    assert isinstance(running["started_at"], float)
    await made.post("/process/stop", {"id": ID})
    await eventually(lambda: state_is(made, "error"))
    assert (await made.get(f"/process/task/{RUN_ID}")).json() == {"status": "error", "result": "the run was canceled"}
    other = (await made.post("/process/task", question())).json()["task_id"]

    async def failed():
        return (await made.get(f"/process/task/{other}")).json() == {"status": "error", "result": "in a circle"}

    await eventually(failed)


async def test_a_task_that_is_not_there_or_somebody_elses_is_not_found(world):
    made = world(HELLO)
    await made.post("/process/task", question(id=ID))
    await eventually(lambda: state_is(made, "finished"))
    for path, who, name in ((RUN_ID, "bob", RUN_ID), ("nope", "alice", "nope"), ("a%22b", "alice", 'a\\"b')):
        answer = await made.get(f"/process/task/{path}", who=who)
        assert (answer.status_code, answer.text) == (404, f'{{"error":"Task {name} not found"}}')


# Stops


@pytest.mark.parametrize("by", [{"id": ID}, {"session_id": "s", "input": [], "user_id": "bob"}])
async def test_a_stop_ends_the_stream_with_a_canceled_response(world, by):
    hold = asyncio.Event()
    made = world(hold.wait)
    asking = asyncio.create_task(made.post("/process", question(id=ID, session_id="s")))
    await eventually(lambda: begun(made))
    stopped = await made.post("/process/stop", by)
    assert stopped.json()["id"] == ID
    assert [event["status"] for event in events_of(await asyncio.wait_for(asking, 5))][-1] == "canceled"
    again = await made.post("/process/stop", {"id": ID})
    assert again.json() == {"id": ID, "session_id": "s", "status": "canceled"}
    assert (await made.post("/process/stop", {"session_id": "s"})).status_code == 404


async def test_a_stop_says_what_and_is_its_owners(world):
    hold = asyncio.Event()
    made = world(hold.wait)
    await made.post("/process/task", question(id=ID, session_id="s"))
    for body, status in (({"id": ID}, 403), ({"session_id": "s"}, 404)):
        assert (await made.post("/process/stop", body, who="bob")).status_code == status
    for body in ({}, {"id": 5}, b"{", b"[" * 100_000):
        assert (await made.post("/process/stop", body)).status_code == 400
    assert (await made.post("/process/stop", {"id": "x_y"})).status_code == 404
    await made.post("/process/stop", {"id": ID})


async def test_a_client_that_goes_away_stops_its_run(world):
    made = world(lambda: asyncio.sleep(60))
    headers = {"authorization": "Bearer alice"}
    connection = Connection(made.app, "/process", json.dumps(question(id=ID)).encode(), headers)
    await eventually(lambda: begun(made))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    await eventually(lambda: state_is(made, "error"))


# Consent: only runs that are kept can wait


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_who_comes_back_after_the_consent_reads_on_where_the_pause_was(outcome):
    waiting = waiting_world("that's it")
    made = waiting.made
    paused = events_of(await made.ask(question(session_id="s")))
    assert (paused[-1]["status"], paused[-1]["object"]) == ("incomplete", "response")
    path, number = f"/process/{paused[-1]['id']}/events", paused[-1]["sequence_number"]
    headers = await made.bearer() | {"last-event-id": str(number)}
    reading = asyncio.create_task(made.client.get(path, headers=headers))
    await waiting.settle(outcome)
    await waiting.wake()
    found = events_of(await asyncio.wait_for(reading, 5))
    assert [event["sequence_number"] for event in found] == list(range(number + 1, number + 1 + len(found)))
    assert (found[0]["status"], found[-1]["status"]) == ("in_progress", "completed")
    resolved = {"type": "authorization_resolved", "consent_id": "c1", "outcome": outcome}
    assert resolved in [event.get("data") for event in found]


async def test_who_asks_again_for_one_object_of_a_run_that_waits_is_told_so_at_once():
    made = waiting_world().made
    await made.ask(question(id=ID))
    headers = await made.bearer() | {"last-event-id": "0"}
    again = await asyncio.wait_for(made.ask(question(id=ID, stream=False), headers), 5)
    assert again.json()["status"] == "incomplete"


async def test_a_task_that_waits_shows_what_it_waits_for():
    waiting = waiting_world()
    made = waiting.made
    task = (await made.client.post("/process/task", json=question(), headers=await made.bearer())).json()["task_id"]

    async def asks():
        state = (await made.client.get(f"/process/task/{task}", headers=await made.bearer())).json()
        return state["status"] == "running" and state["result"] and state["result"]["status"] == "incomplete"

    await eventually(asks)
