"""What a caller invokes an agent with: a JSON payload of its own making, and two or three headers.

An entrypoint function is given the payload as it came. For an agent that answers questions the payload names one, in
any of the ways in use: `prompt`, `input`, `messages`, `query`, `message`, or the payload is the question itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fujie.protocols.agentscope.request import FORWARDED, AgentRequest, RequestInvalidError
from fujie.protocols.invocations.errors import InvocationError, NotJsonError

SESSION_HEADER = "x-amzn-bedrock-agentcore-runtime-session-id"
REQUEST_HEADER = "x-amzn-bedrock-agentcore-runtime-request-id"
_CUSTOM_HEADERS = "x-amzn-bedrock-agentcore-runtime-custom-"

QUESTION_KEYS = ("prompt", "input", "messages", "query", "message")
"""Where the question may stand; the first that is there counts."""
PAYLOAD = "payload"
"""The key under which our request keeps what an entrypoint function is given."""

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "system": "system"}
_SECRET = ("auth", "cookie", "credential", "key", "password", "secret", "session", "token", "-wat")
_STANDARD = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection", "date", "expect"}
    | {"content-encoding", "content-length", "content-type", "forwarded", "from", "host", "keep-alive", "origin", "te"}
    | {"pragma", "proxy-connection", "range", "referer", "trailer", "transfer-encoding", "true-client-ip", "upgrade"}
    | {"user-agent", "via"}
)
"""Headers that say nothing to an agent; both clouds keep these, too."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the agent: a payload to answer, or with `watched_run_id` a run to be read again."""

    request: AgentRequest
    wants: Literal["stream", "whole", ""]
    """What the caller asked for; most leave it to the agent."""
    is_agentcore: bool
    """AgentCore's readers take every `data:` line for JSON; PPIO's wait for `[DONE]`."""
    watched_run_id: str = ""
    after: int = 0
    """How many items of that run the caller has read before."""


def invocation(unverified_body: bytes, headers: Mapping[str, str], *, takes_payload: bool) -> Invocation:
    """Return the call in a body and its headers, whose names are lower case; with `takes_payload`, any JSON is one.

    Raises NotJsonError, InvocationError.
    """
    payload = _json(unverified_body)
    fields: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    run_id = "" if takes_payload or any(key in fields for key in QUESTION_KEYS) else _text(fields, "run_id")
    session_id = headers.get(SESSION_HEADER) or _text(fields, "session_id")
    value = {
        "input": _asked(payload, takes_payload=takes_payload or bool(run_id)),
        PAYLOAD: payload,
        FORWARDED: forwarded(headers),
    } | ({"session_id": session_id} if session_id else {})
    return Invocation(
        request=_checked(value, takes_payload=takes_payload),
        wants=_wanted(fields, headers.get("accept", ""), takes_payload=takes_payload),
        is_agentcore=SESSION_HEADER in headers or REQUEST_HEADER in headers,
        watched_run_id=run_id,
        after=_count(fields.get("after", 0)) if run_id else 0,
    )


def forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that an agent may see: its callers' own. None that could hold a credential is among them."""
    return {name: value for name, value in headers.items() if _may_be_seen(name.lower())}


def _may_be_seen(name: str) -> bool:
    if name in {SESSION_HEADER, REQUEST_HEADER}:
        return True
    if name in _STANDARD or name.startswith(("sec-", "access-control-", "x-forwarded-", "x-fc-", "x-real-", "if-")):
        return False
    if name.startswith(("x-amz-", "x-amzn-")) and not name.startswith(_CUSTOM_HEADERS):
        return False
    return not any(word in name.removeprefix(_CUSTOM_HEADERS) for word in _SECRET)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise NotJsonError("Invalid encoding", str(error)) from error
    except json.JSONDecodeError as error:
        raise NotJsonError("Invalid JSON", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise NotJsonError("Invalid JSON", f"{error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvocationError("`after` is not a count of items", repair="send how many `data:` lines were read")


def _wanted(fields: Mapping[str, Any], accept: str, *, takes_payload: bool) -> Literal["stream", "whole", ""]:
    """An entrypoint's `stream` is its own affair; an agent's is ours."""
    if not takes_payload and isinstance(fields.get("stream"), bool):
        return "stream" if fields["stream"] else "whole"
    takes_stream, takes_json = "text/event-stream" in accept, "application/json" in accept
    if takes_stream == takes_json:
        return ""
    return "stream" if takes_stream else "whole"


def _asked(payload: Any, *, takes_payload: bool) -> list[Any]:
    """Return the question as AgentScope's messages; an entrypoint may be given a payload without one."""
    messages = _messages(payload)
    if not messages and not takes_payload:
        raise InvocationError("the payload holds no question", repair='send {"prompt": "..."}')
    return messages


def _messages(payload: Any) -> list[Any]:
    if isinstance(payload, str):
        return [_spoken("user", payload)] if payload else []
    if isinstance(payload, list):
        return [said for item in payload if (said := _message(item)) is not None]
    if isinstance(payload, dict) and "role" in payload:
        return _messages([payload])
    if isinstance(payload, dict):
        return _messages(next((payload[key] for key in QUESTION_KEYS if payload.get(key)), None))
    return []


def _message(item: Any) -> Any:
    """A message of AgentScope's stays as it is; one of OpenAI's or Strands' is turned; a part is the user's."""
    if isinstance(item, str):
        return _spoken("user", item)
    if not isinstance(item, dict):
        return None
    if "role" not in item and "content" not in item:
        return {"role": "user", "content": [_part(item)]}
    content = item.get("content")
    if isinstance(content, str):
        return _spoken(_ROLES.get(str(item.get("role")), "user"), content)
    if not isinstance(content, list):
        return None
    role = item.get("role")
    return {**item, "role": _ROLES.get(str(role), role), "content": [_part(part) for part in content]}


def _spoken(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _part(part: Any) -> Any:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return part
    if "type" not in part and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    address = part.get("image_url")
    if part.get("type") in {"image_url", "input_image"}:
        return {"type": "image", "image_url": address.get("url") if isinstance(address, dict) else address}
    if part.get("type") in {"input_text", "output_text"}:
        return {"type": "text", "text": part.get("text")}
    return part


def _checked(value: dict[str, Any], *, takes_payload: bool) -> AgentRequest:
    """Return the request; what looked like a question in an entrypoint's payload need not be one."""
    try:
        return AgentRequest.from_value(value)
    except RequestInvalidError as error:
        if takes_payload and value["input"]:
            return _checked(value | {"input": []}, takes_payload=True)
        raise InvocationError(error.message) from error
