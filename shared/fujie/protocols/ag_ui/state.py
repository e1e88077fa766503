"""The agent's state: whole the first time, then what changed, unless the whole is shorter."""

import json
from collections.abc import Iterator
from typing import Any

from fujie.protocols.ag_ui.patch import Operation, patch
from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import value_of

_NOTHING = object()
MAX_DEPTH = 64
"""Readers of protobuf give up at a hundred levels, of which a value takes more than one for each of its own."""


class State:
    """What the client was told of the state."""

    def __init__(self) -> None:
        self._value: Any = _NOTHING
        self._size = 0

    def change(self, text: str) -> Iterator[dict[str, Any]]:
        """Yield how the state became what the JSON text says."""
        value, size = _sized(text)
        old, self._value, self._size = self._value, value, size
        if old is _NOTHING:
            yield from self.again()
            return
        operations = _shorter(old, value, size)
        if operations is None:
            yield from self.again()
        elif operations:
            yield {"type": "STATE_DELTA", "delta": operations}

    def again(self) -> Iterator[dict[str, Any]]:
        """Yield the whole state, if one is known."""
        if self._value is not _NOTHING:
            yield {"type": "STATE_SNAPSHOT", "snapshot": self._value}


def _sized(text: str) -> tuple[Any, int]:
    """Return the value and its length as JSON; what cannot be written as JSON stands for itself, as text."""
    value = value_of(text)
    if not _is_shallow(value, MAX_DEPTH):
        return text, len(text)
    try:
        return value, len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    except (ValueError, RecursionError):
        return text, len(text)


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in inner)


def _shorter(old: Any, new: Any, size: int) -> list[Operation] | None:
    """Return the patch, or None where the whole value is no longer than it."""
    try:
        operations = patch(old, new)
        return operations if not operations or len(compact(operations)) < size else None
    except RecursionError:
        return None
