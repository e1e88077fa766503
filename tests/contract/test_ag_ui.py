"""AG-UI as its clients speak it: inputs written and every event read by the official models, the order by its rules."""

import asyncio
import json

import httpx2
import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.errors import StepLimitError
from fujie.agents.runner import ToolCall
from fujie.agents.serving import following
from fujie.protocols.ag_ui.protobuf import frame
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    StateChanged,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalling,
)
from tests.agents.doubles import SUNNY, eventually
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import BOB, ID_TOKEN, Connection
from tests.protocols.ag_ui_rules import Reader, parsed_frames, read, run_input

BEARER = {"authorization": f"Bearer {ID_TOKEN}"}
CLIENT = BEARER | {"content-type": "application/json", "accept": "text/event-stream"}


async def post(made, path="/ag-ui", headers=CLIENT, **fields):
    return await made.client.post(path, content=run_input(**fields), headers=headers)


async def ask(made, path="/ag-ui", **fields):
    answer = await post(made, path, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    return read(answer.text)


def refusal(answer):
    """Read a refusal as the models do, and say what it was."""
    reader = Reader()
    reader.read(answer.json())
    return answer.status_code, reader.events[0]["code"]


@pytest.mark.parametrize("path", ["/ag-ui", "/ag-ui/agent"])
async def test_a_plain_answer_at_either_path(path):
    made = world("hello you")
    seen = await ask(made, path)
    assert (list(seen.texts.values()), seen.events[-1]["outcome"]) == (["helloyou"], {"type": "success"})
    assert (seen.events[0]["threadId"], seen.events[0]["runId"]) == ("t1", "r1")
    run = await made.store.run(seen.events[0]["metadata"]["fujie"]["runId"])
    assert run.conversation_id == "t1"


async def test_the_thread_goes_on_with_the_next_question_alone():
    made = world("one", "two")
    first = await ask(made)
    answer = {"id": next(iter(first.texts)), "role": "assistant", "content": "one"}
    question = {"id": "u2", "role": "user", "content": "and now?"}
    await ask(made, runId="r2", messages=[{"id": "u1", "role": "user", "content": "hi"}, answer, question])
    assert [len(step.prior) for step in made.mind.seen] == [0, 1]
    assert made.mind.seen[1].request.question() == "and now?"
    assert len(made.mind.seen[1].request.input) == 1


async def test_reasoning_a_call_in_the_writing_and_state():
    made = world(
        (
            ReasoningStarted("r"), ReasoningDelta("r", "the weather..."), ReasoningEnded("r"),
            StateChanged('{"plan": ["look at the weather", "tell what it is like"], "done": 0}'),
            ToolCalling("m", "call_1", "get_weather", '{"city":'),
            ToolCalling("m", "call_1", "get_weather", '{"city":"Hang'),
            ToolCall("call_1", "get_weather", {"city": "Hangzhou"}),
        ),
        (
            StateChanged('{"plan": ["look at the weather", "tell what it is like"], "done": 1}'),
            TextStarted("m2"), TextDelta("m2", "sunny"), TextEnded("m2"),
        ),
        get_weather=SUNNY,
    )  # fmt: skip
    seen = await ask(made)
    assert seen.thoughts == {"r": "the weather..."}
    assert json.loads(seen.calls["call_1"]) == {"city": "Hangzhou"}
    assert seen.kinds.count("TOOL_CALL_ARGS") == 3
    assert seen.results == {"call_1": "sunny"}
    assert seen.state == {"plan": ["look at the weather", "tell what it is like"], "done": 1}
    assert [kind for kind in seen.kinds if kind.startswith("STATE")] == ["STATE_SNAPSHOT", "STATE_DELTA"]
    assert seen.texts == {"m2": "sunny"}


async def test_an_error_before_and_after_the_first_token_ends_the_stream_with_it():
    before = await ask(world(StepLimitError("in a circle")))
    after = await ask(world((TextDelta("m", "Hel"), StepLimitError("in a circle"))))
    assert (before.kinds, after.kinds[-2:]) == (["RUN_STARTED", "RUN_ERROR"], ["TEXT_MESSAGE_CONTENT", "RUN_ERROR"])
    assert before.events[-1]["code"] == after.events[-1]["code"] == "step_limit"


async def test_a_canceled_run_is_told_as_such_and_not_as_a_success():
    hold = asyncio.Event()
    made = world(hold.wait)
    asking = asyncio.create_task(ask(made))
    await eventually(lambda: _running(made))
    (run,) = await made.store.runs("t1")
    answer = await made.client.post(f"/runtime/runs/{run.id}/cancel", headers=await made.bearer())
    assert answer.status_code == 202
    assert (await asking).events[-1]["outcome"] == {"type": "cancelled"}


async def test_a_client_that_goes_away_stops_its_run():
    hold = asyncio.Event()
    made = world(hold.wait)
    connection = Connection(made.app, "/ag-ui", run_input(), CLIENT)
    await eventually(lambda: _running(made))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    (run,) = await made.store.runs("t1")
    assert run.status == "canceled"
    seen = await ask(made, "/ag-ui/connect")
    assert seen.events[-1]["outcome"] == {"type": "cancelled"}


async def _running(made):
    return bool(made.mind.seen)


# Consent


RESUMED = ["RUN_STARTED", "CUSTOM", "TOOL_CALL_RESULT"]


def answers_to(interrupt, **fields):
    entry = {"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": True}} | fields
    return {"runId": "r2", "messages": [], "resume": [{key: value for key, value in entry.items() if value is not ...}]}


