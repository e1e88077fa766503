"""Runs without a store: known while they run or wait and for a short time after, here alone; nothing is kept.

The agent is stepped by whoever reads the answer, in his task: no queue lies between, so that a slow reader slows the
agent down, and a cancellation reaches what it waits for.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fujie import clock
from fujie.agents import bounds
from fujie.agents.background import Background
from fujie.agents.bounds import chars_of, refuse_longer
from fujie.agents.errors import ForbiddenError, RunNotFoundError, RunTimeoutError, failure_of
from fujie.agents.port import Act, Changed, Heard, Principal, Runs, one_by_one
from fujie.agents.runner import AgentRunner, Step, Voice, asked_in
from fujie.agents.stepping import let_go, rest
from fujie.errors import FujieError
from fujie.identity.rows import User
from fujie.ids import new_uuid
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import (
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    RunStarted,
    TextDelta,
)
from fujie.sessions.errors import ConflictError
from fujie.sessions.rows import Run, RunStatus
from fujie.telemetry import kinds_and_places

if TYPE_CHECKING:
    from fujie.agents.waiting import Waiting

MAX_ENDED_RUNS = 64
MAX_ENDED_CHARS = 4 * 1024 * 1024
"""What is remembered of runs that have ended, so that a client that lost its connection can read the rest."""
BATCH_EVENTS, BATCH_CHARS = 64, 8 * 1024
"""Of the events that are ready at once, what goes to the reader together."""
EXPIRY_MARGIN_S = 1.0
"""How long after the time for an answer is over its run is told so, when nobody looked before."""
BEGIN_S = 15.0
"""A run that was started and not executed within this does not keep its conversation busy."""

_log = logging.getLogger(__name__)
_Place = tuple[str, str, str]
"""Tenant, user and name: sessions are each user's own."""
_STATUS: dict[type[RunEvent], RunStatus] = {
    RunCompleted: "completed",
    RunFailed: "failed",
    RunCanceled: "canceled",
    RunPaused: "waiting",
}


class _Live:
    """One run: what it said, and whose turn it is."""

    __slots__ = (
        "chars", "events", "is_begun", "is_stepping", "news", "request", "run", "started_at", "status", "task", "timer",
        "waiting", "why",
    )  # fmt: skip

    def __init__(self, run: Run, request: AgentRequest, started_at: float) -> None:
        self.run = run
        self.request = request
        self.started_at = started_at
        self.status: RunStatus = "running"
        self.events: list[RunEvent] = []
        self.chars = 0
        self.task: asyncio.Task[object] | None = None
        """Who waits for the agent."""
        self.timer: asyncio.TimerHandle | None = None
        self.is_begun = False
        self.is_stepping = False
        self.why: RunEvent | None = None
        """How the run is to end, at somebody else's word."""
        self.waiting: Waiting | None = None
        """What it waits for, while it does."""
        self.news: asyncio.Event | None = None
        """Set with each event, once somebody watches."""

    def said(self, batch: list[RunEvent], chars: int) -> list[RunEvent]:
        self.chars = chars
        self.events += batch
        if self.news is not None:
            self.news.set()
        return batch

    def begin_waiting(self, timeout_s: float, time_out: "Callable[[_Live], None]") -> None:
        """Set the deadline at the first wait: an agent that never waits could not be told of it."""
        self.task = asyncio.current_task()
        passed_s = time.monotonic() - self.started_at
        self.timer = asyncio.get_running_loop().call_later(timeout_s - passed_s, time_out, self)

    def end(self, event: RunEvent) -> RunEvent:
        """Say the last event, once; what ended the run first counts."""
        if self.status != "running":
            return self.events[-1]
        self.status = _STATUS[type(event)]
        self.said([event], self.chars)
        return event

    def go_on(self) -> None:
        """Wait no more: the run is as one that has not begun."""
        self.status, self.waiting, self.why, self.is_begun = "running", None, None, False
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.task = None
        self.started_at = time.monotonic()

    def stop(self, why: RunEvent) -> None:
        """End the run from outside: what the agent waits for is canceled; one that does not wait is not asked again."""
        if self.status != "running" or self.why is not None:
            return
        self.why = why
        if self.is_stepping and self.task is not None:
            self.task.cancel()
        else:
            self.end(why)


