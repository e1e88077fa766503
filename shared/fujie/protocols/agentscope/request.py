"""What a caller sends to `/process`, checked once at the door.

Unknown keys are kept. `user_id` is kept and never believed. What is wrong is answered as FastAPI would: 422, `detail`.
"""

import json
import re
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fujie.errors import InputError

MAX_BODY_BYTES = 1024 * 1024
_MAX_ECHO_CHARS = 200
"""An error repeats the refused value only when it is short."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Text = Annotated[str, StringConstraints(max_length=256 * 1024)]
Address = Annotated[str, StringConstraints(max_length=8192)]
_RESPONSE_ID = re.compile(r"response_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class RequestInvalidError(InputError):
    """The body is not an AgentRequest; `detail` is FastAPI's list of what is wrong where."""

    code = "invalid_request"
    status = 422

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in detail[:5]))
        self.detail = detail


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class TextPart(_Open):
    type: Literal["text"] = "text"
    text: Text | None = None


class DataPart(_Open):
    type: Literal["data"]
    data: dict[str, Any] | None = None


class ImagePart(_Open):
    type: Literal["image"]
    image_url: Address | None = None


class AudioPart(_Open):
    type: Literal["audio"]
    data: Text | None = None
    format: Id | None = None


class VideoPart(_Open):
    type: Literal["video"]
    video_url: Address | None = None


class FilePart(_Open):
    type: Literal["file"]
    file_url: Address | None = None
    file_id: Address | None = None
    filename: Address | None = None
    file_data: Text | None = None


class RefusalPart(_Open):
    type: Literal["refusal"]
    refusal: Text | None = None


Part = Annotated[
    TextPart | DataPart | ImagePart | AudioPart | VideoPart | FilePart | RefusalPart, Field(discriminator="type")
]


class InputMessage(_Open):
    """One message of the input; a role that is null counts as the assistant's, as in AgentScope."""

    type: Annotated[str, StringConstraints(max_length=64)] = "message"
    role: Literal["assistant", "user", "system", "tool"] | None = None
    id: Id | None = None
    content: Annotated[list[Part], Field(max_length=64)] | None = None
    metadata: dict[str, Any] | None = None


class AgentRequest(_Open):
    """The question, the conversation it belongs to (`session_id`), and how to answer."""

    input: Annotated[list[InputMessage], Field(max_length=256)]
    stream: bool = True
    id: Id | None = None
    model: Id | None = None
    top_p: float | None = None
    temperature: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: Text | Annotated[list[Text], Field(max_length=16)] | None = None
    n: Annotated[int, Field(ge=1, le=5)] | None = 1
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    session_id: Id | None = None
    user_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    language: Literal["en", "zh"] | None = None
    """Ours: the language of words shown to the user; null takes it from the question."""

    def question(self) -> str:
        """Return the text of the last user message, or nothing."""
        asked = [message for message in self.input if message.role == "user"]
        parts = (asked[-1].content or []) if asked else []
        return "\n".join(part.text for part in parts if isinstance(part, TextPart) and part.text)

    def spoken(self) -> Literal["en", "zh"]:
        """Return the language to show words in."""
        return self.language or ("zh" if re.search(r"[\u4e00-\u9fff]", self.question()) else "en")

    def run_id(self) -> str | None:
        """Return the run id that the caller chose, when `id` is `response_<uuid>`; any other id is not used."""
        match = _RESPONSE_ID.fullmatch(self.id or "")
        return match[1] if match else None


def request_from_body(unverified_body: bytes) -> AgentRequest:
    """Return the request in a body. Raises RequestInvalidError."""
    value = _json(unverified_body)
    if not isinstance(value, dict):
        raise RequestInvalidError([_item("dict_type", ("body",), "Input should be a valid dictionary", value)])
    try:
        request = AgentRequest.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise RequestInvalidError(
            [_item(item["type"], ("body", *item["loc"]), item["msg"], item["input"]) for item in found[:20]]
        ) from error
    _check_it_can_be_kept(request)
    return request


def _check_it_can_be_kept(request: AgentRequest) -> None:
    """Refuse what a run's row could not hold as JSON or give back: half a surrogate pair, nesting without end."""
    try:
        AgentRequest.model_validate_json(request.model_dump_json(exclude_unset=True))
    except ValueError as error:
        item = _item("json_invalid", ("body",), "Input is nested too deep, or holds half a surrogate pair", {})
        raise RequestInvalidError([item]) from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _not_json(error.pos, error.msg) from error
    except (ValueError, RecursionError) as error:
        raise _not_json(0, "not readable as JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json(position: int, words: str) -> RequestInvalidError:
    item = _item("json_invalid", ("body", position), "JSON decode error", {})
    return RequestInvalidError([item | {"ctx": {"error": words}}])


def _item(kind: str, where: tuple[int | str, ...], words: str, value: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"type": kind, "loc": list(where), "msg": words}
    if isinstance(value, dict | list | str | int | float | bool | None) and len(repr(value)) <= _MAX_ECHO_CHARS:
        item["input"] = value
    return item
