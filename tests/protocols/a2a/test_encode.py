"""A run as a task: what each event changes, in each version's words, and always what the official parsers take."""

import json

import pytest
from a2a.compat.v0_3 import types as models_0_3
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fujie.protocols.a2a.encode import Encoder, folded
from fujie.protocols.a2a.nouns import DataPart, Message, TextPart
from fujie.protocols.a2a.shape import timestamp
from fujie.protocols.a2a.tasks import TaskOfRun
from fujie.protocols.a2a.v0_3.rest import V03Rest
from fujie.protocols.a2a.v0_3.shape import V03
from fujie.protocols.a2a.v1_0.shape import V10
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RunCanceled,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    StateChanged,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
)
from tests.protocols.a2a.official import stream_0_3, stream_0_3_rest, stream_1_0, task_1_0
from tests.protocols.any_events import ANY_EVENTS
from tests.protocols.test_agentscope_encode import REQUEST

STARTED = RunStarted("r1", "s1", 1795216714)
QUESTION = Message("q1", "user", [TextPart("hello?")])
SAID = [TextStarted("m1"), TextDelta("m1", "Hel"), TextDelta("m1", "lo"), TextEnded("m1")]
DONE = RunCompleted(1795216720, {"input_tokens": 3, "output_tokens": 4})
CALLED = ToolCalled("m2", "call_1", "get_weather", '{"city": "Hangzhou"}')
RETURNED = ToolReturned("m3", "call_1", "get_weather", "sunny", True, 12)
WAITS = ConsentRequired("m4", "call_1", REQUEST)
PARSERS = [(V10(), stream_1_0), (V03(), stream_0_3), (V03Rest(), stream_0_3_rest)]


def frames(log, shape=None, *, question=QUESTION, behind=0):
    encoder = Encoder(TaskOfRun("r1", "s1", question), shape or V10(), lambda value: value, behind=behind)
    *texts, nothing = ("".join(map(encoder.feed, log)) + encoder.end()).split("\n\n")
    assert nothing == ""
    return [json.loads(text.removeprefix("data: ")) for text in texts]


def states(found):
    said = [frame["statusUpdate"]["status"]["state"] for frame in found if "statusUpdate" in frame]
    return [state.removeprefix("TASK_STATE_") for state in said]


