"""The Response object around a run's output, and what it repeats of the request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ID_PREFIX = "resp_"
_ID = re.compile(ID_PREFIX + "([A-Za-z0-9-]{1,64})")


@dataclass(frozen=True)
class Asked:
    """What a request said and every answer to it repeats; kept with the run, so that it can be retrieved."""

    model: str = ""
    instructions: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    previous_response_id: str | None = None
    background: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True)
class Head:
    """The run that a Response stands for."""

    run_id: str
    session_id: str
    created_at: int
    """Unix seconds."""
    asked: Asked = Asked()

    @property
    def response_id(self) -> str:
        return ID_PREFIX + self.run_id


def response_object(
    head: Head,
    status: str,
    output: Sequence[Json],
    *,
    completed_at: int | None = None,
    error: Json | None = None,
    usage: Json | None = None,
    fujie: Mapping[str, Any] | None = None,
) -> Json:
    """Return the object, with the keys and nulls of OpenAI's."""
    asked = head.asked
    return {
        "id": head.response_id,
        "object": "response",
        "created_at": head.created_at,
        "status": status,
        "background": asked.background,
        "completed_at": completed_at,
        "conversation": {"id": head.session_id},
        "error": error,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": dict(asked.metadata),
        "model": asked.model,
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": asked.previous_response_id,
        "temperature": asked.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": asked.top_p,
        "truncation": "disabled",
        "usage": usage,
        "fujie": {"run_id": head.run_id, "session_id": head.session_id} | dict(fujie or {}),
    }


def usage_object(usage: Mapping[str, int]) -> Json:
    """Return a run's usage in the words of this API, which has a number for everything; what was not told is 0."""
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return {
        "input_tokens": read,
        "input_tokens_details": {
            "cached_tokens": usage.get("cache_read_tokens", 0),
            "cache_write_tokens": usage.get("cache_write_tokens", 0),
        },
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.get("reasoning_tokens", 0)},
        "total_tokens": read + written,
    }


def run_id_of(unverified_response_id: str) -> str | None:
    """Return the run that a response id names, or None when it is no id of ours."""
    match = _ID.fullmatch(unverified_response_id)
    return match[1] if match else None
