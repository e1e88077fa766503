"""The bytes of the stream, against traces of agentscope-runtime 1.1.6 with agentscope 1.0.21 (ids and times ours)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fujie.permission import ConsentRequest, CredentialBadge, Scope
from fujie.protocols.agentscope.encode import Encoder, encode
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RunCanceled,
    RunCompleted,
    RunEvent,
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
    event_from_json,
    event_to_json,
)

STARTED = RunStarted("0e974e24", "s-hi", 1795216714)
HELLO = [
    STARTED,
    TextStarted("msg_b5"),
    TextDelta("msg_b5", "Hel"),
    TextDelta("msg_b5", "lo "),
    TextDelta("msg_b5", "世界"),
    TextEnded("msg_b5"),
    RunCompleted(1795216714),
]

REQUEST = ConsentRequest(
    "c1",
    "time",
    "Time",
    (Scope("time.read", {"en": "read the time", "zh": "读取时间"}),),
    "get_current_time",
    "to tell the time",
    "http://localhost:8090/connect/c1",
    "2026-01-01T00:00:00Z",
)


def bodies(text: str) -> list[dict]:
    frames = text.split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") for frame in frames)
    return [json.loads(frame[6:]) for frame in frames]


def test_what_a_tool_gave_says_how_it_went():
    badge = CredentialBadge("api_key", "weather", user="")
    result = ToolReturned("msg_3e", "call_1", "get_weather", "Hangzhou: sunny, 25C", True, 12, badge)
    message = bodies(encode([STARTED, result]))[-1]
    assert message["metadata"] == {
        "ok": True,
        "duration_ms": 12,
        "credential": {"kind": "api_key", "provider": "weather", "scopes": [], "user": "", "expires_at": ""},
        "error_code": "",
    }


def test_a_call_that_is_being_written_replaces_its_arguments_until_it_is_whole():
    head = ("msg_72", "call_1", "get_weather")
    whole = '{"city": "Hangzhou"}'
    log = [STARTED, *(ToolCalling(*head, arguments) for arguments in ("", "{}", whole)), ToolCalled(*head, whole)]
    announced, *contents, message = bodies(encode(log))[2:]
    assert (announced["type"], announced["status"]) == ("plugin_call", "in_progress")
    assert [content["data"]["arguments"] for content in contents] == ["", "{}", whole, whole]
    assert [content["status"] for content in contents] == ["in_progress"] * 3 + ["completed"]
    assert message["status"] == "completed"
    cut = bodies(encode([*log[:3], RunFailed(9, "llm", "gone")]))[-2]
    assert (cut["type"], cut["status"], cut["content"][0]["data"]["arguments"]) == ("plugin_call", "incomplete", "{}")


def test_reasoning_is_a_message_of_its_own_beside_the_answer():
    thought = [ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"), ReasoningEnded("r")]
    *_, response = bodies(encode([STARTED, *thought, *HELLO[1:]]))
    kinds = [(message["type"], message["content"][0]["text"]) for message in response["output"]]
    assert kinds == [("reasoning", "let me think"), ("message", "Hello 世界")]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": [1]}', {"a": [1]}),
        ("[1]", {"value": [1]}),
        ("no json", {"value": "no json"}),
        ("1e999", {"value": "1e999"}),
        ("[" * 64 + "]" * 64, {"value": json.loads("[" * 64 + "]" * 64)}),
        ("[" * 65 + "]" * 65, {"value": "[" * 65 + "]" * 65}),
        ("[" * 100_000, {"value": "[" * 100_000}),
    ],
)
def test_a_value_is_a_message_with_one_data_part(text, data):
    announced, part, done, message = bodies(encode([STARTED, DataProduced("d", text), StateChanged("{}")]))[2:]
    assert (announced["type"], part["data"], done["data"]) == ("message", data, data)
    assert [content["data"] for content in message["content"]] == [data]


def test_a_failure_closes_the_open_message_and_keeps_its_text():
    *_, part, message, response = bodies(encode([*HELLO[:4], RunFailed(9, "llm_timeout", "too slow")]))
    assert (part["status"], part["text"]) == ("incomplete", "Hello ")
    assert message["status"] == "incomplete"
    assert response["status"] == "failed"
    assert response["error"] == {"code": "llm_timeout", "message": "too slow"}
    assert response["completed_at"] is None
    assert response["output"] == [message]


def test_a_pause_is_an_incomplete_response_and_a_resume_goes_on_counting():
    log = [STARTED, ConsentRequired("msg_c", "call_1", REQUEST), RunPaused(("c1",))]
    paused = bodies(encode(log))
    assert paused[-1]["status"] == "incomplete"
    words, data = paused[-2]["content"]
    assert REQUEST.connect_url in words["text"]
    assert "read the time" in words["text"]
    assert "读取时间" in words["text"]
    assert data["data"]["type"] == "authorization_required"
    assert data["data"]["scopes"] == [{"name": "time.read", "words": {"en": "read the time", "zh": "读取时间"}}]
    assert data["data"]["call_id"] == "call_1"
    resumed = [*log, RunResumed(5), ConsentResolved("msg_d", "c1", "denied"), RunCompleted(6, {"input_tokens": 3})]
    rest = bodies(encode(resumed))[len(paused) :]
    assert (rest[0]["status"], rest[0]["id"]) == ("in_progress", paused[0]["id"])
    assert rest[0]["sequence_number"] == paused[-1]["sequence_number"] + 1
    assert rest[-2]["content"][0]["data"] == {
        "type": "authorization_resolved",
        "consent_id": "c1",
        "outcome": "denied",
    }
    assert rest[-1]["usage"] == {"input_tokens": 3}


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ([], "failed"),
        ([RunPaused(("c1",)), RunResumed(5)], "failed"),
        ([RunCanceled(3)], None),
        ([RunPaused(())], None),
    ],
)
def test_an_answer_that_is_cut_off_is_a_failed_response_and_one_that_rests_is_left_alone(rest, status):
    encoder = Encoder()
    for event in [*HELLO[:4], *rest]:
        encoder.feed(event)
    last = [(body["object"], body["status"], body.get("error")) for body in bodies(encoder.end())][-1:]
    error = {"code": "lost", "message": "the answer was cut off"}
    assert last == ([("response", status, error)] if status else [])


def test_a_canceled_run_ends_with_a_canceled_response():
    assert bodies(encode([STARTED, RunCanceled(3)]))[-1]["status"] == "canceled"


@pytest.mark.parametrize(
    ("text", "seen"),
    [("\ud83d\ude00", "😀"), ("a\ud800b", "a\ufffdb"), ('"\\\n\x00', '"\\\n\x00'), ("\u2028", "\u2028")],
)
def test_any_text_becomes_utf_8(text, seen):
    encoded = encode([STARTED, TextDelta("m", text), TextEnded("m")])
    assert bodies(encoded.encode().decode())[-1]["content"][0]["text"] == seen


ids = st.text(max_size=6)
badges = st.none() | st.builds(CredentialBadge, st.sampled_from(["api_key", "oauth", "sts"]), ids)


def test_a_reader_of_text_alone_finds_the_link_on_its_own_line_and_the_answer_after_a_break():
    frames = bodies(encode([STARTED, ConsentRequired("msg_c", "call", REQUEST), *HELLO[1:]]))
    text = "".join(frame["text"] for frame in frames if frame["object"] == "content" and frame.get("delta") is True)
    assert text.split("\n") == [
        "Permission needed: Time (read the time).",
        "Review and allow: http://localhost:8090/connect/c1",
        "",
        "需要授权：Time（读取时间）。",
        "请查看并允许：http://localhost:8090/connect/c1",
        "",
        "Hello 世界",
    ]


requests = st.builds(lambda text: replace(REQUEST, reason=text, provider_name=text), ids)
outcomes = st.sampled_from(["completed", "denied", "expired", "cancelled"])
events: st.SearchStrategy[RunEvent] = st.one_of(
    st.builds(RunStarted, ids, ids, st.integers(0, 2**40)),
    st.builds(TextStarted, ids),
    st.builds(TextDelta, ids, st.text(st.characters(codec=None, exclude_categories=()))),
    st.builds(TextEnded, ids),
    st.builds(ReasoningStarted, ids),
    st.builds(ReasoningDelta, ids, ids),
    st.builds(ReasoningEnded, ids),
    st.builds(ToolCalling, ids, ids, ids, ids),
    st.builds(DataProduced, ids, ids | st.sampled_from(['{"a": 1}', "[1]", "NaN", "null"])),
    st.builds(StateChanged, ids),
    st.builds(ToolCalled, ids, ids, ids, ids),
    st.builds(ToolReturned, ids, ids, ids, ids, st.booleans(), st.integers(0, 9), badges, ids),
    st.builds(ConsentRequired, ids, ids, requests),
    st.builds(ConsentResolved, ids, ids, outcomes),
    st.builds(RunPaused, st.tuples(ids)),
    st.builds(RunResumed, st.integers(0, 9)),
    st.builds(RunCompleted, st.integers(0, 9), st.dictionaries(ids, st.integers(0, 9), max_size=2)),
    st.builds(RunFailed, st.integers(0, 9), ids, ids),
    st.builds(RunCanceled, st.integers(0, 9)),
)


@given(st.lists(events, max_size=25), st.integers(-1, 40))
def test_any_sequence_of_events_gives_valid_numbered_frames_and_replays_to_the_same_bytes(log, after):
    whole = encode(log)
    whole.encode()
    frames = bodies(whole)
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    assert {frame["object"] for frame in frames} <= {"response", "message", "content"}
    stored = [event_to_json(event).encode("utf-8", "surrogatepass") for event in log]
    replayed = [event_from_json(text.decode("utf-8", "surrogatepass")) for text in stored]
    assert encode(replayed) == whole
    assert bodies(encode(log, after)) == frames[after + 1 :]


whole_texts = st.builds(
    lambda start, ids, text, done: [start, TextStarted(ids[0]), TextDelta(ids[1], text), TextEnded(ids[2]), done],
    st.builds(RunStarted, ids, ids, st.integers(0, 2**40)),
    st.tuples(*[st.sampled_from(["m", '"'])] * 3),
    st.text(st.characters(codec=None, exclude_categories=())),
    st.builds(RunCompleted, st.integers(0, 9), st.dictionaries(ids, st.integers(0, 9), max_size=2)),
)


@given(whole_texts | st.lists(events, max_size=8), st.integers(-1, 8))
def test_events_together_give_the_frames_of_each_one_after_the_other(log, after):
    together, single = Encoder(after), Encoder(after)
    assert together.feed_all(log) == "".join(map(single.feed, log))
    assert together.feed(RunResumed(1)) + together.end() == single.feed(RunResumed(1)) + single.end()
