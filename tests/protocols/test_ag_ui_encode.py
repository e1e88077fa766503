"""Our events in AG-UI's words, every one read by the official models and in the order that the specification asks."""

import json

import pytest
from hypothesis import given

from fujie.permission import ConsentRequest, CredentialBadge, Scope
from fujie.protocols.ag_ui.encode import Encoder
from fujie.protocols.ag_ui.events import Asked
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
from tests.protocols.ag_ui_rules import read
from tests.protocols.any_events import ANY_EVENTS

RUN = "7b1c0e0e-0000-4000-8000-000000000001"
STARTED = RunStarted(RUN, "t1", 1000)
DONE = RunCompleted(2000, {"input_tokens": 20, "output_tokens": 2})
ASKED = Asked("t1", "r1")
REQUEST = ConsentRequest(
    "c1", "time", "Time", (Scope("time.read", {"en": "read the time"}),), "get_time", "To tell the time.",
    "http://localhost/connect/c1", "2026-11-21T12:00:00Z",
)  # fmt: skip
CALLED = ToolCalled("m1", "call_1", "get_time", '{"zone": "Asia/Shanghai"}')
RETURNED = ToolReturned("m2", "call_1", "get_time", "noon", ok=True, duration_ms=3)
PAUSED = [STARTED, CALLED, ConsentRequired("m3", "call_1", REQUEST), RunPaused(("c1",))]


def text(*events, asked=ASKED):
    encoder = Encoder(asked)
    return "".join(map(encoder.feed, events)) + encoder.end()


def stream(*events, asked=ASKED):
    return read(text(*events, asked=asked))


