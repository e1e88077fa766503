"""What both of OpenAI's APIs check alike: JSON against a shape, with the place of a fault as OpenAI writes it."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from fujie.protocols.agentscope.request import AgentRequest, RequestInvalidError, request_from_body
from fujie.protocols.openai_chat.errors import OpenAiRequestError

Text = Annotated[str, Meta(max_length=256 * 1024)]
Address = Annotated[str, Meta(max_length=8192)]
Held = str
"""What may hold a whole file, as a `data:` URL or base64: only the body's own limit bounds it."""
Name = Annotated[str, Meta(min_length=1, max_length=128)]
MAX_PARTS = 64
MAX_MESSAGES = 256

_T = TypeVar("_T")
_PLACE = re.compile(r"(?P<words>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")


def decoded(decoder: "msgspec.json.Decoder[_T]", unverified_body: bytes) -> _T:
    """Return what a body holds. Raises OpenAiRequestError."""
    try:
        return decoder.decode(unverified_body)
    except msgspec.ValidationError as error:
        raise fault(error) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise OpenAiRequestError("the body is not readable as JSON") from error


def converted(value: Any, kind: type[_T], where: str) -> _T:
    """Return a part of a body, which stands at `where`, as what it has to be. Raises OpenAiRequestError."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise fault(error, where) from error


def fault(error: msgspec.ValidationError, where: str = "") -> OpenAiRequestError:
    """Return the error with its place, such as `messages[0].content[1].text`."""
    match = _PLACE.fullmatch(str(error))
    assert match is not None
    words, path = match["words"], match["path"] or ""
    missing = _MISSING.fullmatch(words)
    steps = [step for step in (where, path, missing[1] if missing else "") if step]
    param = ".".join(steps).replace(".[", "[") or None
    return OpenAiRequestError(f"{param}: {words}" if param else f"the body: {words}", param=param)


def checked_run(messages: Sequence[dict[str, Any]], session: str, where: str, **fields: Any) -> AgentRequest:
    """Return the request as the one door of runs takes it; `session` and `where` name id and messages in errors."""
    body = {"input": list(messages)} | {key: value for key, value in fields.items() if value is not None}
    try:
        return request_from_body(json.dumps(body).encode())
    except RequestInvalidError as error:
        param = session if "session_id" in error.detail[0]["loc"] else where
        raise OpenAiRequestError(f"{param}: {error.detail[0]['msg']}", param=param) from error
