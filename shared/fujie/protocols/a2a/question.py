"""A user's message to the request that starts a run, and back."""

import json
from collections.abc import Sequence

from fujie.protocols.a2a.errors import ParamsError
from fujie.protocols.a2a.nouns import DataPart, FilePart, Json, Message, Part, TextPart
from fujie.protocols.agentscope import request
from fujie.protocols.agentscope.request import AgentRequest, RequestInvalidError, request_from_body


def request_of(message: Message, context_id: str, metadata: Json) -> AgentRequest:
    """Return the run's request. Raises ParamsError when the message cannot be kept.

    `language` in the request's metadata chooses the language of words shown to the user, `zh` or `en`.
    """
    said = {"type": "message", "role": "user", "id": message.id, "content": list(map(_content, message.parts))}
    language = {"language": metadata["language"]} if metadata.get("language") in ("zh", "en") else {}
    session = {"session_id": context_id} if context_id else {}
    try:
        return request_from_body(json.dumps({"input": [said]} | session | language).encode())
    except RequestInvalidError as error:
        raise ParamsError("message", error.message) from error


def message_of(asked: AgentRequest) -> Message | None:
    """Return the user's last message as A2A shows it in a task's history; None where the run began with none.

    A run may have come in by any protocol, so a message without an id gets one that stays.
    """
    said = [message for message in asked.input if message.role == "user"]
    if not said:
        return None
    parts = [part for content in said[-1].content or () for part in _parts(content)]
    return Message(said[-1].id or "question", "user", parts or [TextPart("")])


def _content(part: Part) -> Json:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, DataPart):
        return {"type": "data", "data": part.value if isinstance(part.value, dict) else {"value": part.value}}
    if part.url and part.media_type.startswith("image/"):
        return {"type": "image", "image_url": part.url}
    held = {"file_url": part.url} if part.url else {"file_data": part.content}
    return {"type": "file"} | held | ({"filename": part.name} if part.name else {})


def _parts(content: object) -> Sequence[Part]:
    """Return what A2A can show of one piece of a request: sound and video have addresses only."""
    match content:
        case request.TextPart(text=text):
            return [TextPart(text or "")]
        case request.DataPart(data=data):
            return [DataPart(data or {})]
        case request.ImagePart(image_url=str(url)):
            return [FilePart(url=url, media_type="image/*")]
        case request.FilePart(file_url=str(url), filename=name):
            return [FilePart(url=url, name=name or "")]
        case request.FilePart(file_data=str(data), filename=name):
            return [FilePart(content=data, name=name or "")]
    return []
