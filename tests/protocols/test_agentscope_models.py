"""AgentScope's frames, read and written again by its official models, and its requests beside ours."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.errors import InputError
from fujie.protocols.agentscope.decode import Decoder
from fujie.protocols.agentscope.encode import Encoder
from fujie.protocols.agentscope.last import LastResponse
from fujie.protocols.agentscope.request import RequestInvalidError, request_from_body
from fujie.protocols.events import RunStarted
from tests.protocols.agentscope_models import official_models
from tests.protocols.test_agentscope_encode import bodies, events
from tests.protocols.test_openai_chat import values

keys = st.sampled_from(["input", "role", "content", "type", "text", "id", "session_id", "stream", "n", "stop", "tools"])


@pytest.fixture(scope="module")
def models():
    return official_models()


def written_again(models, body):
    """Return the frame as the official model reads and writes it."""
    kinds = {"response": models.AgentResponse, "message": models.Message}
    contents = {"text": models.TextContent, "data": models.DataContent}
    model = contents[body["type"]] if body["object"] == "content" else kinds[body["object"]]
    return json.loads(model.model_validate(body).model_dump_json())


@given(st.lists(events, max_size=25))
def test_any_events_give_frames_that_the_official_models_read_and_write_alike(models, log):
    encoder = Encoder()
    found = bodies("".join(map(encoder.feed, [RunStarted("r", "s", 1), *log])) + encoder.end())
    for body in found:
        again = written_again(models, body)
        assert json.dumps(again) == json.dumps(body)
    assert (found[-1]["object"], found[-1]["status"] in {"created", "in_progress"}) == ("response", False)
    announced = {body["id"] for body in found if body["object"] == "message" and body["status"] == "in_progress"}
    assert {body["msg_id"] for body in found if body["object"] == "content"} <= announced


@given(st.lists(events, max_size=25))
def test_the_one_object_is_the_streams_last(models, log):
    encoder, last = Encoder(), LastResponse()
    for event in (log := [RunStarted("r", "s", 1), *log]):
        last.feed(event)
    last.end()
    whole = "".join(map(encoder.feed, log)) + encoder.end()
    assert json.loads(last.text) == bodies(whole)[-1]
    assert written_again(models, json.loads(last.text))


@given(st.dictionaries(keys, values, max_size=5))
def test_what_we_take_the_official_model_takes(models, value):
    try:
        request = request_from_body(json.dumps(value).encode())
    except RequestInvalidError:
        return
    assert models.AgentRequest.model_validate(request.as_value())


@given(st.binary())
def test_any_bytes_are_a_request_or_said_to_be_wrong(body):
    try:
        request_from_body(body)
    except RequestInvalidError as error:
        json.dumps(error.detail)


@given(st.lists(st.binary() | st.sampled_from([b"data: ", b"\n\n", b"{}", b": ping\n", b"\r\n"]), max_size=8))
def test_any_bytes_of_a_stream_are_events_or_said_to_be_wrong(pieces):
    decoder = Decoder()
    with suppress(InputError):
        assert all(isinstance(event, dict) for piece in pieces for event in decoder.feed(piece))
