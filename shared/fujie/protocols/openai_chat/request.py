"""What a caller sends to `chat/completions`, checked once at the door and turned into our request.

The last message must be the user's: it starts the run. With a session id (`?sessionId=`) the conversation is kept
here, so earlier messages of the body are left out; without one a new conversation begins, and they are its context:
instructions of `system` and `developer`, and what both sides said. Tool messages among them are left out.
A body that ends with a tool's result or an answer is refused: this agent's tool calls have already been carried out
when they are shown, and to ask the same question again would carry them out twice.

Unknown keys, also inside content parts, are accepted and dropped; `user` and `user_id` are never believed: who asks
is in the token. Sampling parameters are handed to the agent, `tools` are its own affair and not used; what would
change the form of the answer (`n` above 1, a `tool_choice` that demands a call, a `response_format`) is refused.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.openai_chat.checking import (
    MAX_MESSAGES,
    MAX_PARTS,
    Address,
    Held,
    Name,
    Text,
    checked_run,
    decoded,
)
from fujie.protocols.openai_chat.errors import OpenAiRequestError


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: Text

    def ours(self) -> dict[str, Any]:
        return {"type": "text", "text": self.text}


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: Text

    def ours(self) -> dict[str, Any]:
        return {"type": "text", "text": self.refusal}


class ImageAddress(Struct, frozen=True):
    url: Held


class ImagePart(Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageAddress

    def ours(self) -> dict[str, Any]:
        return {"type": "image", "image_url": self.image_url.url}


class Sound(Struct, frozen=True):
    data: Held
    format: Name


class AudioPart(Struct, frozen=True, tag_field="type", tag="input_audio"):
    input_audio: Sound

    def ours(self) -> dict[str, Any]:
        return {"type": "audio", "data": self.input_audio.data, "format": self.input_audio.format}


class Attachment(Struct, frozen=True, omit_defaults=True):
    file_id: Address | None = None
    filename: Address | None = None
    file_data: Held | None = None


class FilePart(Struct, frozen=True, tag_field="type", tag="file"):
    file: Attachment

    def ours(self) -> dict[str, Any]:
        return dict(msgspec.to_builtins(self.file), type="file")


Part = TextPart | RefusalPart | ImagePart | AudioPart | FilePart
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Theirs to ours; those that are not here (`tool`, `function`) are left out."""


class ChatMessage(Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Annotated[list[Part], Meta(max_length=MAX_PARTS)] | None = None

    def ours(self) -> dict[str, Any]:
        text = [TextPart(self.content)] if isinstance(self.content, str) else []
        parts = [part.ours() for part in text or self.content or [] if not isinstance(part, str)]
        return {"type": "message", "role": _ROLES[self.role], "content": parts}


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class ResponseFormat(Struct, frozen=True):
    type: Literal["text"]


class _Body(Struct, frozen=True):
    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=1)] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True)
class ChatRequest:
    """The run to start, and how its answer is to look."""

    run: AgentRequest
    model: str
    """What the caller called the model; empty where he did not say."""
    stream: bool
    include_usage: bool


def chat_request(unverified_body: bytes, unverified_session_id: str | None = None) -> ChatRequest:
    """Return the request in a body and its query. Raises OpenAiRequestError."""
    body = decoded(_decoder, unverified_body)
    _check_it_ends_with_a_question(body.messages)
    known = [message for message in body.messages if message.role in _ROLES]
    run = checked_run(
        [message.ours() for message in (known[-1:] if unverified_session_id is not None else known)],
        session="sessionId",
        where="messages",
        stream=bool(body.stream),
        session_id=unverified_session_id,
        temperature=body.temperature,
        top_p=body.top_p,
        max_tokens=body.max_completion_tokens or body.max_tokens,
    )
    options = body.stream_options or StreamOptions()
    return ChatRequest(run, body.model or "", bool(body.stream), bool(options.include_usage))


def _check_it_ends_with_a_question(messages: list[ChatMessage]) -> None:
    last = len(messages) - 1
    if messages[last].role != "user":
        raise OpenAiRequestError(
            f"the last message is not the user's but of role {messages[last].role}",
            param=f"messages[{last}].role",
            repair="end with the user's question; tool calls shown in an answer are done and need no result",
        )
