"""What a service says of itself in COVERAGE.md: the words beside its action tables."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["captured", "documented", "inferred", "invented"]


@dataclass(frozen=True)
class Note:
    """What is not plain about one operation: what differs from the cloud, and how else than usual we know."""

    partly: str = ""
    source: Source | None = None


@dataclass(frozen=True)
class Coverage:
    """What a service's `coverage` module declares; the operations themselves come from its action tables.

    `client` is the Python package of the official client whose operations must all be done or refused by name, ""
    where there is none. `done` and `refused` (operation -> why) are for services that are not RPC.
    """

    title: str
    source: Source
    client: str = ""
    notes: Mapping[str, Note] = field(default_factory=dict)
    done: Callable[[], Collection[str]] = tuple
    refused: Callable[[], Mapping[str, str]] = dict
    inventions: tuple[str, ...] = ()


def noted(names: str, note: Note) -> dict[str, Note]:
    """Return the same note for several operations, whose names are separated by spaces."""
    return dict.fromkeys(names.split(), note)


def captured(names: str) -> dict[str, Note]:
    """Return the note that these operations' requests were recorded from an official client."""
    return noted(names, Note(source="captured"))


def refused_but(done: Iterable[str], why: str, names: str) -> dict[str, str]:
    """Return the refusal of all these names (separated by spaces) but those that are done."""
    kept = set(done)
    return {name: why for name in names.split() if name not in kept}
