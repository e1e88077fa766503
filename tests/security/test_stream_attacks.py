"""Words of a model or a provider that would make a reader of the stream see events that nobody sent."""

import json

import pytest

from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.events import RunCompleted, RunFailed, RunStarted, TextDelta, TextEnded, ToolCalled, ToolReturned

FORGED = 'data: {"object":"message","type":"message","forged":true}'
BREAKS = ["\n\n", "\r\n\r\n", "\r\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x00"]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_no_word_begins_an_event_of_its_own(line_break):
    """Hurt: Alice, whose client (many read by `splitlines`) would be shown a forged request for permission."""
    words = f"天气 {line_break}{FORGED}{line_break}"
    events = [
        RunStarted("run", f"session{line_break}{FORGED}", 1),
        TextDelta("m", words),
        TextEnded("m"),
        ToolCalled("t", "call", words, words),
        ToolReturned("o", "call", words, words, False, 1, None, words),
        RunFailed(1, "code", words),
        RunCompleted(1, {}),
    ]
    encoder = Encoder()
    stream = "".join(encoder.feed(event) for event in events)
    lines = [line for line in stream.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    parsed = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["sequence_number"] for event in parsed] == list(range(len(parsed)))
    assert parsed[3]["text"] == words
