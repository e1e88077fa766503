"""COVERAGE.md, made from the services' action tables and from what they declare beside them."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from fujie_emulator.core.coverage import Coverage, Note
from fujie_emulator.core.services import PACKAGES, Service, load_services

_HEAD = """# What the emulated cloud does

Made from the code by `python -m fujie_emulator coverage`. A test fails when it is out of date, another when an
official client has an operation that is neither done nor refused here. Nothing was compared with the real service by
running it.

**Does it:** *yes*: the whole operation, as far as we know it; *partly*: with the difference named; *refused*: the
answer is an error that names the operation (`UnsupportedOperation`, in object storage `NotImplemented`), never an
empty success.

**How we know:** *captured*: a request of the official client or provider was recorded, and the answer is what that
client reads; *documented*: public documentation or the official client's models; *inferred*: from samples, field notes
or a sibling service; *invented*: ours, because nothing was found. Error codes are known in the same way as their
operation unless they are listed as ours.
"""


@dataclass(frozen=True)
class Operation:
    """One line of the page."""

    name: str
    does: str
    source: str
    words: str


def coverage_page() -> str:
    """Return the whole page."""
    covered = {service.name: (service, declared(service.name)) for service in load_services()}
    counts = [_counts(service, coverage) for service, coverage in covered.values()]
    table = ["| service | yes | partly | refused | official client |", "|---|---|---|---|---|", *counts]
    parts = [part for service, coverage in covered.values() for part in _section(service, coverage)]
    return "\n".join([_HEAD, *table, "", *parts]).rstrip() + "\n"


def declared(service: str) -> Coverage:
    """Return what the service's `coverage` module says; every service has one."""
    if service not in PACKAGES:
        raise KeyError(service)
    coverage = importlib.import_module(f"fujie_emulator.{service}.coverage").COVERAGE
    if not isinstance(coverage, Coverage):
        raise TypeError(f"fujie_emulator.{service}.coverage.COVERAGE is not a Coverage")
    return coverage


def done(service: Service) -> set[str]:
    """Return the operations that the service does, whole or partly."""
    return set(service.rpc.actions if service.rpc else ()) | set(declared(service.name).done())


def refusals(service: Service) -> Mapping[str, str]:
    """Return the operations that the service refuses by name, with the reason."""
    return dict(service.rpc.refused if service.rpc else {}) | dict(declared(service.name).refused())


def operations(service: Service) -> list[Operation]:
    """Return the operations that are done, in the order of their names."""
    coverage = declared(service.name)
    return [_operation(name, coverage.notes.get(name, Note()), coverage) for name in sorted(done(service))]


def _operation(name: str, note: Note, coverage: Coverage) -> Operation:
    return Operation(name, "partly" if note.partly else "yes", note.source or coverage.source, note.partly)


def _counts(service: Service, coverage: Coverage) -> str:
    rows = operations(service)
    partly = sum(row.does == "partly" for row in rows)
    client = f"`{coverage.client}`" if coverage.client else ""
    link = f"[{coverage.title}](#{_anchor(coverage.title)})"
    return f"| {link} | {len(rows) - partly} | {partly} | {len(refusals(service))} | {client} |"


def _anchor(title: str) -> str:
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")


def _section(service: Service, coverage: Coverage) -> Iterator[str]:
    yield f"## {coverage.title}\n"
    rows = operations(service)
    if rows:
        yield "| operation | does it | how we know | what differs |\n|---|---|---|---|"
        yield from (f"| {row.name} | {row.does} | {row.source} | {row.words} |" for row in rows)
        yield ""
    for why, names in _by_reason(refusals(service)):
        yield f"**Refused** ({why}): {', '.join(names)}.\n"
    if coverage.inventions:
        yield "**Ours**, because nothing was found:\n"
        yield "\n".join(f"- {words}" for words in coverage.inventions) + "\n"


def _by_reason(refused: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    pairs = sorted((why, name) for name, why in refused.items())
    for why, group in groupby(pairs, key=lambda pair: pair[0]):
        yield why, [name for _, name in group]
