"""What a caller sends to `/process`, checked once at the door: the one request that every protocol is turned into.

Unknown keys are kept. `user_id` is kept and never believed. What is wrong is answered as FastAPI would: 422, `detail`.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fujie.errors import InputError
from fujie.protocols.agentscope.words import clean

MAX_BODY_BYTES = 1024 * 1024
FORWARDED = "fujie_forwarded_headers"
"""The key under which `/invocations` keeps the headers that an agent may see; no body can bring them."""

Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+\Z")]
Text = Annotated[str, Meta(max_length=256 * 1024)]
Address = Annotated[str, Meta(max_length=8192)]
Held = str
"""What may hold a whole file, as a `data:` URL or base64: only the body's own limit bounds it."""
_RESPONSE_ID = re.compile(r"response_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class RequestInvalidError(InputError):
    """The body is not an AgentRequest; `detail` is FastAPI's list of what is wrong where."""

    code = "invalid_request"
    status = 422

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in detail[:5]))
        self.detail = detail


class _Part(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


class TextPart(_Part, frozen=True, tag="text"):
    text: Text | None = None


class DataPart(_Part, frozen=True, tag="data"):
    data: dict[str, Any] | None = None


class ImagePart(_Part, frozen=True, tag="image"):
    image_url: Held | None = None


class AudioPart(_Part, frozen=True, tag="audio"):
    data: Held | None = None
    format: Id | None = None


class VideoPart(_Part, frozen=True, tag="video"):
    video_url: Held | None = None


class FilePart(_Part, frozen=True, tag="file"):
    file_url: Held | None = None
    file_id: Address | None = None
    filename: Address | None = None
    file_data: Held | None = None


class RefusalPart(_Part, frozen=True, tag="refusal"):
    refusal: Text | None = None


Part = TextPart | DataPart | ImagePart | AudioPart | VideoPart | FilePart | RefusalPart


class InputMessage(Struct, frozen=True, omit_defaults=True):
    """One message of the input; a role that is null counts as the assistant's, as in AgentScope."""

    type: Annotated[str, Meta(max_length=64)] = "message"
    role: Literal["assistant", "user", "system", "tool"] | None = None
    id: Id | None = None
    content: Annotated[list[Part], Meta(max_length=64)] | None = None
    metadata: dict[str, Any] | None = None


class AgentRequest(Struct, frozen=True, omit_defaults=True, dict=True):
    """The question, the conversation it belongs to (`session_id`), and how to answer."""

    input: Annotated[list[InputMessage], Meta(max_length=256)]
    stream: bool = True
    id: Id | None = None
    model: Id | None = None
    top_p: float | None = None
    temperature: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: Text | Annotated[list[Text], Meta(max_length=16)] | None = None
    n: Annotated[int, Meta(ge=1, le=5)] | None = 1
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    session_id: Id | None = None
    user_id: Annotated[str, Meta(max_length=256)] | None = None
    language: Literal["en", "zh"] | None = None
    """Ours: the language of words shown to the user; null takes it from the question."""

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> "AgentRequest":
        """Return the request that a JSON object is. Raises RequestInvalidError."""
        try:
            request = msgspec.convert(value, cls)
        except msgspec.ValidationError as error:
            from fujie.protocols.agentscope.faults import of_field

            raise RequestInvalidError([of_field(error, value)]) from error
        msgspec.structs.force_setattr(request, "given", value)
        return request

    @classmethod
    def from_json(cls, text: str | bytes) -> "AgentRequest":
        """Return the request that `as_json` wrote."""
        return cls.from_value(msgspec.json.decode(text))

    def as_value(self) -> dict[str, Any]:
        """Return what was sent, as far down as it goes, unknown keys included; not to be changed."""
        given: dict[str, Any] | None = self.__dict__.get("given")
        return msgspec.to_builtins(self) if given is None else given

    def as_json(self) -> str:
        """Return what was sent as JSON text."""
        value = self.as_value()
        try:
            return msgspec.json.encode(value).decode()
        except UnicodeEncodeError:
            return clean(json.dumps(value, ensure_ascii=False))

    def changed(self, **fields: Any) -> "AgentRequest":
        """Return the request with other values of these fields. Raises RequestInvalidError."""
        return AgentRequest.from_value({**self.as_value(), **fields})

    def within(self, session_id: str, user_id: str) -> "AgentRequest":
        """Return the request as it counts: in this conversation, of this verified user."""
        owned = msgspec.structs.replace(self, session_id=session_id, user_id=user_id)
        given = {**self.as_value(), "session_id": session_id, "user_id": user_id}
        msgspec.structs.force_setattr(owned, "given", given)
        return owned

    @property
    def extra(self) -> Mapping[str, Any]:
        """Return the keys of the object that are none of ours."""
        return {key: value for key, value in self.as_value().items() if key not in self.__struct_fields__}

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
        match = _RESPONSE_ID.fullmatch(self.id) if self.id else None
        return match[1] if match else None


_decode = msgspec.json.Decoder().decode


def request_from_body(unverified_body: bytes) -> AgentRequest:
    """Return the request in a body. Raises RequestInvalidError."""
    try:
        value = _decode(unverified_body)
    except (ValueError, RecursionError) as error:
        from fujie.protocols.agentscope.faults import not_json

        raise RequestInvalidError([not_json(unverified_body)]) from error
    if not isinstance(value, dict):
        from fujie.protocols.agentscope.faults import no_object

        raise RequestInvalidError([no_object(value)])
    value.pop(FORWARDED, None)
    return AgentRequest.from_value(value)
