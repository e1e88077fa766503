"""The stream read back, cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.errors import InputError, TooLargeError
from fujie.protocols.agentscope.decode import Decoder, is_terminal
from fujie.protocols.agentscope.encode import encode
from fujie.protocols.events import RunCompleted, RunPaused, RunStarted, TextDelta

LOG = [RunStarted("r", "s", 1), TextDelta("m", "你好 \u2028 😀"), RunPaused(("c",)), RunCompleted(2)]


@given(st.lists(st.integers(0, 4000)))
def test_however_the_stream_is_cut_the_same_events_come_out(cuts):
    stream = (": ping\n\n" + encode(LOG)).encode()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    decoder = Decoder()
    found = [event for a, b in pairwise(edges) for event in decoder.feed(stream[a:b])]
    assert found == Decoder().feed(encode(LOG))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert [is_terminal(event) for event in found] == [False] * (len(found) - 1) + [True]


def test_carriage_returns_comments_and_other_fields_are_no_events():
    assert Decoder().feed('event: x\r\n: ping\r\nid: 1\r\ndata: {"a":\r\ndata: 1}\r\n\r\n\r\n') == [{"a": 1}]


@pytest.mark.parametrize("frame", ["data: {\n\n", "data: []\n\n", "data: " + "[" * 100_000 + "\n\n"])
def test_a_frame_that_is_no_object_is_refused(frame):
    with pytest.raises(InputError):
        Decoder().feed(frame)


@pytest.mark.parametrize("piece", ["data: 123456789", "data: 12\ndata: 34\n"])
def test_a_frame_without_end_is_refused(piece):
    with pytest.raises(TooLargeError):
        Decoder(max_frame_chars=10).feed(piece)