def test_an_answer_is_one_message_with_its_role_in_one_run():
    seen = stream(
        STARTED, TextStarted("m1"), TextDelta("m1", "Hel"), TextDelta("m1", "lo\u2028"), TextEnded("m1"), DONE
    )
    assert seen.kinds == [
        "RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]  # fmt: skip
    assert seen.texts == {"m1": "Hello\u2028"}
    assert seen.events[1]["role"] == "assistant"
    assert (seen.events[0]["threadId"], seen.events[0]["runId"]) == ("t1", "r1")
    assert seen.events[0]["metadata"] == {"fujie": {"runId": RUN}}
    assert seen.events[-1]["outcome"] == {"type": "success"}
    assert seen.events[-1]["usage"] == [{"inputTokens": 20, "outputTokens": 2, "totalTokens": 22}]


def test_what_was_not_counted_is_not_zero():
    assert "usage" not in stream(STARTED, RunCompleted(1)).events[-1]
    assert stream(STARTED, RunCompleted(1, {"output_tokens": 2})).events[-1]["usage"] == [{"outputTokens": 2}]


def test_reasoning_has_events_of_its_own_and_ends_before_the_answer_begins():
    seen = stream(
        STARTED, ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"),
        ReasoningEnded("r"), TextStarted("m1"), TextDelta("m1", "42"), TextEnded("m1"), DONE,
    )  # fmt: skip
    assert seen.kinds[1:7] == [
        "REASONING_START", "REASONING_MESSAGE_START", "REASONING_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END", "REASONING_END",
    ]  # fmt: skip
    assert (seen.thoughts, seen.texts) == ({"r": "let me think"}, {"m1": "42"})
    assert seen.events[2]["role"] == "reasoning"


def test_a_tool_call_and_its_result():
    badge = CredentialBadge("oauth", "time", ("time.read",), "alice", "2026-11-21T12:00:00Z")
    seen = stream(STARTED, CALLED, ToolReturned("m2", "call_1", "get_time", "noon", True, 3, badge), DONE)
    assert seen.kinds[1:-1] == ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
    assert json.loads(seen.calls["call_1"]) == {"zone": "Asia/Shanghai"}
    result = seen.events[-2]
    assert (result["content"], result["role"], result["messageId"]) == ("noon", "tool", "m2")
    assert result["metadata"]["fujie"]["credential"]["provider"] == "time"
    assert seen.events[-1]["outcome"] == {"type": "success"}


WRITING = [
    ('{"city":"Hang', '{"city": "Hangzhou"}'),
    ('{"city": "Hangzhou"', '{"city":"Hangzhou"}'),
    ('{ "a" : [1, 2', '{"a":[1,23]}'),
    ('{"city":"\\u676d', '{"city": "杭州"}'),
    ('{"city":"杭', '{"city": "\\u676d\\u5dde"}'),
    ('{"say":"a \\"b', '{"say": "a \\"b  c\\""}'),
    ("", "{}"),
    ('{"a":1}', '{ "a": 1 }'),
]


@pytest.mark.parametrize(("begun", "whole"), WRITING)
def test_arguments_stream_while_they_are_written_and_come_out_as_what_was_meant(begun, whole):
    pieces = [ToolCalling("m1", "call_1", "f", begun[:end]) for end in range(len(begun) + 1)]
    seen = stream(STARTED, *pieces, ToolCalled("m1", "call_1", "f", whole), DONE)
    assert json.loads(seen.calls["call_1"]) == json.loads(whole)
    assert seen.kinds.count("TOOL_CALL_START") == seen.kinds.count("TOOL_CALL_END") == 1
    assert seen.kinds.count("TOOL_CALL_ARGS") >= len(begun)


def test_arguments_that_were_taken_back_are_told_beside_since_nothing_sent_can_be():
    seen = stream(STARTED, ToolCalling("m1", "call_1", "f", '{"a'), ToolCalled("m1", "call_1", "f", '{"b": 1}'), DONE)
    ended = seen.events[seen.kinds.index("TOOL_CALL_END")]
    assert ended["metadata"] == {"fujie": {"arguments": '{"b": 1}'}}


def test_a_call_that_nobody_answered_is_named_as_pending():
    seen = stream(STARTED, CALLED, DONE)
    assert seen.events[-1]["outcome"] == {"type": "success", "pendingToolCallIds": ["call_1"]}


def test_state_is_whole_first_and_then_only_what_changed():
    plan = {"plan": [f"step {i} of a long plan" for i in range(9)], "at~/": {"x": 1}}
    states = [plan, plan | {"at~/": {"x": True}}, plan | {"done": None}, {**plan, "plan": plan["plan"][:7]}, 5]
    seen = stream(STARTED, *(StateChanged(json.dumps(state)) for state in [*states, 5]), DONE)
    assert seen.kinds[1:-1] == ["STATE_SNAPSHOT", "STATE_DELTA", "STATE_DELTA", "STATE_DELTA", "STATE_SNAPSHOT"]
    assert seen.events[2]["delta"] == [{"op": "replace", "path": "/at~0~1/x", "value": True}]
    assert seen.state == 5


def test_a_value_is_a_message_that_holds_it_as_text():
    seen = stream(STARTED, DataProduced("m1", '{"a": 1}'), DONE)
    assert seen.texts == {"m1": '{"a": 1}'}
    assert seen.events[1]["metadata"] == {"fujie": {"contentType": "application/json"}}


def test_a_pause_finishes_the_run_with_what_it_waits_for():
    seen = stream(*PAUSED)
    (interrupt,) = seen.events[-1]["outcome"]["interrupts"]
    assert seen.kinds == [
        "RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "CUSTOM", "RUN_FINISHED",
    ]  # fmt: skip
    assert (interrupt["id"], interrupt["toolCallId"]) == (f"{RUN}.c1", "call_1")
    assert interrupt["expiresAt"] == "2026-11-21T12:00:00Z"
    assert "http://localhost/connect/c1" in interrupt["message"]
    assert interrupt["metadata"]["fujie"]["connectUrl"] == "http://localhost/connect/c1"
    assert interrupt["metadata"]["fujie"]["scopes"] == [{"name": "time.read", "words": {"en": "read the time"}}]


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
def test_a_resumed_run_tells_only_what_came_after_its_pause(outcome):
    after = [RunResumed(1500), ConsentResolved("m4", "c1", outcome), RETURNED, TextDelta("m5", "It is noon."), DONE]
    seen = stream(*PAUSED, *after, asked=Asked("t1", "r2", after="c1"))
    assert seen.kinds == [
        "RUN_STARTED", "CUSTOM", "TOOL_CALL_RESULT", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]  # fmt: skip
    assert seen.events[1]["value"] == {"interruptId": f"{RUN}.c1", "consentId": "c1", "outcome": outcome}
    assert seen.events[-1]["outcome"] == {"type": "success"}
    assert seen.events[0]["runId"] == "r2"


def test_a_resume_that_is_still_unanswered_asks_again():
    seen = stream(*PAUSED, asked=Asked("t1", "r2", after="c1"))
    assert seen.kinds == ["RUN_STARTED", "RUN_FINISHED"]
    assert seen.events[-1]["outcome"]["interrupts"] == stream(*PAUSED).events[-1]["outcome"]["interrupts"]


def test_a_resumed_run_begins_with_the_state_that_was_left():
    state = StateChanged('{"a": 1}')
    seen = stream(STARTED, state, *PAUSED[1:], RunResumed(1), DONE, asked=Asked("t1", "r2", after="c1"))
    assert seen.kinds == ["RUN_STARTED", "STATE_SNAPSHOT", "RUN_FINISHED"]


def test_a_consent_that_was_given_meanwhile_lets_the_same_run_go_on():
    seen = stream(*PAUSED, RunResumed(1500), ConsentResolved("m4", "c1", "completed"), RETURNED, DONE)
    assert seen.kinds.count("RUN_FINISHED") == 1
    assert seen.events[-1]["outcome"] == {"type": "success"}


def test_a_second_pause_is_told_to_who_resumed_from_the_first():
    other = ConsentRequired("m7", "call_1", ConsentRequest("c2", "p", "P", (), "t", "", "http://h", "2026"))
    seen = stream(*PAUSED, RunResumed(1), other, RunPaused(("c2",)), asked=Asked("t1", "r2", after="c1"))
    assert [item["id"] for item in seen.events[-1]["outcome"]["interrupts"]] == [f"{RUN}.c2"]


def test_a_failure_is_the_last_word_and_claims_nothing_complete():
    seen = stream(STARTED, TextDelta("m1", "Hel"), RunFailed(1, "step_limit", "in a circle"), DONE)
    assert seen.kinds[-2:] == ["TEXT_MESSAGE_CONTENT", "RUN_ERROR"]
    assert seen.events[-1] == {"type": "RUN_ERROR", "message": "in a circle", "code": "step_limit"}


def test_a_canceled_run_closes_what_it_opened_and_is_no_success():
    seen = stream(STARTED, TextDelta("m1", "Hel"), ToolCalling("m2", "c", "f", "{"), RunCanceled(1))
    assert seen.kinds[-3:] == ["TEXT_MESSAGE_END", "TOOL_CALL_END", "RUN_FINISHED"]
    assert seen.events[-1]["outcome"] == {"type": "cancelled"}


def test_events_that_end_before_the_run_does_end_in_an_error():
    assert stream(STARTED, TextDelta("m1", "Hel")).events[-1]["code"] == "lost"
    assert stream().events[-1]["code"] == "lost"


def test_what_a_client_read_before_is_put_back_first():
    earlier = [{"id": "u1", "role": "user", "content": "hi"}]
    seen = stream(STARTED, TextDelta("m1", "Hello"), DONE, asked=Asked("t1", "r1", "r0", restated=earlier))
    assert seen.events[0]["parentRunId"] == "r0"
    assert seen.events[1] == {"type": "MESSAGES_SNAPSHOT", "messages": earlier}


@given(ANY_EVENTS)
def test_any_events_in_any_order_are_a_stream_that_a_consumer_accepts(events):
    seen = stream(*events)
    assert seen.kinds.count("RUN_STARTED") <= 1
    assert text(*events) == text(*events)


@given(ANY_EVENTS)
def test_any_events_after_a_pause_are_a_stream_that_a_consumer_accepts(events):
    stream(*PAUSED, *events, asked=Asked("t1", "r2", after="c1"))
    stream(*events, asked=Asked("t1", "r2", after="c2"))
