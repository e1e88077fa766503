"""PPIO's and AgentCore's protocol as values: what is asked, what is answered, whatever comes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.permission import ConsentRequest, Scope
from fujie.protocols import events as ev
from fujie.protocols.invocations.encode import Encoder
from fujie.protocols.invocations.errors import InvocationError, NotJsonError, error_body
from fujie.protocols.invocations.request import REQUEST_HEADER, SESSION_HEADER, forwarded, invocation
from fujie.protocols.invocations.whole import Whole
from tests.protocols.any_events import ANY_EVENTS, JSON

STARTED = ev.RunStarted("r1", "s1", 0)
TEXT = [ev.TextStarted("m"), ev.TextDelta("m", "Hel"), ev.TextDelta("m", "lo 世界"), ev.TextEnded("m")]
ASKED = ConsentRequest(
    "c1", "time", "Time", (Scope("time.read", {"en": "Read"}),), "get_time", "to know", "https://h/connect/c1", "later"
)
PAUSED = [STARTED, ev.ConsentRequired("m", "call_1", ASKED), ev.RunPaused(("c1",))]


def call(payload, *, takes_payload=False, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return invocation(json.dumps(payload).encode(), names, takes_payload=takes_payload)


@pytest.mark.parametrize(
    "payload",
    [
        "hi",
        {"prompt": "hi"},
        {"input": "hi"},
        {"input": {"prompt": "hi"}},
        {"query": "hi", "session_id": "s"},
        {"message": {"role": "user", "content": "hi"}},
        {"prompt": "", "messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"input": [{"role": "user", "type": "message", "content": [{"type": "text", "text": "hi"}]}]},
        {"input": [{"type": "input_text", "text": "hi"}]},
        [{"role": "human", "content": "hi"}],
        {"prompt": [{"text": "hi"}]},
    ],
)
def test_a_question_is_found_wherever_callers_put_it(payload):
    assert call(payload).request.question() == "hi"


def test_what_both_sides_said_is_kept_in_order():
    said = [
        {"role": "system", "content": "be brief"},
        {"role": "ai", "content": "yes?"},
        {"role": "user", "content": "hi"},
    ]
    assert [message.role for message in call({"messages": said}).request.input] == ["system", "assistant", "user"]


def test_an_image_of_openai_is_an_image():
    part = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    (message,) = call({"messages": [{"role": "user", "content": [part]}]}).request.input
    assert (message.content[0].type, message.content[0].image_url) == ("image", "https://a.example/b.png")


@pytest.mark.parametrize("payload", [{}, [], "", None, 5, {"prompt": ""}, {"prompt": 5}, {"messages": []}])
def test_an_agent_needs_a_question(payload):
    with pytest.raises(InvocationError, match="no question"):
        call(payload)


@pytest.mark.parametrize(
    "payload", [{}, [1], "", None, 5, {"prompt": 5}, {"messages": [{"role": "x", "content": [{"type": "x"}]}]}]
)
def test_an_entrypoint_is_given_any_payload(payload):
    assert call(payload, takes_payload=True).request.extra["payload"] == payload


def test_the_session_is_that_of_the_header_before_that_of_the_payload():
    payload = {"prompt": "hi", "session_id": "p"}
    assert call(payload).request.session_id == "p"
    assert (
        invocation(json.dumps(payload).encode(), {SESSION_HEADER: "h"}, takes_payload=False).request.session_id == "h"
    )


def test_an_id_that_no_session_can_have_is_refused():
    with pytest.raises(InvocationError, match="session_id"):
        call({"prompt": "hi", "session_id": "a b"})


@pytest.mark.parametrize(
    ("payload", "accept", "wants"),
    [
        ({}, "*/*", ""),
        ({}, "application/json", "whole"),
        ({}, "text/event-stream", "stream"),
        ({}, "text/event-stream, application/json", ""),
        ({"stream": False}, "text/event-stream", "whole"),
        ({"stream": True}, "*/*", "stream"),
    ],
)
def test_the_caller_may_say_how_to_be_answered(payload, accept, wants):
    assert call({"prompt": "hi"} | payload, accept=accept).wants == wants


def test_an_entrypoints_stream_is_its_own_affair():
    assert call({"stream": False}, takes_payload=True).wants == ""


@pytest.mark.parametrize("header", [SESSION_HEADER, REQUEST_HEADER])
def test_agentcore_is_known_by_its_headers(header):
    assert invocation(b'"hi"', {header: "x"}, takes_payload=False).is_agentcore
    assert not call("hi").is_agentcore


def test_a_run_can_be_asked_for_again_from_where_one_was():
    again = call({"run_id": "r1", "after": 3})
    assert (again.watched_run_id, again.after) == ("r1", 3)
    assert call({"run_id": "r1", "prompt": "hi"}).watched_run_id == ""
    assert call({"run_id": "r1"}, takes_payload=True).watched_run_id == ""


@pytest.mark.parametrize("after", [-1, "2", True, None])
def test_a_place_that_is_no_count_is_refused(after):
    with pytest.raises(InvocationError, match="count"):
        call({"run_id": "r1", "after": after})


@pytest.mark.parametrize(
    ("body", "error", "details"),
    [
        (b'{"prompt": ', "Invalid JSON", "Expecting value"),
        (b"\xff", "Invalid encoding", "utf-8"),
        (b"NaN", "Invalid JSON", "NaN"),
        (b"[" * 100_000, "Invalid JSON", "recursion"),
    ],
)
def test_a_body_that_is_not_json_is_said_as_both_servers_say_it(body, error, details):
    with pytest.raises(NotJsonError) as refusal:
        invocation(body, {}, takes_payload=True)
    told = json.loads(error_body(refusal.value))
    assert told["error"] == error
    assert details in told["details"]
    assert refusal.value.status == 400


def test_no_credential_is_among_the_headers_that_an_agent_sees():
    custom = "x-amzn-bedrock-agentcore-runtime-custom-"
    hidden = {
        "authorization", "cookie", "x-api-key", "workloadaccesstoken", "x-amz-bedrock-agentcore-identity-wat",
        "x-fc-security-token", "x-forwarded-for", "host", "sec-websocket-key", "x-amz-date", f"{custom}api-key",
        "proxy-authorization", "x-csrf-token",
    }  # fmt: skip
    seen = {SESSION_HEADER, REQUEST_HEADER, f"{custom}tenant", "baggage", "traceparent", "x-tenant"}
    assert set(forwarded(dict.fromkeys(hidden | seen, "v"))) == seen


@given(body=st.one_of(st.binary(max_size=40), JSON.map(lambda value: json.dumps(value).encode())), takes=st.booleans())
def test_any_body_is_a_call_or_an_error(body, takes):
    with suppress(InvocationError):
        invocation(body, {}, takes_payload=takes)


KEYED = st.dictionaries(st.sampled_from(["prompt", "input", "messages", "role", "content", "run_id", "after"]), JSON)


@given(payload=st.recursive(KEYED, lambda inner: st.lists(inner, max_size=2) | KEYED))
def test_any_payload_that_looks_like_a_question_is_a_call_or_an_error(payload):
    with suppress(InvocationError):
        call(payload)


def lines(text):
    assert text.endswith("\n\n") or not text
    frames = text.split("\n\n")[:-1]
    assert all(frame.startswith("data: ") and "\n" not in frame and "\r" not in frame for frame in frames)
    return [frame[6:] for frame in frames]


def stream(events, **options):
    encoder = Encoder(**({"ends_with_done": False} | options))
    return lines("".join(encoder.feed(event) for event in events) + encoder.end())


def test_text_is_a_string_an_item_and_a_value_is_itself():
    events = [STARTED, *TEXT, ev.DataProduced("m", '{"a": [1, "世界"]}'), ev.RunCompleted(0)]
    assert [json.loads(line) for line in stream(events)] == ["Hel", "lo 世界", {"a": [1, "世界"]}]


def test_ppios_readers_hear_that_it_is_done():
    assert stream([*TEXT], ends_with_done=True)[-1] == "[DONE]"


def test_a_failure_is_told_in_the_words_of_both():
    (told,) = map(json.loads, stream([ev.RunFailed(0, "boom", "died midway")]))
    assert told == {"error": "died midway", "error_type": "boom", "message": "An error occurred during streaming"}


def test_a_call_its_result_and_a_pause_are_seen():
    events = [ev.ToolCalled("m", "c", "look", '{"q": 1}'), ev.ToolReturned("m", "c", "look", "found", True, 5), *PAUSED]
    told = [json.loads(line) for line in stream(events)]
    assert [item["type"] for item in told] == ["tool_call", "tool_result", "authorization_required", "run_paused"]
    assert told[0]["arguments"] == {"q": 1}
    assert (told[1]["output"], told[1]["ok"]) == ("found", True)
    assert told[2]["connect_url"] == "https://h/connect/c1"
    assert told[3] == {"type": "run_paused", "run_id": "r1", "session_id": "s1", "waiting_for": ["c1"]}


@given(events=ANY_EVENTS, after=st.integers(0, 5))
def test_any_events_are_lines_of_json_and_who_comes_back_reads_the_rest(events, after):
    told = stream(events)
    for line in told:
        json.loads(line)
    assert stream(events, after=after) == told[after:]


def whole(events):
    folded = Whole()
    for event in events:
        folded.feed(event)
    return folded


@pytest.mark.parametrize(
    ("events", "value"),
    [
        ([STARTED, ev.DataProduced("m", '{"echo": "hi"}')], {"echo": "hi"}),
        ([STARTED, *TEXT], "Hello 世界"),
        ([STARTED], None),
        ([STARTED, ev.DataProduced("m", "1"), ev.DataProduced("m", "2")], [1, 2]),
    ],
)
def test_an_entrypoints_answer_is_what_it_gave(events, value):
    assert json.loads(whole([*events, ev.RunCompleted(0)]).of_entrypoint()) == value


def test_an_agents_answer_says_how_the_run_went():
    called = ev.ToolReturned("m", "c", "look", "found", True, 5)
    answer = json.loads(whole([STARTED, called, *TEXT, ev.RunCompleted(0, {"input_tokens": 3})]).of_agent())
    assert answer == {
        "result": "Hello 世界",
        "status": "success",
        "run_id": "r1",
        "session_id": "s1",
        "tool_results": [
            {
                "type": "tool_result", "call_id": "c", "name": "look", "output": "found", "ok": True,
                "duration_ms": 5, "credential": None, "error_code": "",
            }
        ],
        "usage": {"input_tokens": 3},
    }  # fmt: skip


def test_a_run_that_waits_says_for_what_and_how_to_come_back():
    folded = whole(PAUSED)
    answer = json.loads(folded.of_agent())
    assert (folded.status, answer["status"], answer["run_id"]) == (200, "authorization_required", "r1")
    assert answer["authorization"][0]["connect_url"] == "https://h/connect/c1"


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
def test_a_run_that_went_on_no_longer_asks(outcome):
    resolved = [ev.RunResumed(1), ev.ConsentResolved("m2", "c1", outcome), *TEXT, ev.RunCompleted(2)]
    answer = json.loads(whole([*PAUSED, *resolved]).of_agent())
    assert (answer["status"], answer["result"]) == ("success", "Hello 世界")
    assert "authorization" not in answer


@pytest.mark.parametrize("ending", [ev.RunFailed(0, "boom", "kaboom"), ev.RunCanceled(0)])
def test_a_run_that_failed_is_the_servers_error(ending):
    folded = whole([STARTED, *TEXT, ending])
    assert folded.status == 500
    assert json.loads(folded.of_entrypoint())["error"] == json.loads(folded.of_agent())["error"]


@given(events=ANY_EVENTS)
def test_any_events_are_one_json_answer(events):
    folded = whole(events)
    json.loads(folded.of_agent())
    json.loads(folded.of_entrypoint())
