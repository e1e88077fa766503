"""JSON values that every reader of A2A takes: protobuf's `Value` is stricter than JSON."""

import json
import math
from typing import Any

from fujie.protocols.agentscope.words import clean

MAX_DEPTH = 32
"""protobuf gives up at 100 levels, of which a `Struct` takes two for one of ours, and the frame around it some."""
MAX_INTEGER = 2**53 - 1
"""Beyond it a `Value`, which is a double, is another number; such integers travel as text."""


def portable(value: Any, depth: int = 0) -> Any:
    """Return the value with what no reader takes turned into text: deep nesting, huge integers, half characters."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return str(value) if abs(value) < 10**400 else "too large"
    if isinstance(value, dict | list | tuple):
        return _nested(value, depth)
    return value


def _nested(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
    if depth >= MAX_DEPTH:
        return clean(_text(value))
    if isinstance(value, dict):
        return {clean(str(key)): portable(item, depth + 1) for key, item in value.items()}
    return [portable(item, depth + 1) for item in value]


def _text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "nested too deep"
