"""Runs whose worker died: whoever looks next ends them, so that the conversation lives on."""

from datetime import timedelta

from fujie import clock
from fujie.agents.errors import RunLostError
from fujie.protocols.events import RunEvent, RunFailed, RunStarted, event_to_json
from fujie.sessions.errors import FencedError
from fujie.sessions.port import Store
from fujie.sessions.rows import Run

BURIAL = timedelta(seconds=15)
LOST = RunLostError("the worker that ran this is gone; nothing more comes of it", repair="ask again")


async def bury_if_lost(store: Store, run: Run, *, now: clock.Clock = clock.now) -> Run:
    """Return the run, marked failed with code `lost` first when it is running and its lease has ended."""
    moment = now()
    if run.status != "running" or (run.lease_expires_at is not None and run.lease_expires_at > moment):
        return run
    held = await store.lease_run(run.id, f"burial-{run.fence}", moment, moment + BURIAL, ("running",))
    if held is not None:
        await _end(store, held, now)
    return await store.run(run.id) or run


async def bury_lost_runs(store: Store, conversation_id: str, *, now: clock.Clock = clock.now) -> None:
    """End every run of a conversation whose worker died."""
    for run in await store.runs(conversation_id):
        await bury_if_lost(store, run, now=now)


async def _end(store: Store, run: Run, now: clock.Clock) -> None:
    at = int(now().timestamp())
    seen = await store.events(run.id)
    events: list[RunEvent] = [RunFailed(at, LOST.code, LOST.message)]
    if not seen:
        events.insert(0, RunStarted(run.id, run.conversation_id, int(run.created_at.timestamp())))
    next_seq = seen[-1][0] + 1 if seen else 0
    try:
        await store.append_events(run.id, run.fence, next_seq, [event_to_json(event) for event in events])
        await store.save_run(run.id, run.fence, status="failed", now=now(), error=LOST.code)
    except FencedError:
        return
