"""What is wrong with a body, as FastAPI words it: one entry of `detail`, with a kind, a place and words.

Imported at the first fault.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from msgspec import ValidationError

from fujie.protocols.agentscope.words import clean

_MAX_ECHO_CHARS = 200
"""An error repeats the refused value only when it is short."""


def no_object(value: Any) -> dict[str, Any]:
    """Say that a body is something else than an object."""
    return _item("dict_type", ("body",), "Input should be a valid dictionary", value)


def not_json(body: bytes) -> dict[str, Any]:
    """Say where, in the words of Python's reader, which are FastAPI's; it takes some texts that we do not."""
    place, words = 0, "not readable as JSON"
    try:
        path = _unpaired(json.loads(body, parse_constant=_refuse_constant))
        if path is not None:
            words = "Input should be a valid string, without half a surrogate pair"
            return _item("string_unicode", ("body", *path), words, None)
    except json.JSONDecodeError as error:
        place, words = error.pos, error.msg
    except (ValueError, RecursionError):
        pass
    item = _item("json_invalid", ("body", place), "JSON decode error", {})
    return item | {"ctx": {"error": words}}


def _unpaired(value: Any) -> list[int | str] | None:
    """Return where half a surrogate pair stands alone, as JSON's escapes can say it."""
    if isinstance(value, str):
        return None if clean(value) == value else []
    steps: Iterable[tuple[int | str, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, part in steps:
        if (path := _unpaired(part)) is not None:
            return [step, *path]
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_FAULT = re.compile(r"(?P<words>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")
_KINDS = (
    (re.compile(r"Expected `array[^`]*`, got"), "list_type", "Input should be a valid list"),
    (re.compile(r"Expected `object[^`]*`, got"), "dict_type", "Input should be a valid dictionary"),
    (re.compile(r"Expected `str[^`]*`, got"), "string_type", "Input should be a valid string"),
    (re.compile(r"Expected `int[^`]*`, got"), "int_type", "Input should be a valid integer"),
    (re.compile(r"Expected `float[^`]*`, got"), "float_type", "Input should be a valid number"),
    (re.compile(r"Expected `bool[^`]*`, got"), "bool_type", "Input should be a valid boolean"),
    (re.compile(r"Expected `str` of length >="), "string_too_short", ""),
    (re.compile(r"Expected `str` of length <="), "string_too_long", ""),
    (re.compile(r"Expected `str` matching"), "string_pattern_mismatch", ""),
    (re.compile(r"Expected `array` of length"), "too_long", ""),
    (re.compile(r"Expected `int` >="), "greater_than_equal", ""),
    (re.compile(r"Expected `int` <="), "less_than_equal", ""),
    (re.compile(r"Invalid enum value"), "literal_error", ""),
    (re.compile(r"Invalid value"), "union_tag_invalid", ""),
)
"""How msgspec words a fault, and FastAPI's name for it, with its words where ours would say less."""


def of_field(error: ValidationError, value: Mapping[str, Any]) -> dict[str, Any]:
    """Say which part of an object is not as it has to be."""
    found = _FAULT.fullmatch(str(error))
    assert found is not None
    words, path = found["words"], _path(found["path"] or "")
    if missing := _MISSING.fullmatch(words):
        return _item("missing", ("body", *path, missing[1]), "Field required", _at(value, path))
    kind, said = next(((kind, said) for like, kind, said in _KINDS if like.match(words)), ("value_error", ""))
    if kind == "union_tag_invalid":
        path = path[:-1]
    return _item(kind, ("body", *path), said or words, _at(value, path))


def _path(text: str) -> list[int | str]:
    return [int(index) if index else name for index, name in _STEP.findall(text)]


def _at(value: Any, path: list[int | str]) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _item(kind: str, where: tuple[int | str, ...], words: str, value: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"type": kind, "loc": list(where), "msg": words}
    if isinstance(value, dict | list | str | int | float | bool | None) and _is_short(value):
        item["input"] = value
    return item


def _is_short(value: Any) -> bool:
    try:
        return len(repr(value)) <= _MAX_ECHO_CHARS
    except RecursionError:
        return False
