"""What a caller sends to `chat/completions`, checked once at the door and turned into our request.

The last message must be the user's: it starts the run. With a session id (`?sessionId=`) the conversation is kept
here, so earlier messages of the body are left out; without one a new conversation begins, and they are its context:
instructions of `system` and `developer`, and what both sides said. Tool messages among them are left out.
A body that ends with a tool's result or an answer is refused: this agent's tool calls have already been carried out
when they are shown, and to ask the same question again would carry them out twice.

Unknown keys, also inside content parts, are accepted and dropped; `user` and `user_id` are never believed: who asks
is in the token. Sampling parameters and `tools` are the agent's affair and are not used; what would change the form
of the answer (`n` above 1, a `tool_choice` that demands a call) is refused.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, ValidationError

from fujie.protocols.agentscope.request import (
    MAX_BODY_BYTES,
    Address,
    AgentRequest,
    Id,
    RequestInvalidError,
    Text,
    request_from_body,
)
from fujie.protocols.openai_chat.errors import ChatRequestError

__all__ = ["MAX_BODY_BYTES", "ChatRequest", "chat_request"]

_NOT_JSON = "the body is not readable as JSON"
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class _Known(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TextPart(_Known):
    type: Literal["text"]
    text: Text

    def ours(self) -> dict[str, Any]:
        return {"type": "text", "text": self.text}


class RefusalPart(_Known):
    type: Literal["refusal"]
    refusal: Text

    def ours(self) -> dict[str, Any]:
        return {"type": "text", "text": self.refusal}


class ImageAddress(_Known):
    url: Address


class ImagePart(_Known):
    type: Literal["image_url"]
    image_url: ImageAddress

    def ours(self) -> dict[str, Any]:
        return {"type": "image", "image_url": self.image_url.url}


class Sound(_Known):
    data: Text
    format: Id


class AudioPart(_Known):
    type: Literal["input_audio"]
    input_audio: Sound

    def ours(self) -> dict[str, Any]:
        return {"type": "audio", "data": self.input_audio.data, "format": self.input_audio.format}


class Attachment(_Known):
    file_id: Address | None = None
    filename: Address | None = None
    file_data: Text | None = None


class FilePart(_Known):
    type: Literal["file"]
    file: Attachment

    def ours(self) -> dict[str, Any]:
        return {"type": "file"} | self.file.model_dump(exclude_none=True)


Part = Annotated[TextPart | RefusalPart | ImagePart | AudioPart | FilePart, Field(discriminator="type")]


def _text_or_parts(value: Any) -> str:
    return "text" if isinstance(value, str) else "parts"


Content = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[Part], Field(max_length=64), Tag("parts")],
    Discriminator(_text_or_parts),
]
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Theirs to ours; those that are not here (`tool`, `function`) are left out."""


class ChatMessage(_Known):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None

    def ours(self) -> dict[str, Any]:
        parts = [{"type": "text", "text": self.content}] if isinstance(self.content, str) else self._parts()
        return {"type": "message", "role": _ROLES[self.role], "content": parts}

    def _parts(self) -> list[dict[str, Any]]:
        return [part.ours() for part in self.content or [] if not isinstance(part, str)]


class StreamOptions(_Known):
    include_usage: bool | None = None


class _Body(_Known):
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=256)]
    model: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    tool_choice: Literal["auto", "none"] | None = None


@dataclass(frozen=True)
class ChatRequest:
    """The run to start, and how its answer is to look."""

    run: AgentRequest
    model: str
    """What the caller called the model; empty where he did not say."""
    stream: bool
    include_usage: bool


def chat_request(unverified_body: bytes, unverified_session_id: str | None = None) -> ChatRequest:
    """Return the request in a body and its query. Raises ChatRequestError."""
    body = _checked(_json(unverified_body))
    _check_it_ends_with_a_question(body.messages)
    known = [message for message in body.messages if message.role in _ROLES]
    input_ = [message.ours() for message in (known[-1:] if unverified_session_id is not None else known)]
    run: dict[str, Any] = {"input": input_, "stream": bool(body.stream)}
    if unverified_session_id is not None:
        run["session_id"] = unverified_session_id
    options = body.stream_options or StreamOptions()
    return ChatRequest(_run(run), body.model or "", bool(body.stream), bool(options.include_usage))


def _check_it_ends_with_a_question(messages: list[ChatMessage]) -> None:
    last = len(messages) - 1
    if messages[last].role != "user":
        raise ChatRequestError(
            f"the last message is not the user's but of role {messages[last].role}",
            param=f"messages[{last}].role",
            repair="end with the user's question; tool calls shown in an answer are done and need no result",
        )


def _checked(value: Any) -> _Body:
    if not isinstance(value, dict):
        raise ChatRequestError("the body must be a JSON object")
    try:
        return _Body.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        param = _path(first["loc"])
        raise ChatRequestError(f"{param}: {first['msg']}", param=param) from error


def _run(value: dict[str, Any]) -> AgentRequest:
    """Check as the one door of runs does; what it may still find is half a surrogate pair, and the session id."""
    try:
        return request_from_body(json.dumps(value).encode())
    except RequestInvalidError as error:
        where = "sessionId" if "session_id" in error.detail[0]["loc"] else "messages"
        raise ChatRequestError(f"{where}: {error.detail[0]['msg']}", param=where) from error


def _path(location: tuple[int | str, ...]) -> str:
    """Return where a value stands as OpenAI writes it, `messages[0].content`, without our unions' tags."""
    tags = {"text", "parts", "refusal", "image_url", "input_audio", "file"}
    path = ""
    for index, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
        elif not (
            step in tags and index and (location[index - 1] == "content" or isinstance(location[index - 1], int))
        ):
            path += f".{step}" if path else step
    return path


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ChatRequestError(_NOT_JSON) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
