"""What clients of both lines send, and that anything else is an error of the protocol."""

import json
from datetime import UTC, datetime

import pytest
from a2a.compat.v0_3 import types as models_0_3
from a2a.types import a2a_pb2 as pb_1_0
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from fujie.errors import FujieError, TooLargeError
from fujie.protocols.a2a import errors, rpc
from fujie.protocols.a2a.fields import Fields, json_of
from fujie.protocols.a2a.nouns import DataPart, FilePart, Message, TextPart
from fujie.protocols.a2a.operations import CancelTask, GetCard, GetPush, GetTask, ListTasks, Send, SetPush, streams
from fujie.protocols.a2a.question import message_of, request_of
from fujie.protocols.a2a.v0_3 import decode as v0_3
from fujie.protocols.a2a.v1_0 import decode as v1_0
from fujie.protocols.a2a.versions import version_asked
from tests.protocols.any_events import JSON


def send_1_0(**fields):
    return {"message": {"messageId": "q1", "role": "ROLE_USER", "parts": [{"text": "hi"}]} | fields}


def send_0_3(**fields):
    message = {"kind": "message", "messageId": "q1", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
    return {"message": message | fields}


def asked(version, method, params):
    return version.operation(method, Fields(params))


def test_what_the_official_1_0_client_sends_is_read_whole():
    sent = pb_1_0.SendMessageRequest(
        message=pb_1_0.Message(
            message_id="q1",
            context_id="s1",
            task_id="t1",
            role=pb_1_0.ROLE_USER,
            parts=[pb_1_0.Part(text="hi"), pb_1_0.Part(url="https://h/cat.png", media_type="image/png")],
        ),
        configuration=pb_1_0.SendMessageConfiguration(
            history_length=0,
            return_immediately=True,
            task_push_notification_config=pb_1_0.TaskPushNotificationConfig(
                url="https://h/hook",
                token="s3cret",
                authentication=pb_1_0.AuthenticationInfo(scheme="Bearer", credentials="cred"),
            ),
        ),
    )
    found = asked(v1_0, "SendMessage", MessageToDict(sent))
    assert (found.task_id, found.context_id, found.stream, found.wait) == ("t1", "s1", False, False)
    assert found.history_length == 0
    assert found.message == Message(
        "q1", "user", [TextPart("hi"), FilePart(url="https://h/cat.png", media_type="image/png")]
    )
    assert found.request.session_id == "s1"
    assert found.request.question() == "hi"
    assert (found.push.url, found.push.token.reveal(), found.push.scheme) == ("https://h/hook", "s3cret", "Bearer")
    assert "s3cret" not in repr(found)


def test_what_the_official_0_3_client_sends_over_json_rpc_is_read_whole():
    sent = models_0_3.MessageSendParams(
        message=models_0_3.Message(
            message_id="q1",
            role=models_0_3.Role.user,
            parts=[
                models_0_3.Part(models_0_3.TextPart(text="hi")),
                models_0_3.Part(models_0_3.DataPart(data={"data": {"a": 1}})),
                models_0_3.Part(models_0_3.FilePart(file=models_0_3.FileWithBytes(bytes="aGk=", name="a"))),
            ],
        ),
        configuration=models_0_3.MessageSendConfiguration(
            blocking=False,
            push_notification_config=models_0_3.PushNotificationConfig(
                id="p",
                url="https://h/hook",
                authentication=models_0_3.PushNotificationAuthenticationInfo(schemes=["Basic", "Bearer"]),
            ),
        ),
        metadata={"language": "zh"},
    )
    found = asked(v0_3, "message/stream", sent.model_dump(mode="json", exclude_none=True))
    assert streams(found)
    assert found.wait is False
    assert found.message.parts == [
        TextPart("hi"),
        DataPart({"data": {"a": 1}}),
        FilePart(content="aGk=", name="a"),
    ]
    assert (found.push.id, found.push.scheme) == ("p", "Bearer")
    assert found.request.spoken() == "zh"


def test_what_0_3_sends_over_http_is_protojson_whose_left_out_blocking_is_false():
    message = {
        "messageId": "q1",
        "role": "ROLE_USER",
        "content": [
            {"text": "hi"},
            {"data": {"data": {"a": 1}}},
            {"file": {"fileWithBytes": "YUdrPQ==", "mimeType": "text/plain"}},
        ],
    }
    found = asked(v0_3, "message/send", {"message": message, "configuration": {"acceptedOutputModes": ["text/plain"]}})
    assert found.message.parts == [
        TextPart("hi"),
        DataPart({"a": 1}),
        FilePart(content="aGk=", media_type="text/plain"),
    ]
    assert found.wait is False
    assert asked(v0_3, "message/send", {"message": message, "configuration": {}}).wait is False
    assert asked(v0_3, "message/send", {"message": message}).wait is True


@pytest.mark.parametrize(
    ("version", "method", "params"), [(v1_0, "SendMessage", send_1_0()), (v0_3, "message/send", send_0_3())]
)
def test_without_a_configuration_the_answer_waits_for_the_end(version, method, params):
    found = asked(version, method, params)
    assert isinstance(found, Send)
    assert (found.wait, found.history_length, found.push, found.task_id) == (True, None, None, "")


def test_other_methods_are_read_with_either_spelling_and_numbers_as_text():
    assert asked(v1_0, "GetTask", {"id": "t", "history_length": "2"}) == GetTask("t", 2)
    assert asked(v0_3, "tasks/cancel", {"id": "t"}) == CancelTask("t")
    assert asked(v0_3, "tasks/pushNotificationConfig/get", {"id": "t"}) == GetPush("t", "")
    assert asked(v1_0, "GetExtendedAgentCard", {}) == GetCard()
    proto = {"parent": "tasks/t", "taskId": "t", "config": {"pushNotificationConfig": {"url": "https://h"}}}
    assert isinstance(asked(v0_3, "tasks/pushNotificationConfig/set", proto), SetPush)
    listing = asked(
        v1_0,
        "ListTasks",
        {"status": "TASK_STATE_WORKING", "pageSize": "7", "statusTimestampAfter": "2026-01-01T00:00:00Z"},
    )
    assert listing == ListTasks("", "working", datetime(2026, 1, 1, tzinfo=UTC), 7, "", None, False)


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("SendMessage", {}, "message"),
        ("SendMessage", {"message": []}, "message"),
        ("SendMessage", send_1_0(messageId=""), "message.messageId"),
        ("SendMessage", send_1_0(messageId="a b"), "message.messageId"),
        ("SendMessage", send_1_0(role="ROLE_AGENT"), "message.role"),
        ("SendMessage", send_1_0(parts=[]), "message.parts"),
        ("SendMessage", send_1_0(parts=[{}]), "message.parts[0]"),
        ("SendMessage", send_1_0(parts=["x"]), "message.parts[0]"),
        ("SendMessage", send_1_0(parts=[{"raw": "?"}]), "message.parts[0].raw"),
        ("SendMessage", send_1_0(parts=[{"text": "\ud800"}]), "message"),
        ("SendMessage", send_1_0(contextId="x" * 129), "message.contextId"),
        ("SendMessage", send_1_0() | {"configuration": {"historyLength": -1}}, "configuration.historyLength"),
        ("SendMessage", send_1_0() | {"configuration": {"returnImmediately": 1}}, "configuration.returnImmediately"),
        ("GetTask", {}, "id"),
        ("GetTask", {"id": "t", "historyLength": True}, "historyLength"),
        ("ListTasks", {"pageSize": 101}, "pageSize"),
        ("ListTasks", {"pageSize": 0}, "pageSize"),
        ("ListTasks", {"status": "running"}, "status"),
        ("ListTasks", {"statusTimestampAfter": "2026"}, "statusTimestampAfter"),
        ("ListTasks", {"statusTimestampAfter": "2026-01-01T00:00:00"}, "statusTimestampAfter"),
        ("DeleteTaskPushNotificationConfig", {"taskId": "t"}, "id"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(method, params, field):
    with pytest.raises(errors.ParamsError) as wrong:
        asked(v1_0, method, params)
    assert wrong.value.field == field
    violation = errors.rpc_error(wrong.value, "1.0", 7)["error"]["data"][1]["fieldViolations"][0]
    assert violation["field"] == field


def test_a_method_of_neither_version_is_not_found():
    for version in (v0_3, v1_0):
        with pytest.raises(errors.NoSuchMethodError):
            asked(version, "tasks/dance", {})


@pytest.mark.parametrize(
    ("header", "parameter", "version"),
    [(None, None, "0.3"), ("", None, "0.3"), ("0.3", None, "0.3"), ("1.0", None, "1.0"), ("1.0.7", None, "1.0"),
     (None, "1.0", "1.0"), (" 0.3.0 ", "1.0", "0.3")],
)  # fmt: skip
def test_the_version_is_the_header_or_the_parameter_and_0_3_where_there_is_none(header, parameter, version):
    assert version_asked(header, parameter) == version


@pytest.mark.parametrize("header", ["0.5", "2.0", "1", "one", "1.0, 0.3", "1.0\n"[:-1] + "x"])
def test_another_version_is_refused_and_told_what_is_spoken(header):
    with pytest.raises(errors.VersionError) as refused:
        version_asked(header, None)
    said = errors.rpc_error(refused.value, "1.0", None)["error"]
    assert said["code"] == -32009
    assert said["data"][0]["metadata"]["supportedVersions"] == "0.3, 1.0"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b'{"jsonrpc": NaN}', -32700),
        (b"[" * 100_000, -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "2.0", "method": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "x", "id": []}', -32600),
        (b'{"jsonrpc": "2.0", "method": "x", "id": true}', -32600),
        (b'{"jsonrpc": "2.0", "method": "x", "params": []}', -32602),
    ],
)
def test_what_is_no_call_has_json_rpcs_own_code(body, code):
    with pytest.raises(errors.A2aError) as wrong:
        rpc.call_of(json_of(body))
    for version in ("0.3", "1.0"):
        said = errors.rpc_error(wrong.value, version, None)
        assert said["error"]["code"] == code
        models_0_3.JSONRPCErrorResponse.model_validate(said)


