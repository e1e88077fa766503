"""Any value as JSON text: what a framework or a function yields is not always made for JSON."""

import json
import math
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

_MAX_DEPTH = 100


def json_text(value: Any) -> str:
    """Return the value as JSON text, on one line, spaces kept, non-ASCII unescaped.

    Models, dataclasses and structs become objects, what JSON cannot count becomes null, all else that it has no word
    for becomes its `str`.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain)
    except (TypeError, ValueError, RecursionError):
        return _as_far_as_it_goes(value)


def plain(value: Any) -> Any:
    """Return an object of a framework as what JSON has words for, at least its outermost part."""
    import dataclasses

    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Struct):
        return asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)


def _as_far_as_it_goes(value: Any) -> str:
    try:
        return json.dumps(_countable(value, 0), ensure_ascii=False, default=plain)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(str(value), ensure_ascii=False)


def _countable(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return str(type(value).__name__)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _countable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_countable(item, depth + 1) for item in value]
    return value