async def paused(waiting, **fields):
    seen = await ask(waiting.made, **fields)
    (interrupt,) = seen.events[-1]["outcome"]["interrupts"]
    return interrupt


async def test_a_pause_ends_the_run_with_an_interrupt_and_holds_nothing():
    interrupt = await paused(waiting_world())
    assert interrupt["metadata"]["fujie"]["connectUrl"] == "http://localhost/connect/c1"
    assert interrupt["toolCallId"] == "call_1_0"
    assert interrupt["expiresAt"].endswith("Z")


@pytest.mark.parametrize(
    ("settled", "result"), [("completed", "it is noon"), ("denied", "denied"), ("expired", "expired")]
)
async def test_a_resume_goes_on_after_the_person_answered_whatever_the_answer_was(settled, result):
    waiting = waiting_world("so it is")
    interrupt = await paused(waiting)
    await waiting.settle(settled)
    seen = await ask(waiting.made, **answers_to(interrupt))
    assert seen.kinds[:3] == RESUMED
    assert seen.events[0]["runId"] == "r2"
    assert seen.events[1]["value"]["outcome"] == settled
    assert result in seen.results["call_1_0"]
    assert (list(seen.texts.values()), seen.events[-1]["outcome"]) == (["soitis"], {"type": "success"})


async def test_a_resume_that_comes_first_waits_until_callback_wakes_the_run():
    waiting = waiting_world("so it is")
    interrupt = await paused(waiting)
    connection = Connection(waiting.made.app, "/ag-ui", run_input(**answers_to(interrupt)), CLIENT)
    await eventually(lambda: _began(connection))
    await waiting.settle("completed")
    await waiting.wake()
    await asyncio.wait_for(connection.task, 3)
    seen = read(connection.text)
    assert seen.kinds[:3] == RESUMED
    assert seen.events[-1]["outcome"] == {"type": "success"}


async def _began(connection):
    return "RUN_STARTED" in connection.text


async def test_a_resume_may_come_again_and_late_and_is_told_the_same():
    waiting = waiting_world("so it is")
    interrupt = await paused(waiting)
    await waiting.settle("completed")
    await waiting.wake()
    first, again = [await post(waiting.made, **answers_to(interrupt)) for _ in range(2)]
    assert first.text == again.text
    assert read(first.text).events[-1]["outcome"] == {"type": "success"}
    assert len(waiting.made.tools.calls) == 2


