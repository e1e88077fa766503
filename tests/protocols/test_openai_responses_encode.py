"""The Responses API's events and object, held to the official models and to the official client's own bookkeeping."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._types import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from fujie.permission import CredentialBadge
from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.agentscope.words import compact
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
from fujie.protocols.openai_responses import SPEC
from fujie.protocols.openai_responses.encode import Encoder
from fujie.protocols.openai_responses.response import Asked, Head, run_id_of
from tests.protocols.test_agentscope_encode import REQUEST, events

HEAD = Head("0e974e24", "s-hi", 1795216714, Asked(model="m"))
STARTED = RunStarted("0e974e24", "s-hi", 1795216714)
SAID = [TextStarted("m3"), TextDelta("m3", "It is "), TextDelta("m3", "晴"), TextEnded("m3")]
CALLED = ToolCalled("m1", "call_1", "get_weather", '{"city": "Hangzhou"}')
BADGE = CredentialBadge("api_key", "weather")
RETURNED = ToolReturned("m2", "call_1", "get_weather", "sunny", True, 12, BADGE)
WAITS = ConsentRequired("m4", "call_1", REQUEST)
DONE = RunCompleted(1795216720, {"input_tokens": 3, "output_tokens": 4})

_event = TypeAdapter(ResponseStreamEvent)


def frames(log, after=-1):
    encoder = Encoder(HEAD, after)
    text = "".join(map(encoder.feed, log)) + encoder.end()
    return parsed(text)


def parsed(text):
    *found, nothing = text.encode().decode().split("\n\n")
    assert nothing == ""
    pairs = [frame.split("\n") for frame in found]
    data = [json.loads(line.removeprefix("data: ")) for _, line in pairs]
    assert [name for name, _ in pairs] == [f"event: {event['type']}" for event in data]
    return data


def accepted(log):
    """Return the events as the official models hold them, strictly, and as the official client adds them up."""
    data = frames(log)
    found = [_event.validate_python(event, strict=True) for event in data]
    assert [event.type for event in found] == [event["type"] for event in data]
    assert [event.sequence_number for event in found] == list(range(len(found)))
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in found:
        state.handle_event(event)
    return found


def kinds(found):
    return [event.type.removeprefix("response.") for event in found]


def whole(log):
    encoder = Encoder(HEAD)
    for event in log:
        encoder.feed(event)
    encoder.end()
    return Response.model_validate(json.loads(compact(encoder.response())), strict=True)


# Answers


def test_text_comes_in_the_official_order_and_the_object_is_where_it_leads():
    found = accepted([STARTED, *SAID, DONE])
    assert kinds(found) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert found[2].item.content == []
    assert [event.delta for event in found[4:6]] == ["It is ", "晴"]
    response = found[-1].response
    assert (response.id, response.status, response.model) == ("resp_0e974e24", "completed", "m")
    assert (response.created_at, response.completed_at) == (1795216714, 1795216720)
    assert (response.output_text, response.usage.total_tokens) == ("It is 晴", 7)
    assert response == whole([STARTED, *SAID, DONE])


def test_the_object_has_the_keys_and_nulls_of_openais():
    encoder = Encoder(Head("r", "s", 1, Asked("m", "Be brief.", {"k": "v"}, "resp_0", background=True, top_p=0.5)))
    response = encoder.response()
    assert (response["status"], response["output"], response["error"]) == ("queued", [], None)
    assert (response["instructions"], response["metadata"]) == ("Be brief.", {"k": "v"})
    assert (response["previous_response_id"], response["background"], response["top_p"]) == ("resp_0", True, 0.5)
    assert (response["conversation"], response["tools"], response["tool_choice"]) == ({"id": "s"}, [], "auto")
    assert response["fujie"] == {"run_id": "r", "session_id": "s"}
    Response.model_validate(response, strict=True)


def test_reasoning_is_an_item_of_its_own_under_its_own_index():
    thought = [ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"), ReasoningEnded("r")]
    found = accepted([STARTED, *thought, *SAID, DONE])
    assert [event.delta for event in found if event.type == "response.reasoning_text.delta"] == ["let me", " think"]
    done = [event for event in found if event.type == "response.output_item.done"]
    assert [(event.output_index, event.item.type) for event in done] == [(0, "reasoning"), (1, "message")]
    reasoning, message = found[-1].response.output
    assert (reasoning.content[0].text, reasoning.summary) == ("let me think", [])
    assert message.content[0].text == found[-1].response.output_text


def test_a_tool_call_and_what_it_gave_are_items():
    found = accepted([STARTED, CALLED, RETURNED, *SAID, DONE])
    assert kinds(found)[2:8] == [
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "output_item.added", "output_item.done",
    ]  # fmt: skip
    call, output, message = found[-1].response.output
    assert (call.type, call.call_id, call.name, call.arguments) == (
        "function_call",
        "call_1",
        "get_weather",
        CALLED.arguments,
    )
    assert (output.type, output.call_id, output.output) == ("function_call_output", "call_1", "sunny")
    assert output.fujie == {
        "ok": True,
        "duration_ms": 12,
        "error_code": "",
        "credential": {"kind": "api_key", "provider": "weather", "scopes": [], "user": "", "expires_at": ""},
    }
    assert message.status == "completed"


def test_a_call_in_the_writing_is_announced_and_its_arguments_are_sent_once_they_stand():
    head = ("m1", "call_1", "get_weather")
    writing = [ToolCalling(*head, arguments) for arguments in ("", "{}", '{"city": "Hang')]
    found = accepted([STARTED, *writing, CALLED, DONE])
    assert kinds(found)[2:6] == [
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
    ]  # fmt: skip
    assert (found[2].item.status, found[2].item.arguments, found[3].delta) == ("in_progress", "", CALLED.arguments)
    cut = accepted([STARTED, *writing, RunFailed(9, "llm", "gone")])[-1].response.output[0]
    assert (cut.status, cut.arguments) == ("incomplete", '{"city": "Hang')


def test_an_id_that_comes_again_names_another_item():
    again = [CALLED, RETURNED, *SAID]
    output = accepted([STARTED, *again, *again, DONE])[-1].response.output
    assert [item.id for item in output] == ["m1", "m2", "m3", "m1_2", "m2_2", "m3_2"]
    assert [item.call_id for item in output if item.type != "message"] == ["call_1", "call_1", "call_1_2", "call_1_2"]


def test_a_value_is_a_message_of_its_json_and_state_has_no_word():
    found = accepted([STARTED, DataProduced("d", '{"a": [1]}'), StateChanged("{}"), DONE])
    assert found[-1].response.output_text == '{"a": [1]}'
    assert len(found[-1].response.output) == 1


# A pause


def test_a_pause_is_an_incomplete_response_with_the_link_as_text_and_the_request_as_data():
    found = accepted([STARTED, CALLED, WAITS, RunPaused(("c1",))])
    assert kinds(found)[-1] == "incomplete"
    response = found[-1].response
    assert (response.status, response.incomplete_details) == ("incomplete", None)
    assert response.output_text == consent_words(REQUEST)
    asked = response.output[-1].fujie["authorization_required"]
    assert (asked["consent_id"], asked["connect_url"], asked["call_id"]) == ("c1", REQUEST.connect_url, "call_1")
    assert asked["scopes"] == [{"name": "time.read", "words": {"en": "read the time", "zh": "读取时间"}}]
    assert (response.fujie["waiting_for"], response.fujie["authorizations_required"]) == (["c1"], [asked])


def test_an_answer_that_goes_on_after_its_pause_has_one_end():
    log = [STARTED, CALLED, WAITS, RunPaused(("c1",)), RunResumed(5), ConsentResolved("m5", "c1", "denied"), *SAID]
    found = accepted([*log, DONE])
    assert [kind for kind in kinds(found) if kind in {"incomplete", "completed"}] == ["completed"]
    ours = found[-1].response.fujie
    assert "authorization_required" not in ours
    assert ours["authorizations_resolved"] == [{"consent_id": "c1", "outcome": "denied"}]


@pytest.mark.parametrize(
    "rest", [[RunResumed(5), *SAID, DONE], [ConsentResolved("m5", "c1", "cancelled"), RunCanceled(5)]]
)
def test_who_saw_the_pause_goes_on_after_its_number_and_misses_nothing(rest):
    log = [STARTED, CALLED, WAITS, RunPaused(("c1",))]
    seen = frames(log)
    later = frames([*log, *rest])
    assert later[len(seen) - 1]["type"] == "response.in_progress"
    assert frames([*log, *rest], after=seen[-1]["sequence_number"]) == later[len(seen) :]
    assert later[: len(seen) - 1] == seen[:-1]


# Ends


@pytest.mark.parametrize("before", [[], [STARTED], [STARTED, *SAID[:2]]])
def test_a_failure_closes_what_is_open_and_is_a_failed_response(before):
    found = accepted([*before, RunFailed(9, "llm_timeout", "too slow")])
    response = found[-1].response
    assert (kinds(found)[-1], response.status) == ("failed", "failed")
    assert (response.error.code, response.error.message) == ("server_error", "too slow")
    assert response.fujie["error_code"] == "llm_timeout"
    assert {item.status for item in response.output} <= {"incomplete"}


def test_a_canceled_run_is_an_incomplete_stream_whose_response_is_cancelled():
    found = accepted([STARTED, *SAID[:2], RunCanceled(9)])
    assert (kinds(found)[-1], found[-1].response.status) == ("incomplete", "cancelled")


@pytest.mark.parametrize("before", [[], [STARTED], [STARTED, *SAID]])
def test_an_answer_that_is_cut_off_never_looks_whole(before):
    found = accepted(before)
    assert (found[-1].response.status, found[-1].response.fujie["error_code"]) == ("failed", "lost")


@given(st.lists(events, max_size=25), st.integers(-1, 40))
def test_any_events_are_accepted_by_the_official_models_and_replay_to_the_same_bytes(log, after):
    found = accepted(log)
    lasts = [event for event in found if event.type in {"response.completed", "response.failed", "response.incomplete"}]
    assert lasts == found[-1:]
    ids = [item.id for item in lasts[0].response.output]
    assert len(set(ids)) == len(ids)
    assert lasts[0].response == whole(log)
    assert frames(log, after) == frames(log)[after + 1 :]


@pytest.mark.parametrize(
    ("id_", "run"),
    [("resp_a-1", "a-1"), ("resp_", None), ("a-1", None), ("resp_a b", None), ("resp_" + "a" * 65, None)],
)
def test_a_response_id_names_a_run(id_, run):
    assert run_id_of(id_) == run


def test_the_version_is_named():
    assert "3.52" in SPEC
