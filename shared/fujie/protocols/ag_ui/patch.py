"""The difference of two JSON values as a JSON Patch (RFC 6902)."""

from collections.abc import Iterator
from typing import Any

Operation = dict[str, Any]


def patch(old: Any, new: Any) -> list[Operation]:
    """Return operations that make `new` of `old`, none where they are the same."""
    return list(_patch("", old, new))


def _patch(path: str, old: Any, new: Any) -> Iterator[Operation]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _objects(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _arrays(path, old, new)
    elif type(old) is not type(new) or old != new:
        yield {"op": "replace", "path": path, "value": new}


def _objects(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Operation]:
    for key in (key for key in old if key not in new):
        yield {"op": "remove", "path": _below(path, key)}
    for key, value in new.items():
        if key in old:
            yield from _patch(_below(path, key), old[key], value)
        else:
            yield {"op": "add", "path": _below(path, key), "value": value}


def _arrays(path: str, old: list[Any], new: list[Any]) -> Iterator[Operation]:
    """Compare place by place; what is past the shorter one is added, or removed from the end."""
    shared = min(len(old), len(new))
    for index in range(shared):
        yield from _patch(f"{path}/{index}", old[index], new[index])
    for index in reversed(range(shared, len(old))):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for index in range(shared, len(new)):
        yield {"op": "add", "path": f"{path}/{index}", "value": new[index]}


def _below(path: str, key: str) -> str:
    return f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
