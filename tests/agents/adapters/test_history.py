"""A request's input as turns, which every framework's messages are made of."""

import json

import pytest

from fujie.agents.adapters.history import Attachment, Call, Output, answers_joined, ends_with_a_question, turns
from fujie.protocols.agentscope.request import request_from_body

PNG = "data:image/png;base64,iVBORw0KGgo="


def said(*messages):
    return turns(request_from_body(json.dumps({"input": list(messages)}).encode()))


def text(role, words, **more):
    return {"role": role, "content": [{"type": "text", "text": words}], **more}


def called(call_id, name="search", arguments='{"q": 1}', kind="plugin_call"):
    data = {"call_id": call_id, "name": name, "arguments": arguments}
    return {"role": "assistant", "type": kind, "content": [{"type": "data", "data": data}]}


def returned(call_id, output="found", kind="plugin_call_output"):
    data = {"call_id": call_id, "name": "search", "output": output}
    return {"role": "tool", "type": kind, "content": [{"type": "data", "data": data}]}


def test_a_question_is_one_turn():
    (turn,) = said(text("user", "hi"))
    assert (turn.role, turn.parts, turn.text) == ("user", ("hi",), "hi")


@pytest.mark.parametrize(("role", "speaker"), [(None, "assistant"), ("tool", "assistant"), ("system", "system")])
def test_a_role_that_is_missing_is_the_assistants_as_in_agentscope(role, speaker):
    assert said(text(role, "x"))[0].role == speaker


@pytest.mark.parametrize("kind", ["plugin_call", "function_call", "mcp_call"])
def test_a_call_and_its_output_belong_together(kind):
    call, output = said(called("c1", kind=kind), returned("c1", kind=f"{kind}_output"))
    assert call.calls == (Call("c1", "search", '{"q": 1}'),)
    assert call.calls[0].arguments_object() == {"q": 1}
    assert output.outputs == (Output("c1", "search", "found"),)


def test_a_call_that_was_cut_off_and_an_output_that_nobody_asked_for_are_left_out():
    assert [turn.text for turn in said(text("user", "hi"), called("c1"), returned("c2"))] == ["hi"]


def test_arguments_that_are_an_object_are_taken_as_text():
    call, _ = said(called("c1", arguments={"q": "杭州"}), returned("c1"))
    assert call.calls[0].arguments == '{"q": "杭州"}'


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("plain", "plain"),
        ('[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]', "a\nb"),
        ('[{"type": "image"}]', '[{"type": "image"}]'),
        ({"n": 1}, '{"n": 1}'),
        (None, ""),
    ],
)
def test_an_output_is_what_the_model_sees(output, words):
    assert said(called("c1"), returned("c1", output))[1].outputs[0].text == words


def test_what_the_assistant_thought_said_and_called_at_once_is_one_answer():
    joined = answers_joined(
        said(
            text("user", "hi"),
            text("assistant", "hm", type="reasoning"),
            text("assistant", "I look"),
            called("c1"),
            called("c2"),
            returned("c1"),
            returned("c2"),
            text("assistant", "there"),
        )
    )
    assert [turn.role for turn in joined] == ["user", "assistant", "assistant", "assistant"]
    assert (joined[1].thoughts, joined[1].text, len(joined[1].calls)) == ("hm", "I look", 2)
    assert len(joined[2].outputs) == 2
    assert joined[3].text == "there"


def test_attachments_are_by_address_or_hold_their_data():
    content = [
        {"type": "image", "image_url": PNG},
        {"type": "image", "image_url": "https://a.example/b.png"},
        {"type": "audio", "data": "UklGRg==", "format": "mp3"},
        {"type": "file", "file_url": "https://a.example/c.pdf", "filename": "c.pdf"},
        {"type": "video", "video_url": "https://a.example/d.mp4"},
    ]
    (turn,) = said({"role": "user", "content": content})
    assert turn.parts == (
        Attachment("image", data="iVBORw0KGgo=", media_type="image/png"),
        Attachment("image", url="https://a.example/b.png"),
        Attachment("audio", data="UklGRg==", media_type="audio/mp3"),
        Attachment("file", url="https://a.example/c.pdf", name="c.pdf"),
        Attachment("video", url="https://a.example/d.mp4"),
    )


def test_a_value_is_told_as_json():
    assert said({"role": "user", "content": [{"type": "data", "data": {"n": 1}}]})[0].text == '{"n": 1}'


def test_a_message_that_says_nothing_is_no_turn():
    assert said({"role": "user", "content": []}, {"role": "assistant"}, text("user", "")) == []


def test_the_speakers_id_and_name_are_those_of_the_earlier_answer():
    metadata = {"original_id": "m7", "original_name": "Friday"}
    (turn,) = said(text("assistant", "x", metadata=metadata, id="msg_1"))
    assert (turn.id, turn.name) == ("m7", "Friday")


def test_an_input_that_ends_with_the_assistant_asks_nothing():
    assert not ends_with_a_question(said(text("user", "hi"), text("assistant", "yes?")))
    assert ends_with_a_question(said(text("assistant", "yes?"), text("user", "hi")))
    assert ends_with_a_question(said(called("c1"), returned("c1")))
    assert not ends_with_a_question([])
