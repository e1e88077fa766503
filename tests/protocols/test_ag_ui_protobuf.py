"""AG-UI's binary frames, byte for byte those of the official encoder (`@ag-ui/encoder` 1.0.0 wrote the fixture)."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given

from fujie.protocols.ag_ui.encode import BinaryEncoder, Encoder
from fujie.protocols.ag_ui.events import Asked
from fujie.protocols.ag_ui.protobuf import EVENTS, frame, is_accepted
from tests.protocols.ag_ui_rules import parsed_frames
from tests.protocols.any_events import ANY_EVENTS

OFFICIAL = json.loads(Path(__file__).with_name("ag_ui_frames.json").read_text())


@pytest.mark.parametrize("row", OFFICIAL, ids=lambda row: row["event"]["type"])
def test_a_frame_is_the_one_that_the_official_encoder_writes(row):
    assert frame(row["event"]).hex() == row["frame"]


def test_every_event_that_we_send_is_among_them():
    assert {row["event"]["type"] for row in OFFICIAL} == set(EVENTS)


@given(ANY_EVENTS)
def test_any_events_are_the_same_frames_as_their_text(events):
    asked = Asked("t1", "r1", restated=[{"id": "u1", "role": "user", "content": "hi"}])
    binary, text = BinaryEncoder(asked), Encoder(asked)
    body = "".join(map(binary.feed, events)) + binary.end()
    told = parsed_frames("".join(map(text.feed, events)) + text.end())
    assert split(body.encode("latin-1")) == [frame(event)[4:] for event in told]


def split(body):
    frames = []
    while body:
        (length,) = struct.unpack(">I", body[:4])
        frames.append(body[4 : 4 + length])
        assert len(frames[-1]) == length
        body = body[4 + length :]
    return frames


@pytest.mark.parametrize(
    ("accept", "binary"),
    [
        ("text/event-stream, application/vnd.ag-ui.event+proto", True),
        ("application/vnd.ag-ui.event+proto;q=0.1, text/event-stream", True),
        ("Application/Vnd.AG-UI.event+proto", True),
        ("application/vnd.ag-ui.event+proto; q=0", False),
        ("application/vnd.ag-ui.event+proto;q=0.000", False),
        ("text/event-stream", False),
        ("*/*", False),
        ("application/*", False),
        ("", False),
        (",;,", False),
    ],
)
def test_the_binding_is_chosen_by_who_names_it(accept, binary):
    assert is_accepted(accept) == binary
