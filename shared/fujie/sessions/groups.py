"""Writes of many runs in one transaction: what comes while one is being committed is written together after it.

Every run begins with a write and ends with one, and a commit costs more than ten of either. Each write of a group has
an outcome of its own: a run that is refused does not keep the others. How many there are, the number of statements is
the same: their rows come as one JSON array, which the database takes apart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from fujie.sessions.errors import ConflictError, FencedError, StoreUnavailableError
from fujie.sessions.port import RunEnd
from fujie.sessions.rows import Conversation, Run
from fujie.sessions.tables import columns_from_row

MAX_AT_ONCE = 256
"""Writes of one transaction: others that want the database are not kept out for long."""
MAX_CHARS = 1024 * 1024
"""Of their events, after which no further write is taken in."""


class Begin(Struct, frozen=True):
    """A run that is to begin, in a conversation that may be new."""

    run: Run
    title: str


class Append(Struct, frozen=True):
    """Events of a run that is held under a fence, and how its row is left, if they are its last."""

    run_id: str
    fence: int
    first_seq: int
    events: Sequence[str]
    end: RunEnd | None = None


class Rows(Struct, frozen=True):
    """What a group writes: a JSON array for each statement; empty where there is nothing."""

    conversations: str
    runs: str
    holds: str
    events: Sequence[tuple[str, int, str]]
    """Run id, number of the first, and the events as a JSON array of texts."""


Write = Begin | Append
Asked = tuple[Write, asyncio.Future[None]]
Taken = tuple[set[str], set[str]]
"""Ids of the runs that began, and of those that were held under the fence that was named."""
WriteRows = Callable[[Rows], Awaitable[Taken]]
"""Writes all rows in one transaction. Raises StoreError, and writes nothing then."""


class Groups:
    """Writes in the order in which they come, as many together as wait."""

    def __init__(self, write_rows: WriteRows, *, keeps_offset: bool) -> None:
        self._write_rows = write_rows
        self._keeps_offset = keeps_offset
        self._waiting: list[Asked] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, write: Write) -> None:
        """Return when it is committed. Raises StoreError: ConflictError for a begin, FencedError for events."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((write, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await written

    async def close(self) -> None:
        """Return when all that was taken is written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        try:
            while group := self._next_group():
                await self._write(group)
        finally:
            self._writer = None

    def _next_group(self) -> list[Asked]:
        """Return what may be written together: of one conversation, and of one run, a write at a time.

        Of two runs that begin with one id the database would tell both that this id has begun.
        """
        group: list[Asked] = []
        later: list[Asked] = []
        names, chars = set[str](), 0
        for write, written in self._waiting:
            own = {write.run.conversation_id, write.run.id} if isinstance(write, Begin) else {write.run_id}
            if own & names or len(group) == MAX_AT_ONCE or chars > MAX_CHARS:
                later.append((write, written))
            elif not written.done():  # else who asked for it has gone
                names |= own
                group.append((write, written))
                chars += sum(map(len, write.events)) if isinstance(write, Append) else 0
        self._waiting = later
        return group

    async def _write(self, group: Sequence[Asked]) -> None:
        try:
            taken = await self._write_rows(rows_of([write for write, _ in group], keeps_offset=self._keeps_offset))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            if len(group) == 1 or isinstance(error, StoreUnavailableError):
                _tell(group, error)
                return
            for one in group:  # one of them is at fault, and is told alone
                await self._write([one])
            return
        for write, written in group:
            _tell([(write, written)], _refusal(write, taken))


def rows_of(group: Sequence[Write], *, keeps_offset: bool) -> Rows:
    """Return the rows of a group; `keeps_offset` where the database's times have an offset from UTC."""
    begins = [write for write in group if isinstance(write, Begin)]
    appends = [write for write in group if isinstance(write, Append)]

    def array(rows: Iterable[dict[str, Any]]) -> str:
        plain = [{name: _plain(value, keeps_offset) for name, value in row.items()} for row in rows]
        return msgspec.json.encode(plain).decode() if plain else ""

    return Rows(
        array(columns_from_row(_conversation_of(begin)) for begin in begins),
        array(columns_from_row(begin.run) for begin in begins),
        array(_hold(append) for append in appends),
        [
            (append.run_id, append.first_seq, msgspec.json.encode(append.events).decode())
            for append in appends
            if append.events
        ],
    )


def _conversation_of(begin: Begin) -> Conversation:
    run = begin.run
    return Conversation(run.conversation_id, run.user, begin.title, run.created_at, run.created_at)


def _hold(append: Append) -> dict[str, Any]:
    end = append.end
    left = (end.status, end.now, end.history, end.pending, end.error) if end else (None,) * 5
    return {"id": append.run_id, "fence": append.fence} | dict(zip(HOLD_COLUMNS[2:], left, strict=True))


HOLD_COLUMNS = ("id", "fence", "status", "updated_at", "history", "pending", "error")


def _plain(value: Any, keeps_offset: bool) -> Any:  # noqa: FBT001
    if not isinstance(value, datetime):
        return value
    text = value.astimezone(UTC).isoformat(" ", "microseconds")
    return text if keeps_offset else text[: -len("+00:00")]


def _refusal(write: Write, taken: Taken) -> Exception | None:
    begun, held = taken
    if isinstance(write, Begin):
        return None if write.run.id in begun else ConflictError("the run exists, or its conversation is not free")
    return None if write.run_id in held else FencedError("another worker has taken this run since")


def _tell(group: Iterable[Asked], error: Exception | None) -> None:
    for _, written in group:
        if written.done():
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)