@pytest.mark.parametrize("fields", [{"status": "cancelled", "payload": ...}, {"payload": {"approved": False}}])
async def test_an_interrupt_that_is_given_up_ends_the_run(fields):
    waiting = waiting_world()
    interrupt = await paused(waiting)
    seen = await ask(waiting.made, **answers_to(interrupt, **fields))
    assert seen.kinds == ["RUN_STARTED", "CUSTOM", "RUN_FINISHED"]
    assert seen.events[1]["value"]["outcome"] == "cancelled"
    assert seen.events[-1]["outcome"] == {"type": "cancelled"}
    assert len(waiting.made.tools.calls) == 1


async def test_a_question_on_a_thread_that_waits_is_refused_before_it_begins():
    waiting = waiting_world()
    await paused(waiting)
    assert refusal(await post(waiting.made, runId="r2")) == (409, "conflict")


async def test_a_resume_of_nothing_that_is_known_answers_nothing():
    made = world("hello")
    unknown = {"interruptId": "other", "status": "resolved"}
    assert refusal(await post(made, resume=[unknown], messages=[])) == (400, "invalid_request")
    assert (await ask(made, resume=[unknown])).texts


async def test_a_resume_of_somebody_elses_run_is_forbidden():
    waiting = waiting_world()
    interrupt = await paused(waiting)
    headers = CLIENT | await waiting.made.bearer(user=BOB)
    assert refusal(await post(waiting.made, headers=headers, **answers_to(interrupt))) == (403, "forbidden")


# Watching


async def test_a_run_of_another_door_is_watched_and_resumed_here():
    waiting = waiting_world("so it is")
    asked = {"input": [{"role": "user", "content": [{"type": "text", "text": "time?"}]}], "session_id": "t1"}
    await waiting.made.client.post("/process", json=asked, headers=BEARER)
    seen = await ask(waiting.made, "/ag-ui/connect", runId=waiting.run_id, messages=[])
    (interrupt,) = seen.events[-1]["outcome"]["interrupts"]
    assert seen.events[0]["runId"] == waiting.run_id
    await waiting.settle("completed")
    await waiting.wake()
    resumed = await ask(waiting.made, **answers_to(interrupt))
    assert resumed.results == {"call_1_0": "it is noon"}
    whole = await ask(waiting.made, "/ag-ui/connect", runId=waiting.run_id, messages=[])
    assert whole.kinds.count("RUN_FINISHED") == 1
    assert whole.events[-1]["outcome"] == {"type": "success"}


async def test_who_lost_the_connection_reads_the_run_again_and_keeps_nothing_twice():
    made = world("hello you")
    first = await ask(made)
    half = [
        {"id": "u1", "role": "user", "content": "hi"},
        {"id": next(iter(first.texts)), "role": "assistant", "content": "hel"},
    ]
    again = await ask(made, "/ag-ui/connect", messages=half)
    assert again.events[1] == {"type": "MESSAGES_SNAPSHOT", "messages": half[:1]}
    assert again.texts == first.texts


async def test_a_live_run_is_watched_while_it_goes_on_and_the_watcher_may_leave():
    go_on = asyncio.Event()
    made = world(go_on.wait)
    run = Connection(made.app, "/ag-ui", run_input(), CLIENT)
    await eventually(lambda: _running(made))
    watcher = Connection(made.app, "/ag-ui/connect", run_input(messages=[]), CLIENT)
    await eventually(lambda: _began(watcher))
    watcher.go_away()
    await asyncio.wait_for(watcher.task, 3)
    go_on.set()
    await asyncio.wait_for(run.task, 3)
    assert parsed_frames(run.text)[-1]["type"] == "RUN_ERROR", "the script's step gave nothing, but was not canceled"


