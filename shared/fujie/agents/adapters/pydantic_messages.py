"""The input of a request as Pydantic AI's message history."""

from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fujie.agents.adapters.history import (
    Attachment,
    Turn,
    answers_joined,
    ends_with_a_question,
    media_type_of,
    turns,
)
from fujie.errors import InputError
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.agentscope.words import clean

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponsePart, UserContent


def pydantic_messages(request: AgentRequest) -> "list[ModelMessage]":
    """Return the history; its last request is the question, so the agent needs no other prompt.

    Raises InputError when there is none, and for an attachment that is neither https nor data.
    """
    said = answers_joined(turns(request))
    if not ends_with_a_question(said):
        raise InputError("the input does not end with a message of the user's", repair='send one with role "user"')
    return [_message(turn) for turn in said]


def _message(turn: Turn) -> "ModelMessage":
    from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, ToolReturnPart, UserPromptPart

    if turn.outputs:
        return ModelRequest([ToolReturnPart(out.name, clean(out.text), out.call_id) for out in turn.outputs])
    if turn.role == "assistant":
        return ModelResponse(list(_answered(turn)))
    if turn.role == "system":
        return ModelRequest([SystemPromptPart(clean(turn.text))])
    return ModelRequest([UserPromptPart([_content(part) for part in turn.parts])])


def _answered(turn: Turn) -> "Iterator[ModelResponsePart]":
    from pydantic_ai.messages import TextPart, ThinkingPart, ToolCallPart

    if turn.thoughts:
        yield ThinkingPart(clean(turn.thoughts))
    if turn.text:
        yield TextPart(clean(turn.text))
    for call in turn.calls:
        yield ToolCallPart(call.name, call.arguments_object(), call.call_id)


def _content(part: str | Attachment) -> "UserContent":
    from pydantic_ai.messages import AudioUrl, BinaryContent, DocumentUrl, ImageUrl, VideoUrl

    if isinstance(part, str):
        return clean(part)
    if part.data:
        return BinaryContent(_decoded(part), media_type=media_type_of(part))
    if not part.url.startswith("https://"):
        raise InputError(f"the {part.kind} is not at an https address", repair="send an https address, or data")
    match part.kind:
        case "image":
            return ImageUrl(part.url)
        case "audio":
            return AudioUrl(part.url)
        case "video":
            return VideoUrl(part.url)
    return DocumentUrl(part.url)


def _decoded(part: Attachment) -> bytes:
    try:
        return b64decode(part.data, validate=True)
    except ValueError as error:
        raise InputError(f"the {part.kind} is no base64", repair="send it as data:...;base64,...") from error
