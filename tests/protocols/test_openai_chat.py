"""OpenAI's chat completions: what is asked, what is refused, and answers that the official models accept."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunCanceled,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunResumed,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from fujie.protocols.openai_chat import SPEC
from fujie.protocols.openai_chat.encode import Completion, Encoder, completion_text, models_list
from fujie.protocols.openai_chat.errors import OpenAiRequestError, error_body, should_retry
from fujie.protocols.openai_chat.request import chat_request
from tests.protocols.test_agentscope_encode import HELLO, REQUEST, STARTED, events

CALLED = ToolCalled("m1", "call_1", "get_weather", '{"city": "Hangzhou"}')
RETURNED = ToolReturned("m2", "call_1", "get_weather", "sunny", True, 12)
SAID = [TextStarted("m3"), TextDelta("m3", "It is sunny"), TextEnded("m3")]
DONE = RunCompleted(9, {"input_tokens": 3, "output_tokens": 4})
WAITS = ConsentRequired("m4", "call_2", REQUEST)


def frames(log, *, include_usage=False):
    encoder = Encoder("m", include_usage=include_usage)
    text = "".join(map(encoder.feed, log)) + encoder.end()
    *data, last, nothing = text.encode().decode().split("\n\n")
    assert (last, nothing) == ("data: [DONE]", "")
    return [json.loads(frame.removeprefix("data: ")) for frame in data]


def chunks(log, **options):
    """Every frame through the official model, told strictly; an error ends them."""
    found = frames(log, **options)
    errors = [frame for frame in found if "error" in frame]
    assert errors in ([], found[-1:])
    for error in errors:
        assert set(error["error"]) == {"message", "type", "param", "code"}
    return [ChatCompletionChunk.model_validate(frame, strict=True) for frame in found if "error" not in frame], errors


def whole(log):
    completion = Completion("m")
    for event in log:
        completion.feed(event)
    return json.loads(completion_text(completion.end()))


def said(found):
    return "".join(chunk.choices[0].delta.content or "" for chunk in found if chunk.choices)


def finishes(found):
    return [choice.finish_reason for chunk in found for choice in chunk.choices if choice.finish_reason]


# Answers


def test_text_comes_in_pieces_under_one_id_and_ends_with_stop():
    found, errors = chunks(HELLO)
    assert errors == []
    assert {(chunk.id, chunk.created, chunk.model) for chunk in found} == {("chatcmpl-0e974e24", 1795216714, "m")}
    assert [chunk.choices[0].delta.content for chunk in found] == ["", "Hel", "lo ", "世界", None]
    assert [chunk.choices[0].delta.role for chunk in found] == ["assistant", None, None, None, None]
    assert found[0].fujie == {"run_id": "0e974e24", "session_id": "s-hi"}
    assert finishes(found) == ["stop"]
    assert all("usage" not in frame for frame in frames(HELLO))


def test_the_object_is_the_sum_of_the_chunks():
    completion = ChatCompletion.model_validate(whole([STARTED, CALLED, RETURNED, *SAID, DONE]), strict=True)
    (choice,) = completion.choices
    assert (completion.id, choice.finish_reason, choice.message.content) == ("chatcmpl-0e974e24", "stop", "It is sunny")
    (call,) = choice.message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "get_weather", CALLED.arguments)
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (3, 7)
    assert completion.fujie["session_id"] == "s-hi"
    assert completion.fujie["tool_results"][0]["output"] == "sunny"


def test_a_tool_call_is_shown_and_no_client_is_asked_to_answer_it():
    found, _ = chunks([STARTED, CALLED, RETURNED, CALLED, *SAID, DONE])
    calls = [call for chunk in found for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.index for call in calls] == [0, 1]
    assert (calls[0].id, calls[0].type, calls[0].function.name) == ("call_1", "function", "get_weather")
    assert json.loads(calls[0].function.arguments) == {"city": "Hangzhou"}
    (result,) = [
        chunk.fujie["tool_result"] for chunk in found if "tool_result" in (chunk.model_extra.get("fujie") or {})
    ]
    assert (result["call_id"], result["ok"], result["credential"]) == ("call_1", True, None)
    assert finishes(found) == ["stop"]


def test_usage_comes_last_without_a_choice_and_only_when_asked_for():
    *others, last = frames([STARTED, *SAID, DONE], include_usage=True)
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert [other["usage"] for other in others] == [None] * len(others)


def test_messages_are_set_apart_in_the_one_text_there_is():
    more = [TextDelta("m9", "Bye"), TextDelta("m9", " now")]
    assert said(chunks([STARTED, *SAID, *more, DONE])[0]) == "It is sunny\n\nBye now"
    assert said(chunks([STARTED, WAITS, *SAID, DONE])[0]) == consent_words(REQUEST) + "It is sunny"


# A pause


def test_a_pause_is_the_link_as_text_and_the_request_as_data_and_a_stop():
    found, errors = chunks([STARTED, CALLED, WAITS, RunPaused(("c1",))], include_usage=True)
    assert errors == []
    assert REQUEST.connect_url in said(found)
    (asked,) = [
        extra["authorization_required"] for chunk in found if "authorization_required" in (extra := ours(chunk))
    ]
    assert (asked["consent_id"], asked["connect_url"], asked["call_id"]) == ("c1", REQUEST.connect_url, "call_2")
    assert asked["scopes"] == [{"name": "time.read", "words": {"en": "read the time", "zh": "读取时间"}}]
    assert finishes(found) == ["stop"]
    assert ours(found[-1]) == {"waiting_for": ["c1"]}


def ours(chunk):
    return chunk.model_extra.get("fujie") or {}


def test_a_paused_object_has_the_request_beside_the_words():
    completion = ChatCompletion.model_validate(whole([STARTED, CALLED, WAITS, RunPaused(("c1",))]), strict=True)
    assert REQUEST.connect_url in completion.choices[0].message.content
    assert completion.fujie["authorization_required"]["consent_id"] == "c1"
    assert completion.fujie["authorizations_required"] == [completion.fujie["authorization_required"]]
    assert completion.fujie["waiting_for"] == ["c1"]
    assert completion.usage is None


def test_an_answer_that_goes_on_after_its_pause_has_one_end():
    log = [STARTED, CALLED, WAITS, RunPaused(("c1",)), RunResumed(5), ConsentResolved("m5", "c1", "completed"), *SAID]
    found, errors = chunks([*log, DONE])
    assert (finishes(found), errors) == (["stop"], [])
    assert {"authorization_resolved": {"consent_id": "c1", "outcome": "completed"}} in map(ours, found)
    assert "authorization_required" not in whole([*log, DONE])["fujie"]


# Failures


@pytest.mark.parametrize(
    ("ending", "code"),
    [([RunFailed(9, "llm_timeout", "too slow")], "llm_timeout"), ([RunCanceled(9)], "canceled"), ([], "lost")],
)
@pytest.mark.parametrize("before", [[], [STARTED], [STARTED, *SAID]])
def test_a_failure_is_an_error_and_never_looks_like_an_end(before, ending, code):
    found, errors = chunks([*before, *ending])
    assert finishes(found) == []
    assert errors[0]["error"]["code"] == code
    assert whole([*before, *ending])["error"]["code"] == code


@given(st.lists(events, max_size=25), st.booleans())
def test_any_events_give_chunks_and_an_object_that_the_official_models_accept(log, include_usage):
    found, errors = chunks(log, include_usage=include_usage)
    assert len(finishes(found)) + len(errors) == 1
    roles = [choice.delta.role for chunk in found for choice in chunk.choices]
    assert roles == ["assistant"][: len(roles)] + [None] * (len(roles) - 1)
    result = whole(log)
    assert ("error" in result) == bool(errors)
    if not errors:
        completion = ChatCompletion.model_validate(result, strict=True)
        assert completion.choices[0].message.content == said(found)


# Requests


def body(*messages, **fields):
    return json.dumps({"model": "m", "messages": list(messages)} | fields).encode()


USER = {"role": "user", "content": "hello"}
HISTORY = [
    {"role": "developer", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "weather?", "user_id": "bob"}], "name": "x"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function"}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    USER,
]


def test_without_a_session_earlier_messages_are_context():
    request = chat_request(body(*HISTORY))
    assert [message.role for message in request.run.input] == ["system", "user", "assistant", "assistant", "user"]
    assert [part.text for message in request.run.input for part in message.content] == [
        "be brief",
        "weather?",
        "no",
        "hello",
    ]
    assert request.run.session_id is None


def test_with_a_session_the_last_message_alone_starts_the_run():
    request = chat_request(body(*HISTORY), "s1")
    assert [message.role for message in request.run.input] == ["user"]
    assert (request.run.question(), request.run.session_id) == ("hello", "s1")


def test_unknown_keys_are_dropped_and_no_user_is_believed():
    part = {"type": "text", "text": "hi", "user_id": "bob", "cache_control": {}}
    request = chat_request(body({"role": "user", "content": [part], "user_id": "bob"}, user="bob", user_id="bob", x=1))
    assert "bob" not in request.run.as_json()
    assert request.run.user_id is None


@pytest.mark.parametrize(
    ("part", "ours"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}, ("image", "https://x/y.png")),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, ("audio", "AA==")),
        ({"type": "file", "file": {"file_id": "f1"}}, ("file", "f1")),
    ],
)
def test_other_parts_become_ours(part, ours):
    (found,) = chat_request(body({"role": "user", "content": [part]})).run.input[0].content
    kind, value = ours
    assert found.type == kind
    assert value in msgspec.to_builtins(found).values()


def test_how_the_answer_is_to_look():
    request = chat_request(body(USER, stream=True, stream_options={"include_usage": True}))
    assert (request.model, request.stream, request.include_usage) == ("m", True, True)
    assert (request.run.stream, chat_request(body(USER)).stream) == (True, False)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"messages": NaN}', None),
        (b"[" * 100_000, None),
        (b"{}", "messages"),
        (body(), "messages"),
        (body(*[USER] * 257), "messages"),
        (body({"role": "nobody", "content": "x"}), "messages[0].role"),
        (body({"role": "user", "content": 5}), "messages[0].content"),
        (body({"role": "user", "content": [{"type": "smell"}]}), "messages[0].content[0].type"),
        (body({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0].text"),
        (body({"role": "user", "content": "\ud800"}), None),
        (body(USER, n=2), "n"),
        (body(USER, stream="maybe"), "stream"),
        (body(USER, tool_choice="required"), "tool_choice"),
        (body(USER, {"role": "assistant", "content": "so"}), "messages[1].role"),
        (body(USER, {"role": "tool", "content": "4", "tool_call_id": "c"}), "messages[1].role"),
    ],
)
def test_what_is_wrong_is_said_in_openais_form(sent, param):
    with pytest.raises(OpenAiRequestError) as caught:
        chat_request(sent)
    error = error_body(caught.value)["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, "invalid_request")
    assert error["message"]


@pytest.mark.parametrize("session_id", ["", "a b", "é", "x" * 129, "\ud800"])
def test_a_session_id_is_printable_and_short(session_id):
    with pytest.raises(OpenAiRequestError) as caught:
        chat_request(body(USER), session_id)
    assert caught.value.param == "sessionId"


keys = st.sampled_from(["messages", "role", "content", "type", "text", "user", "image_url", "url", "stream", "n"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()), st.none() | st.text(max_size=5))
def test_any_bytes_are_a_request_or_an_error(sent, session_id):
    try:
        assert chat_request(sent, session_id).run.input
    except OpenAiRequestError as error:
        json.dumps(error_body(error))


def test_a_client_repeats_by_itself_only_what_cannot_have_begun():
    retried = {status: should_retry(status) for status in (400, 401, 409, 429, 500, 503)}
    assert retried == {400: "false", 401: "false", 409: "false", 429: "true", 500: "false", 503: "true"}


def test_the_agent_is_the_one_model_and_the_version_is_named():
    assert [model["id"] for model in models_list("Fujie")["data"]] == ["Fujie"]
    assert "3.52" in SPEC
