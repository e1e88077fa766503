"""What happens in a run, in our own words; every wire format is made from these and nothing else.

A run's log is a list of these, in order, starting with RunStarted. A pause ends with RunPaused; what follows a
resume is appended to the same log. Replaying a log through an encoder gives the same bytes every time, so ids and
times are in the events, not invented by encoders.
"""

import json
import math
from typing import Any, Literal, NoReturn

from msgspec import Struct, field, to_builtins
from msgspec.json import encode as json_encode

from fujie.permission import ConsentRequest, CredentialBadge, Scope


class RunStarted(Struct, frozen=True):
    run_id: str
    session_id: str
    created_at: int
    """Unix seconds."""


class TextStarted(Struct, frozen=True):
    message_id: str


class TextDelta(Struct, frozen=True, gc=False):
    """A piece of text."""

    message_id: str
    text: str


class TextEnded(Struct, frozen=True):
    message_id: str


class ReasoningStarted(Struct, frozen=True):
    """The model thinks aloud: a message of its own, before or between the texts of the answer."""

    message_id: str


class ReasoningDelta(Struct, frozen=True, gc=False):
    message_id: str
    text: str


class ReasoningEnded(Struct, frozen=True):
    message_id: str


class ToolCalling(Struct, frozen=True):
    """The model is still writing a call, whose `ToolCalled` follows under the same message id.

    `arguments` is the JSON text so far, often cut in the middle; each replaces the one before.
    """

    message_id: str
    call_id: str
    name: str
    arguments: str


class ToolCalled(Struct, frozen=True):
    message_id: str
    call_id: str
    name: str
    arguments: str
    """The arguments as JSON text."""


class ToolReturned(Struct, frozen=True):
    message_id: str
    call_id: str
    name: str
    output: str
    """What the model sees: text, or JSON text."""
    ok: bool
    duration_ms: int
    credential: CredentialBadge | None = None
    error_code: str = ""


class DataProduced(Struct, frozen=True):
    """One whole message of the agent that holds a value, not text."""

    message_id: str
    data: str
    """The value as JSON text; read it with `value_of`."""


class StateChanged(Struct, frozen=True):
    """The agent's state is now this, as a whole."""

    state: str
    """JSON text; read it with `value_of`."""


class ConsentRequired(Struct, frozen=True):
    message_id: str
    call_id: str
    request: ConsentRequest


class ConsentResolved(Struct, frozen=True):
    message_id: str
    consent_id: str
    outcome: Literal["completed", "denied", "expired", "cancelled"]


class RunPaused(Struct, frozen=True):
    """The request ends here; nothing of the run is held until it is woken."""

    waiting_for: tuple[str, ...]
    """Ids of the consents that the run waits for."""


class RunResumed(Struct, frozen=True):
    at: int


class RunCompleted(Struct, frozen=True):
    at: int
    usage: dict[str, int] = field(default_factory=dict)


class RunFailed(Struct, frozen=True):
    at: int
    code: str
    message: str


class RunCanceled(Struct, frozen=True):
    at: int


RunEvent = (
    RunStarted
    | TextStarted
    | TextDelta
    | TextEnded
    | ReasoningStarted
    | ReasoningDelta
    | ReasoningEnded
    | ToolCalling
    | ToolCalled
    | ToolReturned
    | DataProduced
    | StateChanged
    | ConsentRequired
    | ConsentResolved
    | RunPaused
    | RunResumed
    | RunCompleted
    | RunFailed
    | RunCanceled
)

MAX_DEPTH = 64
"""Levels of a value; what is nested deeper, writers and readers of JSON give up on, each at a limit of its own."""

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in RunEvent.__args__}


def event_to_json(event: RunEvent) -> str:
    """Return the event as one JSON object with its kind under `event`, as the run log stores it.

    A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
    """
    kind = type(event).__name__
    try:
        fields = json_encode(event).decode()
    except UnicodeEncodeError:
        text = json.dumps({"event": kind} | to_builtins(event), ensure_ascii=False)
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return f'{{"event":"{kind}",{fields[1:]}'


def event_from_json(text: str) -> RunEvent:
    """Return the event that `event_to_json` wrote."""
    data = json.loads(text)
    kind = _KINDS[data.pop("event")]
    if data.get("credential"):
        data["credential"] = CredentialBadge(**_tuples(data["credential"], "scopes"))
    if kind is ConsentRequired:
        data["request"] = _consent_request(data["request"])
    event: RunEvent = kind(**_tuples(data, "waiting_for"))
    return event


def value_of(text: str) -> Any:
    """Return the value that JSON text stands for; text that is not JSON, or nested without end, stands for itself."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return value if _is_shallow(value, MAX_DEPTH) else text


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in inner)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """JSON can say a number that no float holds; as infinity it could not be written again."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:32]} is too large")
    return number


def _consent_request(data: dict[str, Any]) -> ConsentRequest:
    return ConsentRequest(**data | {"scopes": tuple(Scope(**scope) for scope in data["scopes"])})


def _tuples(data: dict[str, Any], key: str) -> dict[str, Any]:
    return data | {key: tuple(data[key])} if key in data else data
