"""What every kind of resource offers, and the one way in which the ensure of `fujie dev` uses it.

A resource is a mapping of its properties, in snake_case; lists whose order means nothing are sorted by `kind.shown`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.providers.clients import CloudClients
from infra.providers.errors import NotOurs

Properties = Mapping[str, Any]
Problems = Iterable[tuple[str, str]]


def _no_problems(_: Properties) -> Problems:
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of resource, as the cloud keeps it."""

    name: str
    key: tuple[str, ...]
    """The properties by which it is found; a change of one is another resource."""
    fields: tuple[str, ...]
    """The others that are declared."""
    find: Callable[[CloudClients, Properties], dict[str, Any] | None]
    """Return what the cloud tells of the resource with this key: `fields` without `unread`, and `outputs`."""
    create: Callable[[CloudClients, Properties], dict[str, Any]]
    """Return `outputs`."""
    update: Callable[[CloudClients, Properties, Properties], None]
    """Bring what was found (third) into line with what is wanted (second)."""
    delete: Callable[[CloudClients, Properties], None]
    fixed: frozenset[str] = frozenset()
    """Fields that cannot be changed: another value replaces the resource."""
    unread: frozenset[str] = frozenset()
    """Fields that the cloud never tells: secrets."""
    unordered: frozenset[str] = frozenset()
    """Lists whose order means nothing."""
    outputs: tuple[str, ...] = ()
    """What the cloud adds."""
    check: Callable[[Properties], Problems] = field(default=_no_problems)
    """Return (property, reason) for each that cannot be right; values that are not known yet are left out."""
    marked: bool = True
    """Whether `description` says whose it is; else its name alone does."""

    def id_of(self, wanted: Properties) -> str:
        """Return the resource's name in the account: its key."""
        return "/".join(str(wanted[name]) for name in self.key)

    def differs(self, name: str, one: Any, other: Any) -> bool:
        """Tell whether two values of a field mean something else."""
        if name in self.unordered and isinstance(one, list) and isinstance(other, list):
            return sorted(one) != sorted(other)
        return bool(one != other)

    def changed(self, old: Properties, new: Properties) -> list[str]:
        """Return the declared properties that differ."""
        return [name for name in (*self.key, *self.fields) if self.differs(name, old.get(name), new.get(name))]


def make(clients: CloudClients, kind: Kind, wanted: Properties, *, adopt: bool = False) -> dict[str, Any]:
    """Create the resource, or find again the one that an interrupted create left; return what the cloud adds.

    Raises NotOurs when there is one of that name that is not this stack's, unless it is to be adopted.
    """
    found = kind.find(clients, wanted)
    if found is None:
        return kind.create(clients, wanted)
    if not adopt and kind.marked and found.get("description") != wanted["description"]:
        raise NotOurs(kind.name, kind.id_of(wanted))
    return align(clients, kind, wanted, found)


def align(clients: CloudClients, kind: Kind, wanted: Properties, found: Properties) -> dict[str, Any]:
    """Update what differs; return `outputs`. The cloud never shows a secret, so one that is declared is given again."""
    if any(kind.differs(name, found.get(name), wanted.get(name)) for name in set(kind.fields) - kind.unread) or any(
        wanted.get(name) for name in kind.unread
    ):
        kind.update(clients, wanted, found)
    return {name: found[name] for name in kind.outputs}


def ensure(clients: CloudClients, kind: Kind, wanted: Properties) -> dict[str, Any]:
    """Make the resource exist as wanted, whoever made it; return what the cloud adds."""
    return make(clients, kind, wanted, adopt=True)
