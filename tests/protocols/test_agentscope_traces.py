"""Golden traces of agentscope-runtime 1.1.6 with agentscope 1.0.21 (ids and times ours), byte for byte.

Two things are told otherwise on purpose: the metadata of a tool's output says how it went, and a failure closes the
message that is open, whose text is then in the output.
"""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from fujie.protocols.agentscope.encode import Encoder, encode
from fujie.protocols.agentscope.last import LastResponse
from fujie.protocols.agentscope.request import RequestInvalidError, request_from_body
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import (
    RunCompleted,
    RunFailed,
    RunStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
)

TRACES = Path(__file__).parent / "traces"
STARTED = RunStarted("0e974e24", "s-hi", 1795216714)
TEXT = [TextStarted("msg_b5"), *(TextDelta("msg_b5", text) for text in ("Hel", "lo ", "世界")), TextEnded("msg_b5")]
CALL = ("msg_72", "call_1", "get_weather")
ARGUMENTS = '{"city": "Hangzhou"}'
CALLED = [*(ToolCalling(*CALL, text) for text in ("", "{}", ARGUMENTS)), ToolCalled(*CALL, ARGUMENTS)]
RETURNED = ToolReturned("msg_3e", "call_1", "get_weather", "Hangzhou: sunny, 25C", True, 12)
BOOM = RunStarted("b490077b", "s-BOOM", 1795216714)


def trace(name):
    return (TRACES / name).read_text()


def test_plain_text():
    assert encode([STARTED, *TEXT, RunCompleted(1795216714)]) == trace("plain_text.sse")


def test_the_one_object_is_the_traces_last():
    last = LastResponse()
    for event in [STARTED, *TEXT, RunCompleted(1795216714)]:
        last.feed(event)
    last.end()
    assert f"data: {last.text}\n\n" == trace("plain_text.sse").split("\n\n")[-2] + "\n\n"


def test_a_call_whose_arguments_are_replaced_while_it_is_written():
    encoder = Encoder()
    encoder.feed(STARTED)
    assert "".join(map(encoder.feed, CALLED)) == trace("tool_call.sse")


def test_what_a_tool_gave():
    encoder = Encoder()
    for event in [STARTED, *CALLED]:
        encoder.feed(event)
    ours = '"metadata":{"ok":true,"duration_ms":12,"credential":null,"error_code":""}'
    assert encoder.feed(RETURNED).replace(ours, '"metadata":{}') == trace("tool_output.sse")


def test_an_exception_in_the_agent():
    encoder = Encoder()
    encoder.feed(BOOM)
    failed = RunFailed(9, "AGENT_UNKNOWN_ERROR", "Unknown agent error: RuntimeError: kaboom from the model")
    assert encoder.feed(failed) == trace("exception.sse")


def test_an_exception_after_partial_text_closes_what_was_open():
    encoder = Encoder()
    encoder.feed(BOOM)
    encoder.feed(TextStarted("msg_bd"))
    partial, failed = trace("exception_after_text.sse").split("\n\n")[:2]
    assert encoder.feed(TextDelta("msg_bd", "half an ans")) == f"{partial}\n\n"
    message = "Unknown agent error: RuntimeError: died midway"
    part, closed, last = encoder.feed(RunFailed(9, "AGENT_UNKNOWN_ERROR", message)).split("\n\n")[:3]
    assert [json.loads(frame[6:])["status"] for frame in (part, closed)] == ["incomplete"] * 2
    output = closed[6:]
    assert last.replace(f'"output":[{output}]', '"output":null').replace(":6,", ":4,", 1) == failed


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"input": [', trace("invalid_json.json").strip()),
        (b"{}", '{"detail":[{"type":"missing","loc":["body","input"],"msg":"Field required","input":{}}]}'),
    ],
)
def test_what_is_no_request_is_said_as_fastapi_says_it(body, answer):
    with pytest.raises(RequestInvalidError) as refused:
        request_from_body(body)
    assert compact({"detail": refused.value.detail}) == answer


def test_the_arguments_that_a_call_ends_with_are_sent_once_more_only_when_they_are_new():
    encoder = Encoder()
    encoder.feed(STARTED)
    for event in CALLED[:2]:
        encoder.feed(event)
    whole = encoder.feed(replace(CALLED[3], arguments="{}"))
    assert [json.loads(frame[6:])["status"] for frame in whole.split("\n\n")[:-1]] == ["completed", "completed"]
