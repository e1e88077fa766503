"""What AG-UI's clients send, as their own models write it."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.protocols.ag_ui import request
from fujie.protocols.ag_ui.errors import AgUiRequestError, error_body
from tests.protocols.ag_ui_rules import Reader
from tests.protocols.ag_ui_rules import run_input as written


def run_input(body, user="default/alice"):
    return request.run_input(body, user)


USER = {"id": "u1", "role": "user", "content": "hi"}
ANSWER = {"id": "a1", "role": "assistant", "content": "hello"}
CALL = {
    "id": "a2",
    "role": "assistant",
    "content": "let me see",
    "toolCalls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"id": "t1", "role": "tool", "toolCallId": "call_1", "content": "sunny"}
UUID = "7b1c0e0e-0000-4000-8000-000000000001"


def run(*messages, kept=True, **fields):
    return run_input(written(messages=list(messages) or [USER], **fields)).run(kept=kept)


def content(message):
    return [msgspec.to_builtins(part) for part in message.content]


def test_the_thread_is_the_conversation_and_a_uuid_is_the_runs_own_name():
    asked = run(runId=UUID)
    assert (asked.session_id, asked.run_id(), asked.question()) == ("t1", UUID, "hi")
    assert asked.stream is True


def test_any_other_run_id_names_the_same_run_of_ours_on_its_thread_alone():
    one, again, other = (run_input(written(runId="r", threadId=t)).our_run_id for t in ("t1", "t1", "t2"))
    assert run_input(written(runId="r", threadId="t1"), "default/bob").our_run_id != one
    assert one == again != other
    assert run(runId="r").run_id() == one


def test_earlier_messages_are_context_unless_the_conversation_is_kept_here():
    history = [USER, ANSWER, {"id": "u2", "role": "user", "content": "and now?"}]
    assert [message.role for message in run(*history, kept=True).input] == ["user"]
    assert [message.role for message in run(*history, kept=False).input] == ["user", "assistant", "user"]


def test_a_call_of_an_earlier_turn_keeps_its_text_and_its_result():
    messages = run(USER, CALL, RESULT, USER, kept=False).input
    assert [message.type for message in messages] == [
        "message", "message", "plugin_call", "plugin_call_output", "message",
    ]  # fmt: skip
    assert content(messages[1]) == [{"type": "text", "text": "let me see"}]
    assert content(messages[3])[0]["data"] == {"call_id": "call_1", "name": "f", "output": "sunny"}


def test_every_kind_of_part_arrives_and_one_of_another_kind_does_not_spoil_the_rest():
    data = {"type": "data", "value": "aGk=", "mimeType": "image/png"}
    url = {"type": "url", "value": "https://example.com/x"}
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": data},
        {"type": "image", "source": url},
        {"type": "audio", "source": data | {"mimeType": "audio/mp3"}},
        {"type": "audio", "source": url},
        {"type": "video", "source": url},
        {"type": "document", "source": url, "metadata": {"filename": "x.pdf"}},
        {"type": "document", "source": data},
        {"type": "image", "source": {"type": "file", "value": "file-1", "provider": "openai"}},
    ]
    body = json.loads(written(messages=[USER | {"content": parts}]))
    body["messages"][0]["content"] += [
        {"type": "hologram", "source": data},
        {"type": "image", "source": {"type": "cloud", "value": "x"}},
    ]
    (message,) = run_input(json.dumps(body).encode()).run(kept=True).input
    assert content(message) == [
        {"type": "text", "text": "see"},
        {"type": "image", "image_url": "data:image/png;base64,aGk="},
        {"type": "image", "image_url": "https://example.com/x"},
        {"type": "audio", "data": "aGk=", "format": "mp3"},
        {"type": "file", "file_url": "https://example.com/x"},
        {"type": "video", "video_url": "https://example.com/x"},
        {"type": "file", "file_url": "https://example.com/x", "filename": "x.pdf"},
        {"type": "file", "file_data": "aGk="},
        {"type": "file", "file_id": "file-1"},
    ]


def test_context_is_for_the_model_to_see_and_tools_and_state_for_the_agent():
    tool = {"name": "confirm", "description": "asks", "parameters": {"type": "object"}}
    context = [{"description": "the page", "value": "home"}]
    asked = run(tools=[tool], context=context, state={"a": None}, forwardedProps={"user_id": "mallory"})
    assert [message.role for message in asked.input] == ["system", "user"]
    assert content(asked.input[0]) == [{"type": "text", "text": "the page: home"}]
    assert asked.tools == [{"type": "function", "function": tool}]
    assert asked.user_id is None


def test_what_only_clients_show_and_unknown_roles_are_left_out():
    shown = {"id": "x", "role": "activity", "activityType": "plan", "content": {"a": 1}}
    thought = {"id": "y", "role": "reasoning", "content": "hm"}
    body = json.loads(written(messages=[shown, thought, USER])) | {"newField": 1, "protocolVersion": "1.9"}
    body["messages"].insert(0, {"id": "z", "role": "referee", "content": "x"})
    assert [message.role for message in run_input(json.dumps(body).encode()).run(kept=False).input] == ["user"]


@pytest.mark.parametrize("messages", [[], [ANSWER], [USER, CALL, RESULT]])
def test_an_input_in_which_nobody_asks_anything_is_refused(messages):
    with pytest.raises(AgUiRequestError, match="the last one is not the user's"):
        run_input(written(messages=messages)).run(kept=True)


def test_a_tool_that_the_application_carried_out_answers_where_nothing_is_kept():
    assert run(USER, CALL, RESULT, kept=False).input[-1].type == "plugin_call_output"


def test_a_resume_names_the_run_and_the_consent():
    entries = [
        {"interruptId": f"{UUID}.c1", "status": "resolved", "payload": {"approved": True}},
        {"interruptId": "else", "status": "cancelled"},
        {"interruptId": f"{UUID}.c2", "status": "resolved", "payload": {"approved": False}},
    ]
    first, second, third = run_input(written(resume=entries)).resume
    assert (first.run_id, first.consent_id, first.gives_up) == (UUID, "c1", False)
    assert (second.run_id, second.gives_up) == ("", True)
    assert third.gives_up


def test_what_was_read_of_a_run_is_known_from_what_follows_the_question():
    assert run_input(written(messages=[USER])).before_the_answer() is None
    assert run_input(written(messages=[ANSWER])).before_the_answer() is None
    assert run_input(written(messages=[USER, ANSWER])).before_the_answer() == [USER]


BAD = [
    (b"", "no RunAgentInput"),
    (b"[]", "no RunAgentInput"),
    (b'{"threadId":"t","runId":"r"}', "messages"),
    (written(threadId="a b"), "threadId must be"),
    (written(runId=""), "runId must be"),
    (written(threadId="x" * 129), "threadId must be"),
    (b'{"threadId":"t","runId":1,"messages":[]}', "runId"),
    (b'{"threadId":"t","runId":"r","messages":[{"role":"user","content":"x"}]}', "id"),
    (b'{"threadId":"t","runId":"r","messages":[],"resume":[{"interruptId":"i","status":"done"}]}', "status"),
    (b'{"threadId":"t","runId":"r","messages":[],"tools":[{}]}', "tools"),
    (b'{"threadId":"t","runId":"r","messages":' + b"[" * 5000 + b"]" * 5000 + b"}", "no RunAgentInput"),
]


@pytest.mark.parametrize(("body", "words"), BAD)
def test_a_malformed_known_field_is_refused_and_named(body, words):
    with pytest.raises(AgUiRequestError, match=words):
        run_input(body)


def test_a_refusal_is_an_event_that_the_models_read():
    reader = Reader()
    reader.read(json.loads(error_body(AgUiRequestError("no", repair="send more"))))
    assert reader.events == [{"type": "RUN_ERROR", "message": "no (send more)", "code": "invalid_request"}]


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "resolved", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["threadId", "runId", "messages", "role", "id", "content", "type", "source", "resume"]),
            inner,
            max_size=6,
        )
    ),
)


@given(st.one_of(st.binary(max_size=60), PIECES.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_an_input_or_refused(body):
    with suppress(AgUiRequestError):
        assert run_input(body).run(kept=False).session_id
