"""Runs whose worker died: whoever looks next deals with them, so that the conversation lives on.

A call is in the log before it is made. So the log tells what can have happened: a run that had been woken and made no
new call waits once more, since what it was to call is made once however often it is asked for; one with a call that
nobody saw return fails, and says that its outcome is unknown; any other has simply ended.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from fujie import clock
from fujie.agents.errors import AgentError, OutcomeUnknownError, RunLostError
from fujie.agents.pending import pending_from_json
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunEvent,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    ToolCalled,
    ToolReturned,
    event_from_json,
    event_to_json,
)
from fujie.sessions.errors import FencedError
from fujie.sessions.port import RunEnd, Store
from fujie.sessions.rows import Run

BURIAL = timedelta(seconds=15)
TAKEN_UP_WITHIN = timedelta(hours=1)
"""Of the end of its lease a run may wait once more: `tool` remembers for longer which calls it made."""
MAX_WAKES = 3
"""A run that was woken so often in vain takes its workers with it."""
LOST = RunLostError("the worker that ran this is gone; nothing more comes of it", repair="ask again")


async def bury_if_lost(store: Store, run: Run, *, now: clock.Clock = clock.now) -> Run:
    """Return the run; when it is running and its lease has ended, it is failed or waiting then.

    One that waits is to be woken.
    """
    moment = now()
    if run.status != "running" or (run.lease_expires_at is not None and run.lease_expires_at > moment):
        return run
    held = await store.lease_run(run.id, f"burial-{run.fence}", moment, moment + BURIAL, ("running",))
    if held is not None:
        await _deal(store, held, run.lease_expires_at, moment)
    return await store.run(run.id) or run


async def bury_lost_runs(store: Store, conversation_id: str, *, now: clock.Clock = clock.now) -> list[Run]:
    """Deal with every run of a conversation whose worker died; return those that are to be woken."""
    found = [(run, await bury_if_lost(store, run, now=now)) for run in await store.runs(conversation_id)]
    return [after for before, after in found if (before.status, after.status) == ("running", "waiting")]


async def _deal(store: Store, run: Run, lease_ended: datetime | None, moment: datetime) -> None:
    rows = await store.events(run.id)
    seen, next_seq = [event_from_json(text) for _, text in rows], rows[-1][0] + 1 if rows else 0
    try:
        if lease_ended is not None and moment - lease_ended < TAKEN_UP_WITHIN and may_wait_again(run, seen):
            again = [] if isinstance(seen[-1], RunPaused) else [RunPaused(pending_from_json(run.pending).consents())]
            await _write(store, run, next_seq, again, RunEnd("waiting", moment))
        else:
            error = error_of(seen)
            last = _end(run, seen, error, int(moment.timestamp()))
            await _write(store, run, next_seq, last, RunEnd("failed", moment, error=error.code))
    except FencedError:
        return


def may_wait_again(run: Run, seen: Sequence[RunEvent]) -> bool:
    """Say whether a run had been woken from a pause, and had not gone beyond making the calls that waited there.

    An agent's own code, which leaves no messages at a pause, would begin anew: what it does beside calls happens again.
    """
    wakes = 0
    for event in reversed(seen):
        if not isinstance(event, RunPaused | RunResumed | ConsentResolved):
            break
        wakes += isinstance(event, RunResumed)
    since = _since_pause(seen)
    return (
        bool(run.pending and run.history)
        and since is not None
        and wakes < MAX_WAKES
        and all(isinstance(event, RunResumed | ConsentResolved) for event in since)
    )


def error_of(seen: Iterable[RunEvent]) -> AgentError:
    """Return why a run of this log failed: of its last calls nobody knows the outcome, or there were none."""
    names: dict[str, str] = {}
    open_calls: set[str] = set()
    asked: set[str] = set()
    for event in seen:
        match event:
            case ToolCalled():
                names[event.call_id] = event.name
                open_calls.add(event.call_id)
            case ToolReturned():
                open_calls.discard(event.call_id)
            case ConsentRequired():
                open_calls.discard(event.call_id)
                asked.add(event.call_id)
            case RunResumed():
                open_calls |= asked
                asked.clear()
    called = ", ".join(name for call_id, name in names.items() if call_id in open_calls)
    if not called:
        return LOST
    return OutcomeUnknownError(
        f"outcome unknown: the worker that ran this is gone, and {called} may have taken effect",
        repair="look before asking again",
    )


def _since_pause(seen: Sequence[RunEvent]) -> Sequence[RunEvent] | None:
    pauses = [index for index, event in enumerate(seen) if isinstance(event, RunPaused)]
    return seen[pauses[-1] + 1 :] if pauses else None


def _end(run: Run, seen: Sequence[RunEvent], error: AgentError, at: int) -> list[RunEvent]:
    begun = [] if seen else [RunStarted(run.id, run.session_id, int(run.created_at.timestamp()))]
    return [*begun, RunFailed(at, error.code, error.message)]


async def _write(store: Store, run: Run, next_seq: int, events: Sequence[RunEvent], end: RunEnd) -> None:
    await store.append_events(run.id, run.fence, next_seq, [event_to_json(event) for event in events], end)