@pytest.mark.parametrize(("given_id", "kept"), [("a", "a"), (7, 7), (None, None), (True, None), ([], None)])
def test_the_id_of_whatever_came_is_answered(given_id, kept):
    assert rpc.call_id({"id": given_id}) == kept
    assert rpc.call_id([given_id]) is None


@pytest.mark.parametrize(
    ("error", "code", "status", "reason", "status_0_3"),
    [
        (errors.NoSuchTaskError(), -32001, 404, "TASK_NOT_FOUND", 404),
        (errors.TaskEndedError("ended"), -32002, 400, "TASK_NOT_CANCELABLE", 409),
        (errors.UnsupportedError("no"), -32004, 400, "UNSUPPORTED_OPERATION", 501),
        (errors.ParamsError("a", "b"), -32602, 400, "INVALID_PARAMS", 422),
        (errors.VersionError("9"), -32009, 400, "VERSION_NOT_SUPPORTED", 400),
        (FujieError("oops"), -32603, 500, "INTERNAL_ERROR", 500),
        (TooLargeError("long"), -32600, 413, "INVALID_REQUEST", 413),
    ],
)
def test_errors_have_the_code_the_status_and_the_reason_of_each_specification(error, code, status, reason, status_0_3):
    assert errors.rpc_error(error, "0.3", 1)["error"]["code"] == code
    found, body = errors.rest_error(error, "1.0")
    assert (found, body["error"]["code"]) == (status, status)
    assert body["error"]["details"][0] | {"metadata": {}} == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "a2a-protocol.org",
        "metadata": {},
    }
    assert errors.rest_error(error, "0.3")[0] == status_0_3


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_what_http_itself_has_a_status_for_is_told_by_it_over_json_rpc_too(status):
    error = FujieError("no")
    error.status = status
    assert errors.rpc_status(error) == status
    assert errors.rpc_status(errors.NoSuchTaskError()) == 200


