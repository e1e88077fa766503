"""What a caller sends to `responses`, checked once at the door and turned into our request.

`input` is a question, or items of which the last is the user's message. With `previous_response_id` or `conversation`
they are what is new in a conversation that is kept here; without, a new conversation begins, and earlier items are
its context. Tool calls, their results and reasoning among them are left out. Items that end with a tool's result are
refused: this agent's tool calls have been carried out when they are shown.

Unknown keys are accepted and dropped; who asks is in the token. Sampling parameters are handed to the agent, `tools`
are its own affair. What would change the form of the answer is refused: a `tool_choice` that demands a call, a
`text.format` that is not text, a `prompt` that is kept elsewhere.
"""

from collections.abc import Sequence
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
    converted,
    decoded,
)
from fujie.protocols.openai_chat.errors import OpenAiRequestError
from fujie.protocols.openai_responses.response import Asked, run_id_of

Json = dict[str, Any]
ASKED_KEY = "openai_response"
"""Where a run's request keeps what every answer repeats."""
_LEFT_OUT = frozenset({"reasoning", "function_call", "function_call_output"})


class PreviousResponseNotFoundError(OpenAiRequestError):
    """There is no such response, or it is somebody else's."""

    code = "previous_response_not_found"
    status = 404

    def __init__(self, response_id: str) -> None:
        super().__init__(f"there is no response {response_id!r}", param="previous_response_id")


class InputText(Struct, frozen=True, tag_field="type", tag="input_text"):
    text: Text

    def ours(self) -> Json:
        return {"type": "text", "text": self.text}


class OutputText(Struct, frozen=True, tag_field="type", tag="output_text"):
    text: Text

    def ours(self) -> Json:
        return {"type": "text", "text": self.text}


class Refusal(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: Text

    def ours(self) -> Json:
        return {"type": "text", "text": self.refusal}


class InputImage(Struct, frozen=True, tag_field="type", tag="input_image"):
    image_url: Held

    def ours(self) -> Json:
        return {"type": "image", "image_url": self.image_url}


class InputFile(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="input_file"):
    file_id: Address | None = None
    file_url: Held | None = None
    filename: Address | None = None
    file_data: Held | None = None

    def ours(self) -> Json:
        return dict(msgspec.to_builtins(self), type="file")


Part = InputText | OutputText | Refusal | InputImage | InputFile
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class Message(Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[Part], Meta(max_length=MAX_PARTS)]

    def ours(self) -> Json:
        parts = [InputText(self.content)] if isinstance(self.content, str) else self.content
        return {"type": "message", "role": _ROLES[self.role], "content": [part.ours() for part in parts]}


class ConversationId(Struct, frozen=True):
    id: Name


class TextFormat(Struct, frozen=True):
    type: Literal["text"]


class TextOptions(Struct, frozen=True):
    format: TextFormat | None = None


_Label = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=512)]


class _Body(Struct, frozen=True):
    input: (
        Annotated[str, Meta(min_length=1, max_length=256 * 1024)]
        | Annotated[list[Json], Meta(min_length=1, max_length=MAX_MESSAGES)]
    )
    model: Name | None = None
    stream: bool | None = None
    background: bool | None = None
    instructions: Text | None = None
    previous_response_id: Name | None = None
    conversation: Name | ConversationId | None = None
    metadata: Annotated[dict[_Label, _Value], Meta(max_length=16)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    text: TextOptions | None = None
    prompt: None = None

    def session_id(self) -> str | None:
        return self.conversation.id if isinstance(self.conversation, ConversationId) else self.conversation


_decoder = msgspec.json.Decoder(_Body)


@dataclass(frozen=True)
class ResponseRequest:
    """The run to start, what its answer repeats, and how it is to look."""

    asked: Asked
    stream: bool
    messages: Sequence[Json]
    previous_run_id: str | None
    """The run whose conversation goes on."""
    session_id: str | None

    def run(self, session_id: str | None) -> AgentRequest:
        """Return the request for a run in a conversation, or in a new one. Raises OpenAiRequestError."""
        asked = self.asked
        return checked_run(
            self.messages,
            session="conversation",
            where="input",
            stream=self.stream,
            session_id=session_id,
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=asked.max_output_tokens,
            **{ASKED_KEY: msgspec.to_builtins(asked)},
        )


def response_request(unverified_body: bytes, agent: str) -> ResponseRequest:
    """Return the request in a body; `agent` is the model where it names none. Raises OpenAiRequestError."""
    body = decoded(_decoder, unverified_body)
    if body.previous_response_id is not None and body.conversation is not None:
        words = "previous_response_id and conversation name the same thing; send one of them"
        raise OpenAiRequestError(words, param="previous_response_id")
    return ResponseRequest(
        asked=_asked(body, agent),
        stream=bool(body.stream),
        messages=[message.ours() for message in [*_instructions(body), *_messages(body.input)]],
        previous_run_id=_previous_run_id(body),
        session_id=body.session_id(),
    )


def asked_of(run_request: str) -> Asked:
    """Return what a run's stored request says; of a run that came in by another door, nothing."""
    try:
        kept = msgspec.json.decode(run_request, type=dict[str, Any]).get(ASKED_KEY)
        return msgspec.convert(kept, Asked)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Asked()


def _asked(body: _Body, agent: str) -> Asked:
    return Asked(
        model=body.model or agent,
        instructions=body.instructions,
        metadata=body.metadata or {},
        previous_response_id=body.previous_response_id,
        background=bool(body.background),
        max_output_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
    )


def _instructions(body: _Body) -> list[Message]:
    return [Message("system", body.instructions)] if body.instructions else []


def _messages(input_: str | list[Json]) -> list[Message]:
    if isinstance(input_, str):
        return [Message("user", input_)]
    found = [(index, _message(item, f"input[{index}]")) for index, item in enumerate(input_)]
    index, last = found[-1]
    if last is None or last.role != "user":
        raise OpenAiRequestError(
            "the last item is not the user's message",
            param=f"input[{index}]",
            repair="end with the user's question; tool calls shown in an answer are done and need no result",
        )
    return [message for _, message in found if message is not None]


def _message(item: Json, where: str) -> Message | None:
    """Return the message that an item is, or None when it is one of those that are left out."""
    kind = item.get("type", "message")
    if isinstance(kind, str) and kind in _LEFT_OUT:
        return None
    if kind != "message":
        raise OpenAiRequestError(f"{where}.type: no item of this type is taken here", param=f"{where}.type")
    return converted(item, Message, where)


def _previous_run_id(body: _Body) -> str | None:
    if body.previous_response_id is None:
        return None
    if (run_id := run_id_of(body.previous_response_id)) is None:
        raise PreviousResponseNotFoundError(body.previous_response_id)
    return run_id
