"""0.3's requests, by method or by route, to operations.

Over HTTP+JSON its SDK sends ProtoJSON (`content`, `ROLE_USER`), while the specification shows the objects of
JSON-RPC (`parts`, `user`): both are read, over either transport.
"""

import base64
from collections.abc import Callable, Mapping

from fujie.protocols.a2a.errors import NoSuchMethodError, ParamsError
from fujie.protocols.a2a.fields import Fields
from fujie.protocols.a2a.nouns import DataPart, FilePart, Message, Part, TextPart
from fujie.protocols.a2a.operations import (
    CancelTask,
    DeletePush,
    GetCard,
    GetPush,
    GetTask,
    ListPush,
    Operation,
    Send,
    SetPush,
    Subscribe,
)
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.question import request_of
from fujie.protocols.a2a.v1_0.decode import MAX_HISTORY, MAX_PARTS, MAX_TEXT_CHARS, content_of
from fujie.secret import Secret


def send(params: Fields, *, stream: bool) -> Send:
    """Return MessageSendParams. Without `blocking` the answer waits; ProtoJSON leaves out a false one."""
    said = params.needed("message", "request")
    message = Message(said.id("messageId", required=True), "user", _parts(said))
    if said.get("role") not in ("user", "ROLE_USER", 1):
        raise ParamsError(said.where("role"), "must be user")
    given = params.object("configuration")
    how = given or Fields({}, "configuration")
    push = how.object("pushNotificationConfig", "pushNotification")
    context_id, metadata = said.id("contextId"), params.object("metadata")
    return Send(
        request=request_of(message, context_id, dict(metadata.values) if metadata else {}),
        message=message,
        task_id=said.id("taskId"),
        context_id=context_id,
        stream=stream,
        wait=how.flag("blocking", default=given is None or said.get("content") is None),
        history_length=how.number("historyLength", 0, MAX_HISTORY),
        push=push_config(push) if push else None,
    )


def _parts(message: Fields) -> list[Part]:
    return [_part(part) for part in message.objects("parts", "content", limit=MAX_PARTS)]


def _part(part: Fields) -> Part:
    if part.get("text") is not None:
        return TextPart(part.text("text", limit=MAX_TEXT_CHARS))
    data = part.object("data")
    if data is not None:
        wrapped = part.get("kind") is None and isinstance(data.get("data"), dict)
        return DataPart(data.get("data") if wrapped else dict(data.values))
    file = part.object("file")
    if file is None:
        raise ParamsError(part.path, "must have `text`, `data` or `file`")
    return _file(file)


def _file(file: Fields) -> FilePart:
    name, media_type = file.text("name"), file.text("mimeType")
    for key in ("uri", "fileWithUri"):
        if file.get(key) is not None:
            return FilePart(url=file.held(key), name=name, media_type=media_type)
    if file.get("fileWithBytes") is not None:
        content = _from_proto_bytes(file)
        return FilePart(content=content, name=name, media_type=media_type)
    return FilePart(content=content_of(file, "bytes"), name=name, media_type=media_type)


def _from_proto_bytes(file: Fields) -> str:
    """Undo what ProtoJSON did to the base64 text."""
    try:
        text = base64.b64decode(content_of(file, "fileWithBytes")).decode("ascii")
    except UnicodeDecodeError as error:
        raise ParamsError(file.where("fileWithBytes"), "must be base64 of base64") from error
    return content_of(Fields({"fileWithBytes": text}, file.path), "fileWithBytes")


def push_config(config: Fields) -> PushConfig:
    """Return where to notify, with the first of its schemes that is Bearer, or else the first."""
    who = config.object("authentication")
    schemes = who.get("schemes") if who else None
    if schemes is not None and not (isinstance(schemes, list) and all(isinstance(one, str) for one in schemes)):
        raise ParamsError(config.where("authentication.schemes"), "must be a list of strings")
    chosen = [one for one in schemes or [] if one.lower() == "bearer"] or list(schemes or [])
    return PushConfig(
        id=config.id("id"),
        url=config.text("url", limit=2048),
        token=Secret(config.text("token", limit=4096)),
        scheme=chosen[0][:64] if chosen else "",
        credentials=Secret(who.text("credentials", limit=4096) if who else ""),
        version="0.3",
    )


def get_task(params: Fields) -> GetTask:
    """Return TaskQueryParams."""
    return GetTask(params.id("id", required=True), params.number("historyLength", 0, MAX_HISTORY))


def set_push(params: Fields) -> SetPush:
    """Return TaskPushNotificationConfig, or ProtoJSON's CreateTaskPushNotificationConfigRequest (`config`)."""
    config = params.object("config") or params
    return SetPush(params.id("taskId", required=True), push_config(config.needed("pushNotificationConfig")))


def get_push(params: Fields) -> GetPush:
    """Return GetTaskPushNotificationConfigParams."""
    return GetPush(params.id("id", required=True), params.id("pushNotificationConfigId"))


def delete_push(params: Fields) -> DeletePush:
    """Return DeleteTaskPushNotificationConfigParams."""
    return DeletePush(params.id("id", required=True), params.id("pushNotificationConfigId", required=True))


METHODS: Mapping[str, Callable[[Fields], Operation]] = {
    "message/send": lambda params: send(params, stream=False),
    "message/stream": lambda params: send(params, stream=True),
    "tasks/get": get_task,
    "tasks/cancel": lambda params: CancelTask(params.id("id", required=True)),
    "tasks/resubscribe": lambda params: Subscribe(params.id("id", required=True)),
    "tasks/pushNotificationConfig/set": set_push,
    "tasks/pushNotificationConfig/get": get_push,
    "tasks/pushNotificationConfig/list": lambda params: ListPush(params.id("id", required=True)),
    "tasks/pushNotificationConfig/delete": delete_push,
    "agent/getAuthenticatedExtendedCard": lambda _: GetCard(),
}


def operation(method: str, params: Fields) -> Operation:
    """Return what a call asks for. Raises NoSuchMethodError, ParamsError."""
    read = METHODS.get(method)
    if read is None:
        raise NoSuchMethodError(f"A2A 0.3 has no method {method[:64]!r}")
    return read(params)
