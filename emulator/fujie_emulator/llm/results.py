"""What a tool gave back: the data in it, or the kind of failure it tells of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FailureKind = Literal[
    "denied", "expired", "cancelled", "sign_in", "not_found", "forbidden", "unavailable", "input", "other"
]

_KINDS: tuple[tuple[FailureKind, str], ...] = (
    ("cancelled", r"cancel"),
    ("expired", r"consent_expired|consent.*expired|expired|too late|timed_out_waiting"),
    ("sign_in", r"sign_in_again|sign in again|delegation_required"),
    (
        "denied",
        r"consent_denied|user (?:has )?(?:denied|refused)|did not allow|was denied|declined|consent.*denied|^denied",
    ),
    ("not_found", r"not_?found|no ?such|does not exist|\b404\b"),
    ("forbidden", r"forbidden|access_?denied|no_?permission|misconfigured|\b403\b|\b401\b"),
    ("input", r"invalid_input|invalid_arguments|validation|\b422\b|\b400\b|too_large"),
    ("unavailable", r"unavailable|provider|upstream|timeout|timed out|deadline|\b5\d\d\b|connect|throttl|network"),
)
_CODES: dict[str, FailureKind] = {
    "consent_denied": "denied",
    "consent_expired": "expired",
    "consent_cancelled": "cancelled",
    "sign_in_again": "sign_in",
    "token_expired": "sign_in",
    "delegation_expired": "sign_in",
    "delegation_required": "sign_in",
    "object_not_found": "not_found",
    "object_access_denied": "forbidden",
    "provider_denied": "forbidden",
    "cloud_refused": "forbidden",
    "identity_misconfigured": "forbidden",
    "tool_misconfigured": "forbidden",
    "invalid_arguments": "input",
    "provider_failed": "unavailable",
    "throttled": "unavailable",
}
# Only what frameworks say of themselves: any other text is data, whatever it speaks of.
_FAILED_TEXT = re.compile(
    r"^\s*(?:error\b\s*[:：]|the tool call was denied|unknown tool name|\d+ validation errors?\b)", re.IGNORECASE
)
_WRAPPERS = ("output", "result", "structuredContent", "structured_content", "data")


@dataclass(frozen=True)
class Failure:
    """A tool's failure: its kind, the words it came with, and what it says can be done."""

    kind: FailureKind
    message: str
    repair: str = ""


def data_of(content: str) -> Any:
    """Return the data in a tool's answer, out of the wrappers that carry it."""
    try:
        value = json.loads(content)
    except ValueError:
        return content
    return _unwrapped(value)


def failure_of(content: str) -> Failure | None:
    """Return the failure that a tool's answer tells of, or None when it holds data."""
    try:
        value = json.loads(content)
    except ValueError:
        value = content
    if isinstance(value, str):
        return _failure("", value, "") if _FAILED_TEXT.match(value) else None
    return _failure_in(value) if isinstance(value, Mapping) else None


def _failure_in(value: Mapping[str, Any]) -> Failure | None:
    error = value.get("error")
    if isinstance(error, str) and error:
        error = {"code": error, "message": value.get("message") or error, "repair": value.get("repair")}
    elif not isinstance(error, Mapping) and (value.get("isError") is True or value.get("status") == "error"):
        error = {"code": value.get("code"), "message": value.get("message") or _unwrapped(value)}
    if not isinstance(error, Mapping):
        return None
    return _failure(str(error.get("code") or ""), str(error.get("message") or ""), str(error.get("repair") or ""))


def _failure(code: str, message: str, repair: str) -> Failure:
    evidence = f"{code} {message}".strip().lower()
    guessed: FailureKind = next((kind for kind, pattern in _KINDS if re.search(pattern, evidence)), "other")
    return Failure(_CODES.get(code, guessed), message.strip(), repair.strip())


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1 and _is_text_part(value[0]):
        return data_of(value[0]["text"])
    if not isinstance(value, Mapping):
        return value
    if value.get("status") == "ok" and "output" in value:
        return _unwrapped(value["output"])
    if isinstance(value.get("content"), list) and value["content"] and _is_text_part(value["content"][0]):
        structured = value.get("structuredContent")
        return _unwrapped(structured) if structured else _unwrapped(value["content"][:1])
    if len(value) == 1 and (name := next(iter(value))) in _WRAPPERS:
        return _unwrapped(value[name])
    return value


def _is_text_part(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "text" and isinstance(value.get("text"), str)
