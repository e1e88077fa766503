"""What was asked of the cloud, by whom, and what it decided; never secrets, cookies or bodies."""

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from fujie_emulator.core.call import ANONYMOUS, Caller
from fujie_emulator.core.clock import Clock, iso

KEPT = 5000  # rows; a long test makes a few hundred
MOST_QUESTIONS = 20  # of a row; a delete of a thousand objects asks a thousand times


@dataclass
class Entry:
    """One row in the making; services fill what they know through `note`."""

    seq: int = 0
    time: str = ""
    service: str = ""
    action: str = ""
    caller: Caller = ANONYMOUS
    status: int = 0
    code: str = ""
    decision: dict[str, Any] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)  # what RAM was asked, in the order of the questions
    credential_fingerprint: str = ""
    truncated: bool = False  # a fault asked that the answer ends half-way

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the admin route shows it."""
        row: dict[str, Any] = {
            "seq": self.seq,
            "time": self.time,
            "service": self.service,
            "action": self.action,
            "caller": {"type": self.caller.type, "arn": self.caller.arn, "name": self.caller.name},
            "access_key_id": self.caller.access_key_id,
            "status": self.status,
            "code": self.code,
            "decision": self.decision,
            "asked": self.asked,
        }
        return row | {"credential_fingerprint": self.credential_fingerprint} if self.credential_fingerprint else row


_current: ContextVar[Entry | None] = ContextVar("journal_entry", default=None)


class Journal:
    """The last rows, in memory, numbered from 1."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)

    @contextmanager
    def entry(self, service: str = "", action: str = "") -> Iterator[Entry]:
        """Open the row of one request; every request on the cloud's port has one already.

        The row is kept once `keep` is called, which the edge does when the answer starts.
        """
        entry = Entry(service=service, action=action)
        token = _current.set(entry)
        try:
            yield entry
        finally:
            _current.reset(token)

    def keep(self, entry: Entry) -> None:
        """Number the row and keep it; rows that no service claimed are left out. Keeping twice is once."""
        if entry.seq or not entry.service:
            return
        entry.seq = next(self._numbers)
        entry.time = iso(self._clock.now())
        self._rows.append(entry)

    def clear(self) -> None:
        """Forget the rows; their numbers are not used again."""
        self._rows.clear()

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the kept rows with a higher number, oldest first."""
        return [entry.as_dict() for entry in list(self._rows) if entry.seq > seq]


def note(**fields: Any) -> None:
    """Fill fields of the present request's row (service, action, caller, code, decision, credential_fingerprint)."""
    entry = _current.get()
    if entry is None:
        return
    for name, value in fields.items():
        if name not in Entry.__dataclass_fields__:
            raise AttributeError(f"a journal row has no {name}")
        setattr(entry, name, value)


def note_question(action: str, resources: Sequence[str]) -> None:
    """Add to the present request's row what RAM is asked: an action in its own words, and on what."""
    entry = _current.get()
    if entry is not None and len(entry.asked) < MOST_QUESTIONS:
        entry.asked.append({"action": action, "resources": list(resources)})


def fingerprint(credential: str) -> str:
    """Return 12 hex digits that tell credentials apart without giving one away."""
    return hashlib.sha256(credential.encode()).hexdigest()[:12]