async def test_a_run_is_not_found_on_another_thread_nor_by_somebody_else():
    made = world("hello", "bob")
    seen = await ask(made)
    ours = seen.events[0]["metadata"]["fujie"]["runId"]
    assert refusal(await post(made, "/ag-ui/connect", runId=ours, threadId="t2")) == (404, "run_not_found")
    foreign = await post(made, "/ag-ui/connect", runId="nothing", headers=CLIENT | await made.bearer(user=BOB))
    assert refusal(foreign) == (404, "run_not_found")
    assert refusal(await post(made, "/ag-ui/connect", runId="nothing")) == (404, "run_not_found")
    headers = CLIENT | await made.bearer(user=BOB)
    assert refusal(await post(made, "/ag-ui/connect", headers=headers)) == (404, "run_not_found")
    headers = CLIENT | await made.bearer(user=BOB)
    assert (await post(made, headers=headers)).status_code == 200, "thread and run are names, and each user's own"


# Refusals


async def test_a_run_id_that_was_used_does_not_run_twice():
    made = world("hello", "never")
    await ask(made)
    assert refusal(await post(made)) == (409, "conflict")
    assert len(made.mind.seen) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, run_input(), 401),
        (BEARER, b"{", 400),
        (BEARER, run_input(messages=[]), 400),
        (BEARER, b"x" * 2**20 + b"x", 413),
    ],
)
async def test_what_cannot_begin_is_refused_with_a_status_and_an_event(headers, body, status):
    answer = await world().client.post("/ag-ui", content=body, headers=headers)
    assert refusal(answer)[0] == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_the_client_is_not_believed_about_who_it_is():
    made = world("hello")
    seen = await ask(made, forwardedProps={"user_id": "mallory", "userId": "mallory"})
    run = await made.store.run(seen.events[0]["metadata"]["fujie"]["runId"])
    assert run.user.name == "alice"


async def test_a_client_that_knows_only_the_thread_reads_what_goes_on_there():
    waiting = waiting_world()
    interrupt = await paused(waiting)
    seen = await ask(waiting.made, "/ag-ui/connect", runId="of-the-client", messages=[])
    assert seen.events[0]["runId"] == "of-the-client"
    assert seen.events[-1]["outcome"]["interrupts"] == [interrupt]


async def test_an_app_of_its_own_keeps_nothing_and_is_shown_the_whole_conversation():
    app, shown = AgentApp("Friday", config=AgentConfig(open_access=True)), []

    @app.query(framework="text")
    async def query(self, msgs, request=None, **kwargs):
        shown.append([message.role for message in request.input])
        yield "Hel"
        yield "lo"

    answer = {"id": "a1", "role": "assistant", "content": "hello"}
    first, again = ({"id": f"u{number}", "role": "user", "content": "hi"} for number in (1, 2))
    asked = run_input(messages=[first, answer, again])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for path in ("/ag-ui", "/ag-ui/connect"):
            answer = await client.post(path, content=asked)
            assert list(read(answer.text).texts.values()) == ["Hello"]
    assert shown == [["user", "assistant", "user"]]


async def test_who_names_the_binary_binding_gets_frames_of_it():
    made = world("hello")
    accept = {"accept": "text/event-stream, application/vnd.ag-ui.event+proto"}
    answer = await post(made, headers=BEARER | accept)
    assert answer.headers["content-type"] == "application/vnd.ag-ui.event+proto"
    again = await ask(made, "/ag-ui/connect")
    assert answer.content == b"".join(map(frame, again.events))


async def test_a_resume_that_nobody_answers_in_time_asks_again():
    waiting = waiting_world(patience_s=0.01)
    interrupt = await paused(waiting)
    seen = await ask(waiting.made, **answers_to(interrupt))
    assert seen.kinds == ["RUN_STARTED", "RUN_FINISHED"]
    assert seen.events[-1]["outcome"]["interrupts"] == [interrupt]


@pytest.mark.parametrize("settled", ["completed", "expired"])
async def test_a_resume_does_not_depend_on_who_was_to_wake_the_run(settled, monkeypatch):
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    waiting = waiting_world("so it is")
    interrupt = await paused(waiting)
    connection = Connection(waiting.made.app, "/ag-ui", run_input(**answers_to(interrupt)), CLIENT)
    await eventually(lambda: _began(connection))
    await waiting.settle(settled)
    await asyncio.wait_for(connection.task, 3)
    assert read(connection.text).events[-1]["outcome"] == {"type": "success"}