PARTS = [
    TextPart("hi"),
    DataPart({"a": 1}),
    FilePart(url="https://h/a.pdf", name="a.pdf"),
    FilePart(content="aGk=", name="b"),
    FilePart(url="https://h/a.png", media_type="image/*"),
]


def test_a_question_survives_the_run_that_it_starts():
    message = Message("q1", "user", PARTS)
    assert message_of(request_of(message, "s1", {})) == message
    assert message_of(request_of(Message("q1", "user", [DataPart([1])]), "", {})).parts == [DataPart({"value": [1]})]


@given(st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_call_or_an_error_of_the_protocol(body):
    said = {"method": "none"}
    try:
        said = {"method": rpc.call_of(json_of(body)).method}
    except errors.A2aError as error:
        said = errors.rpc_error(error, "1.0", None)["error"]
    assert said.get("method") or said["code"] < -32000


KEYS = st.sampled_from(
    ["message", "messageId", "role", "parts", "content", "kind", "text", "data", "file", "uri", "bytes", "url", "raw",
     "id", "taskId", "contextId", "configuration", "historyLength", "blocking", "returnImmediately", "metadata",
     "pushNotificationConfig", "authentication", "schemes", "scheme", "pageSize", "status", "statusTimestampAfter"]
)  # fmt: skip
LEAVES = st.sampled_from(
    ["user", "ROLE_USER", "q1", "", "aGk=", 1, -1, 1.5, True, None, "\ud800", "2026-01-01T00:00:00Z"]
)
PARAMS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=6))


@given(st.dictionaries(KEYS, PARAMS), st.sampled_from(sorted(v1_0.METHODS)), st.sampled_from(sorted(v0_3.METHODS)))
def test_any_parameters_are_an_operation_or_an_error_of_the_protocol(params, method_1_0, method_0_3):
    for version, method in ((v1_0, method_1_0), (v0_3, method_0_3)):
        try:
            asked(version, method, params)
        except errors.A2aError as error:
            json.dumps(errors.rest_error(error, "1.0"))


def test_json_of_refuses_what_is_not_json():
    with pytest.raises(errors.NotJsonError):
        json_of(b"nope")
