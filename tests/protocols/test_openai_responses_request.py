"""What the Responses API takes, what it leaves out, and how it says what is wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.protocols.openai_chat.errors import OpenAiRequestError, error_body
from fujie.protocols.openai_responses.request import PreviousResponseNotFoundError, asked_of, response_request
from fujie.protocols.openai_responses.response import Asked

USER = {"role": "user", "content": "hello"}
HISTORY = [
    {"type": "message", "role": "developer", "content": "be brief"},
    {"role": "user", "content": [{"type": "input_text", "text": "weather?", "user_id": "bob"}]},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
    {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "sunny"}]},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    USER,
]


def body(input_="hello", **fields):
    return json.dumps({"model": "m", "input": input_} | fields).encode()


def asked(input_="hello", **fields):
    return response_request(body(input_, **fields), "Fujie")


def test_a_text_is_the_users_question():
    request = asked("hello", stream=True)
    run = request.run(None)
    assert (run.question(), run.session_id, run.stream) == ("hello", None, True)
    assert (request.asked.model, request.stream, request.session_id) == ("m", True, None)
    assert response_request(b'{"input": "x"}', "Fujie").asked.model == "Fujie"


def test_earlier_items_are_context_and_what_tools_said_is_left_out():
    run = asked(HISTORY).run(None)
    assert [message.role for message in run.input] == ["system", "user", "assistant", "assistant", "user"]
    texts = [part.text for message in run.input for part in message.content]
    assert texts == ["be brief", "weather?", "sunny", "no", "hello"]


def test_instructions_come_first_and_options_reach_the_agent():
    run = asked(instructions="Be brief.", max_output_tokens=9, temperature=0.5, top_p=1).run("s1")
    assert [(message.role, message.content[0].text) for message in run.input] == [
        ("system", "Be brief."),
        ("user", "hello"),
    ]
    assert (run.max_tokens, run.temperature, run.top_p, run.session_id) == (9, 0.5, 1, "s1")


@pytest.mark.parametrize(
    ("part", "ours"),
    [
        ({"type": "input_image", "image_url": "https://x/y.png", "detail": "low"}, ("image", "https://x/y.png")),
        ({"type": "input_file", "file_id": "f1"}, ("file", "f1")),
        ({"type": "input_file", "file_url": "https://x/y.pdf"}, ("file", "https://x/y.pdf")),
    ],
)
def test_other_parts_become_ours(part, ours):
    ((message),) = asked([{"role": "user", "content": [part]}]).messages
    kind, value = ours
    assert message["content"][0]["type"] == kind
    assert value in message["content"][0].values()


@pytest.mark.parametrize(
    ("fields", "previous", "session"),
    [
        ({"previous_response_id": "resp_a-1"}, "a-1", None),
        ({"conversation": "s1"}, None, "s1"),
        ({"conversation": {"id": "s1"}}, None, "s1"),
    ],
)
def test_the_conversation_is_named_by_a_response_or_by_itself(fields, previous, session):
    request = asked(**fields)
    assert (request.previous_run_id, request.session_id) == (previous, session)
    assert request.asked.previous_response_id == fields.get("previous_response_id")


def test_an_id_that_no_response_has_is_not_found():
    with pytest.raises(PreviousResponseNotFoundError) as caught:
        asked(previous_response_id="response_1")
    error = error_body(caught.value)["error"]
    assert (caught.value.status, error["code"], error["param"]) == (
        404,
        "previous_response_not_found",
        "previous_response_id",
    )


def test_what_every_answer_repeats_is_kept_with_the_run():
    request = asked(instructions="Be brief.", metadata={"k": "v"}, background=True, top_p=0.5)
    assert asked_of(request.run(None).as_json()) == request.asked


@pytest.mark.parametrize("kept", ['{"input":[]}', '{"openai_response":[1]}', '{"openai_response":{"metadata":1}}', "{"])
def test_a_run_that_came_in_by_another_door_repeats_nothing(kept):
    assert asked_of(kept) == Asked()


def test_unknown_keys_are_dropped_and_no_user_is_believed():
    run = asked([{"role": "user", "content": "hi", "user_id": "bob"}], user="bob", user_id="bob", store=False).run(None)
    assert run.user_id is None


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"input": NaN}', None),
        (b"[" * 100_000, None),
        (b'{"input": "x", "y": ' + b"[" * 100_000, None),
        (b'{"input": "\\ud800"}', None),
        (b"{}", "input"),
        (body(""), "input"),
        (body([]), "input"),
        (body(["hi"]), "input[0]"),
        (body([USER] * 257), "input"),
        (body([{"role": "nobody", "content": "x"}]), "input[0].role"),
        (body([{"content": "x"}]), "input[0].role"),
        (body([{"role": "user"}]), "input[0].content"),
        (body([{"role": "user", "content": 5}]), "input[0].content"),
        (body([{"role": "user", "content": [{"type": "smell"}]}]), "input[0].content[0].type"),
        (body([{"role": "user", "content": [{"type": "input_text"}]}]), "input[0].content[0].text"),
        (
            body([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]),
            "input[0].content[0].image_url",
        ),
        (body([{"type": "item_reference", "id": "x"}, USER]), "input[0].type"),
        (body([{"type": ["text"]}, USER]), "input[0].type"),
        (body([USER, {"role": "assistant", "content": "so"}]), "input[1]"),
        (body([USER, {"type": "function_call_output", "call_id": "c", "output": "4"}]), "input[1]"),
        (body(stream="maybe"), "stream"),
        (body(background=1), "background"),
        (body(tool_choice="required"), "tool_choice"),
        (body(tool_choice={"type": "function", "name": "x"}), "tool_choice"),
        (body(temperature=3), "temperature"),
        (body(max_output_tokens=0), "max_output_tokens"),
        (body(metadata={"a": 1}), "metadata[...]"),
        (body(text={"format": {"type": "json_object"}}), "text.format.type"),
        (body(prompt={"id": "p"}), "prompt"),
        (body(conversation={}), "conversation.id"),
        (body(conversation="s", previous_response_id="resp_1"), "previous_response_id"),
    ],
)
def test_what_is_wrong_is_said_in_openais_form(sent, param):
    with pytest.raises(OpenAiRequestError) as caught:
        response_request(sent, "Fujie")
    error = error_body(caught.value)["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, "invalid_request")
    assert error["message"]


@pytest.mark.parametrize("session_id", ["a b", "é", "x" * 129])
def test_a_conversation_id_is_printable_and_short(session_id):
    with pytest.raises(OpenAiRequestError) as caught:
        asked(conversation=session_id).run(session_id)
    assert caught.value.param == "conversation"


keys = st.sampled_from(["input", "role", "content", "type", "text", "metadata", "conversation", "stream", "image_url"])
words = st.sampled_from(["user", "message", "input_text", "input_image", "input_file", "function_call"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | keys | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_request_or_an_error(sent):
    try:
        request = response_request(sent, "Fujie")
        assert request.run(request.session_id).input
    except OpenAiRequestError as error:
        json.dumps(error_body(error))