class TransientRuns(Runs):
    """Runs of one agent in this process."""

    keeps = False

    def __init__(
        self,
        runner: AgentRunner,
        *,
        agent: str,
        timeout_s: float,
        now: clock.Clock = clock.now,
        changed: Changed | None = None,
    ) -> None:
        self._runner = runner
        self._agent = agent
        self._timeout_s = timeout_s
        self._now = now
        self._changed = changed
        self._runs: dict[str, _Live] = {}
        self._ended: OrderedDict[str, _Live] = OrderedDict()
        self._ended_chars = 0
        self._busy: dict[_Place, _Live] = {}
        self._background = Background()

    async def start(self, principal: Principal, request: AgentRequest) -> Run:
        if len(self._busy) * 2 >= bounds.MAX_AT_WORK:
            self._let_go_of_unused()
            bounds.refuse_more(len(self._busy), (live.run.user for live in self._busy.values()), principal.user)
        session_id = request.session_id or new_uuid()
        place = (principal.user.tenant, principal.user.id, session_id)
        self._check_free(place)
        run_id = request.run_id() or new_uuid()
        if run_id in self._runs:
            raise ConflictError("a run with this id exists", repair="leave `id` out, or send a new uuid")
        now = self._now()
        run = Run(
            run_id, session_id, principal.user, principal.delegation_id, self._agent, "running", "", "", "", now, now
        )
        live = _Live(run, request, time.monotonic())
        self._runs[run_id] = self._busy[place] = live
        return run

    def execute(self, run: Run, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        return one_by_one(self.batches(run, act))

    def batches(self, run: Run, act: Act | None = None) -> AsyncGenerator[list[RunEvent], None]:  # noqa: ARG002 - no tool is called
        return self._batches(run)

    async def _batches(  # noqa: C901, PLR0912, PLR0915 - all that an agent may do, in one loop for speed
        self, run: Run, resumed: list[RunEvent] | None = None
    ) -> AsyncGenerator[list[RunEvent], None]:
        live = self._begun(run.id)
        items, voice = self._runner.items(Step(live.request, (), run=run, is_resumed=resumed is not None))
        begin, hear = items.__anext__, voice.hear
        batch = resumed or [RunStarted(run.id, run.conversation_id, int(run.created_at.timestamp()))]
        chars, full, limit = 0, BATCH_CHARS, bounds.MAX_ANSWER_CHARS
        try:
            ending: RunEvent | None = None
            try:
                while live.why is None:
                    step: Any = begin()
                    try:
                        waits = step.send(None)
                    except StopIteration as done:
                        item = done.value
                    else:
                        try:
                            if batch:
                                yield live.said(batch, chars)
                        except GeneratorExit:
                            await let_go(step, waits)
                            raise
                        if live.why is not None:
                            await let_go(step, waits)
                            break
                        batch, full = [], chars + BATCH_CHARS
                        if live.timer is None:
                            live.begin_waiting(self._timeout_s, self._time_out)
                        live.is_stepping = True  # and may be stopped meanwhile
                        try:
                            item = await rest(step, waits)
                        finally:
                            live.is_stepping = False
                    for event in hear(item):
                        chars += len(event.text) if type(event) is TextDelta else chars_of(event)
                        if chars > limit:
                            refuse_longer()
                        batch.append(event)
                    if chars >= full or len(batch) >= BATCH_EVENTS:
                        yield live.said(batch, chars)
                        batch, full = [], chars + BATCH_CHARS
            except StopAsyncIteration:
                ending = self._done(live, voice, batch)
            except asyncio.CancelledError as error:
                ending = self._at_cancellation(live, error)
            except Exception as error:  # noqa: BLE001 - an agent may raise anything, and its run ends all the same
                ending = self._pause_at(live, voice, batch, error) or self._at_error(live, error)
            live.said(batch, chars)
            yield [*batch, live.end(live.why or ending or RunCanceled(self._seconds()))]
        finally:
            self._over(live)
            await items.aclose()

    def background(self, run: Run, act: Act | None = None, heard: Heard | None = None) -> None:
        goes_on = self.resume(run.id, act) if run.status == "waiting" else self.execute(run, act)
        self._background.add(goes_on, heard)

    def resume(self, run_id: str, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:  # noqa: ARG002 - no tool is called
        return one_by_one(self._resumed(run_id))

    async def _resumed(self, run_id: str) -> AsyncGenerator[list[RunEvent], None]:
        live = self._runs.get(run_id)
        if live is None or (waiting := live.waiting) is None or not await waiting.look(self._now()):
            return
        if live.waiting is not waiting:  # whoever else looked at the same moment was first; it may wait for more
            return
        said = waiting.resumed(self._seconds())
        live.go_on()
        if isinstance(said[-1], RunFailed):
            live.said(said[:-1], live.chars)
            live.end(said[-1])
            self._over(live)
            yield said
            return
        async with aclosing(self._batches(live.run, said)) as batches:
            async for batch in batches:
                yield batch

    async def cancel(self, run_id: str, user: User) -> RunStatus:
        live = self._known(run_id, user)
        if live.waiting is not None:
            self._give_up(live)
        live.stop(RunCanceled(self._seconds()))
        return "canceled" if live.status == "running" else live.status

    async def find(self, run_id: str, user: User) -> Run:
        return _row(self._known(run_id, user))

    async def current(self, conversation_id: str, user: User) -> Run | None:
        live = self._busy.get((user.tenant, user.id, conversation_id))
        return _row(live) if live else None

    async def recent(self, user: User, conversation_id: str = "") -> Sequence[Run]:
        return [
            _row(live)
            for live in self._runs.values()
            if _is_own(live, user) and conversation_id in ("", live.run.conversation_id)
        ]

    async def so_far(self, run_id: str, user: User) -> Sequence[RunEvent]:
        return tuple(self._known(run_id, user).events)

    async def watch(self, run_id: str, user: User, *, follow: bool = True) -> AsyncGenerator[RunEvent, None]:
        live = self._known(run_id, user)
        live.news = live.news or asyncio.Event()
        told = 0
        while True:
            while told < len(live.events):
                told += 1
                yield live.events[told - 1]
            if live.status not in {"running", "waiting"} or (live.status == "waiting" and not follow):
                return
            live.news.clear()
            await live.news.wait()

    def in_background(self) -> int:
        return len(self._background)

    async def close(self) -> None:
        for live in list(self._busy.values()):
            if live.waiting is not None:
                self._give_up(live)
            live.stop(RunCanceled(self._seconds()))
        await self._background.close()

    def _check_free(self, place: _Place) -> None:
        live = self._busy.get(place)
        if live is not None and not self._was_left(live):
            raise ConflictError("the conversation has a run that is not finished", repair="wait for it, or cancel it")

    def _let_go_of_unused(self) -> None:
        for live in list(self._busy.values()):
            self._was_left(live)

    def _was_left(self, live: _Live) -> bool:
        """Say whether a run was started and not executed in time, which is its end."""
        if live.is_begun or time.monotonic() - live.started_at <= BEGIN_S:
            return False
        self._over(live)
        return True

    def _begun(self, run_id: str) -> _Live:
        live = self._runs.get(run_id)
        if live is None or live.is_begun or live.status != "running":
            raise RunNotFoundError("there is no such run that waits to be executed")
        live.is_begun = True
        return live

    def _known(self, run_id: str, user: User) -> _Live:
        live = self._runs.get(run_id)
        if live is None:
            raise RunNotFoundError("there is no such run", repair="without a store, runs are known for a short time")
        if not _is_own(live, user):
            raise ForbiddenError("this run belongs to somebody else")
        return live

    def _time_out(self, live: _Live) -> None:
        live.stop(failure_of(RunTimeoutError(f"the run took longer than {self._timeout_s:g} s"), self._seconds()))

    def _at_cancellation(self, live: _Live, error: asyncio.CancelledError) -> RunEvent | None:
        """Tell our own cancellation of the agent from one of the reader, and from one that the agent made itself."""
        task = asyncio.current_task()
        assert task is not None
        if live.why is not None:
            task.uncancel()
        if task.cancelling():
            raise error
        return None if live.why is not None else self._at_error(live, error)

    def _at_error(self, live: _Live, error: BaseException) -> RunEvent:
        known = isinstance(error, FujieError)
        _log.warning("run %s failed: %s", live.run.id, f"{error}" if known else kinds_and_places(error))
        return failure_of(error, self._seconds())

    def _pause_at(self, live: _Live, voice: Voice, batch: list[RunEvent], error: Exception) -> RunEvent | None:
        """Let the run wait where its code met what its user has to allow; None when the error is another."""
        if not (asked := asked_in(error)):
            return None
        from fujie.agents.waiting import Waiting

        with suppress(FujieError):
            batch.extend(voice.end())
        live.waiting = Waiting(asked, live.run, self._now(), self._granted)
        batch.extend(live.waiting.said())
        return live.waiting.paused()

    def _waits(self, live: _Live, waiting: "Waiting") -> None:
        """Hold no task while the run waits; when nobody answered in time, it is told so."""
        left_s = (waiting.ends_at - self._now()).total_seconds() + EXPIRY_MARGIN_S
        live.timer = asyncio.get_running_loop().call_later(left_s, self._wake, live)

    def _granted(self, run_id: str, consent_id: str) -> None:
        live = self._runs.get(run_id)
        if live is not None and live.waiting is not None:
            live.waiting.grant(consent_id)
            self._wake(live)

    def _wake(self, live: _Live) -> None:
        self.background(_row(live))

    def _give_up(self, live: _Live) -> None:
        """End a run that waits, at its user's word or ours."""
        assert live.waiting is not None
        resolved = live.waiting.resolved("cancelled")
        live.go_on()
        live.said(resolved, live.chars)
        live.end(RunCanceled(self._seconds()))
        self._over(live)

    def _over(self, live: _Live) -> None:
        """Let the conversation go on, and remember the run for a while; one that waits keeps both."""
        if live.timer is not None:
            live.timer.cancel()
        if live.status == "waiting" and live.waiting is not None:
            self._waits(live, live.waiting)
            if self._changed is not None:
                self._changed(self, live.run)
            return
        live.waiting = None
        if live.status == "running":
            live.end(RunCanceled(self._seconds()))
        place = (live.run.user.tenant, live.run.user.id, live.run.conversation_id)
        if self._busy.get(place) is live:
            del self._busy[place]
        self._ended[live.run.id] = live
        self._ended_chars += live.chars
        while len(self._ended) > MAX_ENDED_RUNS or self._ended_chars > MAX_ENDED_CHARS:
            run_id, forgotten = self._ended.popitem(last=False)
            self._ended_chars -= forgotten.chars
            del self._runs[run_id]
        if self._changed is not None:
            self._changed(self, live.run)

    def _done(self, live: _Live, voice: Voice, batch: list[RunEvent]) -> RunEvent:
        """Say what is due at the agent's end, which may tell that it was no end."""
        try:
            batch.extend(voice.end())
        except FujieError as error:
            return self._at_error(live, error)
        return RunCompleted(self._seconds(), dict(voice.usage))

    def _seconds(self) -> int:
        return int(self._now().timestamp())


def _row(live: _Live) -> Run:
    return replace(live.run, status=live.status, request=live.request.as_json())


def _is_own(live: _Live, user: User) -> bool:
    return (live.run.user.tenant, live.run.user.id) == (user.tenant, user.id)
