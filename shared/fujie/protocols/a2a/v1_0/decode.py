"""1.0's requests, by method or by route, to operations."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime

from fujie.protocols.a2a.errors import NoSuchMethodError, ParamsError
from fujie.protocols.a2a.fields import Fields
from fujie.protocols.a2a.nouns import DataPart, FilePart, Message, Part, State, TextPart
from fujie.protocols.a2a.operations import (
    CancelTask,
    DeletePush,
    GetCard,
    GetPush,
    GetTask,
    ListPush,
    ListTasks,
    Operation,
    Send,
    SetPush,
    Subscribe,
)
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.question import request_of
from fujie.secret import Secret

MAX_PARTS = 64
MAX_TEXT_CHARS = 256 * 1024
MAX_HISTORY = 10_000
PAGE_SIZE, MAX_PAGE_SIZE = 50, 100
_STATES: Mapping[str, State] = {
    "TASK_STATE_SUBMITTED": "submitted",
    "TASK_STATE_WORKING": "working",
    "TASK_STATE_COMPLETED": "completed",
    "TASK_STATE_FAILED": "failed",
    "TASK_STATE_CANCELED": "canceled",
    "TASK_STATE_AUTH_REQUIRED": "auth-required",
}
_NEVER = frozenset({"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_REJECTED"})
"""States that a task may have, and that none of ours ever has."""


def send(params: Fields, *, stream: bool) -> Send:
    """Return SendMessageRequest."""
    said = params.needed("message")
    message = Message(said.id("messageId", required=True), "user", parts_of(said))
    if said.get("role") not in ("ROLE_USER", 1):
        raise ParamsError(said.where("role"), "must be ROLE_USER")
    how = params.object("configuration") or Fields({}, "configuration")
    push = how.object("taskPushNotificationConfig")
    context_id, metadata = said.id("contextId"), params.object("metadata")
    return Send(
        request=request_of(message, context_id, dict(metadata.values) if metadata else {}),
        message=message,
        task_id=said.id("taskId"),
        context_id=context_id,
        stream=stream,
        wait=not how.flag("returnImmediately", default=False),
        history_length=how.number("historyLength", 0, MAX_HISTORY),
        push=push_config(push) if push else None,
    )


def parts_of(message: Fields) -> list[Part]:
    """Return a message's parts."""
    return [_part(part) for part in message.objects("parts", limit=MAX_PARTS)]


def _part(part: Fields) -> Part:
    """`data` may be null, which is a value: its key decides."""
    if part.get("text") is not None:
        return TextPart(part.text("text", limit=MAX_TEXT_CHARS))
    if "data" in part.values:
        return DataPart(part.values["data"])
    name, media_type = part.text("filename"), part.text("mediaType")
    if part.get("url") is not None:
        return FilePart(url=part.held("url"), name=name, media_type=media_type)
    if part.get("raw") is not None:
        return FilePart(content=content_of(part, "raw"), name=name, media_type=media_type)
    raise ParamsError(part.path, "must have `text`, `data`, `url` or `raw`")


def content_of(part: Fields, key: str) -> str:
    """Return a file's content as it came, once it is base64."""
    content = part.held(key)
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ParamsError(part.where(key), "must be base64") from error
    return content


def push_config(config: Fields) -> PushConfig:
    """Return where to notify."""
    who = config.object("authentication")
    return PushConfig(
        id=config.id("id"),
        url=config.text("url", limit=2048),
        token=Secret(config.text("token", limit=4096)),
        scheme=who.text("scheme", limit=64) if who else "",
        credentials=Secret(who.text("credentials", limit=4096) if who else ""),
        version="1.0",
    )


def get_task(params: Fields) -> GetTask:
    """Return GetTaskRequest."""
    return GetTask(params.id("id", required=True), params.number("historyLength", 0, MAX_HISTORY))


def list_tasks(params: Fields) -> ListTasks:
    """Return ListTasksRequest."""
    status = params.text("status", limit=64)
    if status and status not in _STATES and status not in _NEVER and status != "TASK_STATE_UNSPECIFIED":
        raise ParamsError(params.where("status"), "is no state of a task")
    return ListTasks(
        context_id=params.id("contextId"),
        state=_STATES.get(status) or ("submitted" if status in _NEVER else None),
        after=_time(params, "statusTimestampAfter"),
        page_size=params.number("pageSize", 1, MAX_PAGE_SIZE) or PAGE_SIZE,
        page_token=params.text("pageToken", limit=256),
        history_length=params.number("historyLength", 0, MAX_HISTORY),
        artifacts=params.flag("includeArtifacts", default=False),
    )


def _time(params: Fields, key: str) -> datetime | None:
    value = params.text(key, limit=64)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise ParamsError(params.where(key), "must be an ISO 8601 time in UTC") from error
    if found.tzinfo is None:
        raise ParamsError(params.where(key), "must end in Z")
    return found


def set_push(params: Fields) -> SetPush:
    """Return TaskPushNotificationConfig."""
    return SetPush(params.id("taskId", required=True), push_config(params))


def get_push(params: Fields) -> GetPush:
    """Return GetTaskPushNotificationConfigRequest."""
    return GetPush(params.id("taskId", required=True), params.id("id", required=True))


def delete_push(params: Fields) -> DeletePush:
    """Return DeleteTaskPushNotificationConfigRequest."""
    return DeletePush(params.id("taskId", required=True), params.id("id", required=True))


METHODS: Mapping[str, Callable[[Fields], Operation]] = {
    "SendMessage": lambda params: send(params, stream=False),
    "SendStreamingMessage": lambda params: send(params, stream=True),
    "GetTask": get_task,
    "ListTasks": list_tasks,
    "CancelTask": lambda params: CancelTask(params.id("id", required=True)),
    "SubscribeToTask": lambda params: Subscribe(params.id("id", required=True)),
    "CreateTaskPushNotificationConfig": set_push,
    "GetTaskPushNotificationConfig": get_push,
    "ListTaskPushNotificationConfigs": lambda params: ListPush(params.id("taskId", required=True)),
    "DeleteTaskPushNotificationConfig": delete_push,
    "GetExtendedAgentCard": lambda _: GetCard(),
}


def operation(method: str, params: Fields) -> Operation:
    """Return what a call asks for. Raises NoSuchMethodError, ParamsError."""
    read = METHODS.get(method)
    if read is None:
        raise NoSuchMethodError(f"A2A 1.0 has no method {method[:64]!r}")
    return read(params)
