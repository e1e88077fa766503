"""Reading JSON objects from outside: every value is checked, and what is wrong is named by its path.

ProtoJSON's leniency is kept: both spellings of a name, null for nothing, numbers as text.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from fujie.protocols.a2a.errors import NotJsonError, ParamsError

MAX_ID_CHARS = 128
_ID = re.compile(rf"[\x21-\x7e]{{1,{MAX_ID_CHARS}}}")
_CAPITAL = re.compile(r"[A-Z]")
_INTEGER = re.compile(r"-?\d{1,9}(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object from outside, and where it was found."""

    values: Mapping[str, Any]
    path: str = ""

    def where(self, key: str) -> str:
        """Return the path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def get(self, *keys: str) -> Any:
        """Return the first of the keys that is there and not null, under either spelling; else None."""
        for key in keys:
            for name in (key, _CAPITAL.sub(lambda match: f"_{match[0].lower()}", key)):
                if self.values.get(name) is not None:
                    return self.values[name]
        return None

    def text(self, key: str, *, limit: int = 8192) -> str:
        """Return a string, or an empty one."""
        value = self.get(key)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > limit:
            raise ParamsError(self.where(key), f"must be a string of at most {limit} characters")
        return value

    def held(self, key: str) -> str:
        """Return a string that may hold a whole file: only the body's own limit bounds it."""
        value = self.get(key)
        if not isinstance(value, str):
            raise ParamsError(self.where(key), "must be a string")
        return value

    def id(self, key: str, *, required: bool = False) -> str:
        """Return an identifier; an empty one where it may be left out."""
        value = self.text(key)
        if (value or required) and not _ID.fullmatch(value):
            raise ParamsError(self.where(key), f"must be 1 to {MAX_ID_CHARS} visible ASCII characters")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.get(key)
        if value is None:
            return default
        if value in ("true", "false"):
            return bool(value == "true")
        if not isinstance(value, bool):
            raise ParamsError(self.where(key), "must be true or false")
        return value

    def number(self, key: str, low: int, high: int) -> int | None:
        """Return an integer between two, both included, or None."""
        value = self.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)) or not low <= int(float(value)) <= high:
            raise ParamsError(self.where(key), f"must be an integer from {low} to {high}")
        return int(float(value))

    def object(self, *keys: str) -> "Fields | None":
        """Return the object under the first of the keys that is there."""
        value = self.get(*keys)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ParamsError(self.where(keys[0]), "must be an object")
        return Fields(value, self.where(keys[0]))

    def needed(self, *keys: str) -> "Fields":
        """Return the object under the first of the keys that is there; raises ParamsError when none is."""
        found = self.object(*keys)
        if found is None:
            raise ParamsError(self.where(keys[0]), "is missing")
        return found

    def objects(self, *keys: str, limit: int) -> Sequence["Fields"]:
        """Return a list of at least one object."""
        value = self.get(*keys)
        if not isinstance(value, list) or not 1 <= len(value) <= limit:
            raise ParamsError(self.where(keys[0]), f"must be a list of 1 to {limit} objects")
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise ParamsError(f"{self.where(keys[0])}[{index}]", "must be an object")
        return [Fields(item, f"{self.where(keys[0])}[{index}]") for index, item in enumerate(value)]


def json_of(unverified_body: bytes) -> Any:
    """Return the value in a body. Raises NotJsonError."""
    try:
        return json.loads(unverified_body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJsonError("the body is not readable as JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