def test_a_plain_answer_is_the_task_then_an_artifact_in_chunks_then_the_end():
    task, first, second, last, end = frames([STARTED, *SAID, DONE])
    assert task == {
        "task": {
            "id": "r1",
            "contextId": "s1",
            "status": {"state": "TASK_STATE_WORKING", "timestamp": "2026-11-20T23:18:34.000Z"},
            "history": [
                {
                    "messageId": "q1",
                    "contextId": "s1",
                    "taskId": "r1",
                    "role": "ROLE_USER",
                    "parts": [{"text": "hello?"}],
                }
            ],
        }
    }
    chunks = [frame["artifactUpdate"] for frame in (first, second, last)]
    assert [(chunk["artifact"]["parts"][0]["text"], chunk["append"], chunk["lastChunk"]) for chunk in chunks] == [
        ("Hel", False, False),
        ("lo", True, False),
        ("", True, True),
    ]
    assert {chunk["artifact"]["artifactId"] for chunk in chunks} == {"m1"}
    assert end["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert end["statusUpdate"]["metadata"] == {"usage": {"input_tokens": 3, "output_tokens": 4}}


def test_0_3_says_kinds_and_that_only_the_end_is_final():
    found = frames([STARTED, *SAID, CALLED, DONE], V03())
    assert [frame["kind"] for frame in found] == [
        "task",
        "artifact-update",
        "artifact-update",
        "artifact-update",
        "status-update",
        "status-update",
    ]
    assert [frame["final"] for frame in found if "final" in frame] == [False, True]
    assert found[0]["history"][0]["parts"] == [{"kind": "text", "text": "hello?"}]
    assert found[-1]["status"]["state"] == "completed"


def test_a_tool_call_and_its_result_are_messages_of_the_status_working():
    call, result = [frame["statusUpdate"]["status"] for frame in frames([STARTED, CALLED, RETURNED])[1:]]
    assert call["state"] == result["state"] == "TASK_STATE_WORKING"
    assert call["message"]["parts"] == [
        {
            "data": {
                "type": "tool_call",
                "call_id": "call_1",
                "name": "get_weather",
                "arguments": {"city": "Hangzhou"},
            },
            "mediaType": "application/json",
        }
    ]
    said = result["message"]["parts"][0]["data"]
    assert (said["type"], said["output"], said["ok"], said["credential"]) == ("tool_result", "sunny", True, None)


def test_reasoning_is_one_message_marked_as_such_and_never_part_of_the_answer():
    thought = [ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"), ReasoningEnded("r")]
    log = [STARTED, *thought, *SAID, DONE]
    message = frames(log)[1]["statusUpdate"]["status"]["message"]
    assert message["parts"] == [{"text": "let me think", "metadata": {"type": "reasoning"}}]
    task = folded("r1", "s1", QUESTION, log)
    assert [artifact.parts for artifact in task.artifacts] == [[TextPart("Hello")]]
    assert [message.id for message in task.history] == ["q1", "r"]


def test_reasoning_that_was_cut_is_still_said_before_the_end():
    thought, end = frames([STARTED, ReasoningDelta("r", "hm"), RunFailed(9, "llm", "gone")])[1:]
    assert thought["statusUpdate"]["status"]["message"]["parts"][0]["text"] == "hm"
    assert states([end]) == ["FAILED"]


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": [1]}', {"a": [1]}), ("[1]", [1]), ("null", None), ("no json", "no json")]
)
def test_a_value_is_an_artifact_of_its_own_and_an_object_where_0_3_wants_one(text, value):
    log = [STARTED, DataProduced("d", text)]
    part = frames(log)[1]["artifactUpdate"]["artifact"]["parts"][0]
    assert part == {"data": value, "mediaType": "application/json"}
    held = frames(log, V03())[1]["artifact"]["parts"][0]["data"]
    assert held == (value if isinstance(value, dict) else {"value": value})


def test_what_a2a_has_no_word_for_is_left_out():
    assert len(frames([STARTED, ToolCalling("m", "c", "n", "{"), StateChanged("{}"), ReasoningStarted("r")])) == 1


def test_a_wait_for_consent_is_auth_required_with_the_link_as_text_and_as_data():
    asked, *rest = frames([STARTED, WAITS, RunPaused(("c1",))])[1:]
    assert rest == []
    status = asked["statusUpdate"]["status"]
    assert status["state"] == "TASK_STATE_AUTH_REQUIRED"
    text, data = status["message"]["parts"]
    assert REQUEST.connect_url in text["text"]
    assert "read the time" in text["text"]
    assert data["data"]["type"] == "authorization_required"
    assert data["data"]["connect_url"] == REQUEST.connect_url
    assert data["data"]["call_id"] == "call_1"
    assert frames([STARTED, WAITS], V03())[1]["final"] is False


def test_a_tool_that_has_the_last_word_does_not_hide_the_wait():
    found = frames([STARTED, WAITS, RETURNED, RunPaused(("c1",))])
    assert states(found) == ["AUTH_REQUIRED"] * 3
    assert REQUEST.connect_url in found[-1]["statusUpdate"]["status"]["message"]["parts"][0]["text"]


def test_two_waits_are_both_said_by_the_last_message_and_by_the_task():
    second = replace(REQUEST, consent_id="c2", connect_url="http://localhost:8090/connect/c2")
    other = ConsentRequired("m5", "call_2", second)
    log = [STARTED, WAITS, other, RunPaused(("c1", "c2"))]
    links = [part["text"] for part in frames(log)[-1]["statusUpdate"]["status"]["message"]["parts"][::2]]
    assert [REQUEST.connect_url in links[0], "/connect/c2" in links[1]] == [True, True]
    assert len(folded("r1", "s1", QUESTION, log).status.message.parts) == 4


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired", "cancelled"])
def test_after_the_wait_the_task_works_on(outcome):
    log = [
        STARTED,
        WAITS,
        RunPaused(("c1",)),
        RunResumed(1795216719),
        ConsentResolved("m6", "c1", outcome),
        *SAID,
        DONE,
    ]
    found = frames(log)
    assert states(found) == ["AUTH_REQUIRED", "WORKING", "WORKING", "COMPLETED"]
    told = found[3]["statusUpdate"]["status"]["message"]["parts"]
    assert told[0]["data"] == {"type": "authorization_resolved", "consent_id": "c1", "outcome": outcome}


def test_a_failure_says_why_and_keeps_what_was_said():
    log = [STARTED, *SAID[:2], RunFailed(9, "llm_timeout", "too slow")]
    task = folded("r1", "s1", QUESTION, log)
    assert task.status.state == "failed"
    assert task.status.message.parts[0] == TextPart("too slow")
    assert task.status.message.parts[1] == DataPart({"type": "error", "code": "llm_timeout", "message": "too slow"})
    assert [artifact.parts for artifact in task.artifacts] == [[TextPart("Hel")]]


def test_a_canceled_run_is_a_canceled_task_as_each_version_spells_it():
    log = [STARTED, RunCanceled(9)]
    assert frames(log)[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELED"
    assert frames(log, V03())[-1]["status"]["state"] == "canceled"
    assert frames(log, V03Rest())[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_CANCELLED"


def test_nothing_follows_the_end():
    assert len(frames([STARTED, DONE, *SAID, RunFailed(9, "a", "b")])) == 2


def test_a_reader_who_joins_gets_the_task_as_it_is_and_then_only_what_is_new():
    log = [STARTED, *SAID[:3], CALLED, RETURNED, TextEnded("m1"), DONE]
    task, ended, end = frames(log, behind=6)
    assert task["task"]["artifacts"] == [{"artifactId": "m1", "parts": [{"text": "Hello"}]}]
    assert task["task"]["status"]["message"]["messageId"] == "m3"
    assert [message["messageId"] for message in task["task"]["history"]] == ["q1", "m2"]
    assert ended["artifactUpdate"]["lastChunk"] is True
    assert states([end]) == ["COMPLETED"]


@pytest.mark.parametrize(("length", "ids"), [(None, ["q1", "m2"]), (5, ["q1", "m2"]), (1, ["m2"]), (0, None)])
def test_the_history_is_as_long_as_asked(length, ids):
    task = folded("r1", "s1", QUESTION, [STARTED, CALLED, RETURNED])
    written = V10().task(task, length)
    assert [message["messageId"] for message in written["history"]] == ids if ids else "history" not in written


def test_values_that_protobuf_cannot_hold_travel_as_text():
    deep = "[" * 60 + "]" * 60
    for text in (deep, "1" * 30, f'{{"a": {deep}}}', '"\\ud800"'):
        for shape, parse in PARSERS:
            for frame in frames([STARTED, DataProduced("d", text)], shape):
                parse(frame)


@given(ANY_EVENTS)
def test_the_official_parsers_accept_any_order_of_events(log):
    for shape, parse in PARSERS:
        for frame in frames(log, shape):
            parse(frame)
    task = folded("r1", "s1", QUESTION, log)
    task_1_0(V10().task(task))
    models_0_3.Task.model_validate(V03().task(task))


@given(ANY_EVENTS)
def test_a_stream_begins_with_the_task_and_adds_up_to_it(log):
    found = frames(log)
    assert ["task" in frame for frame in found] == [index == 0 for index in range(len(found))]
    texts = {}
    for frame in found[1:]:
        if update := frame.get("artifactUpdate"):
            key = update["artifact"]["artifactId"]
            before = texts.get(key, "") if update["append"] else ""
            texts[key] = before + "".join(part.get("text", "") for part in update["artifact"]["parts"])
    whole = V10().task(folded("r1", "s1", QUESTION, log))
    in_first = {a["artifactId"] for a in found[0]["task"].get("artifacts", ())} if found else set()
    for artifact in whole.get("artifacts", ()):
        if artifact["artifactId"] not in in_first:
            assert texts[artifact["artifactId"]] == "".join(part.get("text", "") for part in artifact["parts"])


@given(ANY_EVENTS.filter(bool), st.data())
def test_wherever_a_reader_joins_he_gets_the_task_and_then_what_others_get(log, data):
    behind = data.draw(st.integers(1, len(log)))
    joined = frames(log, behind=behind)
    assert joined[0]["task"] == V10().task(folded("r1", "s1", QUESTION, log[:behind]))
    task = TaskOfRun("r1", "s1", QUESTION)
    updates = [[V10().update(update, task.ids) for update in task.feed(event)] for event in log]
    assert joined[1:] == [update for of_event in updates[behind:] for update in of_event]


@given(ANY_EVENTS)
def test_the_same_events_give_the_same_bytes(log):
    assert frames(log) == frames(log)


def test_a_time_beyond_the_calendar_is_its_last_day():
    assert timestamp(10**12) == "9999-12-31T23:59:59.000Z"
