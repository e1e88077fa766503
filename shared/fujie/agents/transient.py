"""Runs without a store: known while they run or wait and for a short time after, here alone; nothing is kept.

The agent is stepped by whoever reads the answer, in his task: no queue lies between, so that a slow reader slows the
agent down, and a cancellation reaches what it waits for.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from types import coroutine
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fujie import clock
from fujie.agents import bounds
from fujie.agents.background import Background
from fujie.agents.ended import Ended
from fujie.agents.errors import ForbiddenError, RunNotFoundError, RunTimeoutError, failure_of
from fujie.agents.flow import END, Flow, items_of_flow, waited
from fujie.agents.hearing import FULL, hear_out
from fujie.agents.live import Live, Place
from fujie.agents.port import Act, Changed, Heard, Principal, Runs
from fujie.agents.runner import AgentRunner, Step, Voice, asked_in
from fujie.agents.stepping import let_go
from fujie.errors import FujieError
from fujie.identity.rows import User
from fujie.ids import new_uuid
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import (
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunStarted,
)
from fujie.sessions.errors import ConflictError
from fujie.sessions.rows import Run, RunStatus
from fujie.telemetry import kinds_and_places

if TYPE_CHECKING:
    from fujie.agents.waiting import Waiting

EXPIRY_MARGIN_S = 1.0
"""How long after the time for an answer is over its run is told so, when nobody looked before."""
BEGIN_S = 15.0
"""A run that was started and not executed within this does not keep its conversation busy."""

_log = logging.getLogger(__name__)


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
        self._runs: dict[str, Live] = {}
        self._ended = Ended()
        self._busy: dict[Place, Live] = {}
        self._background = Background()

    async def start(self, principal: Principal, request: AgentRequest) -> Run:
        if len(self._busy) * 2 >= bounds.MAX_AT_WORK:
            self._let_go_of_unused()
            bounds.refuse_more(len(self._busy), (live.run.user for live in self._busy.values()), principal.user)
        session_id = request.session_id or new_uuid()
        user = principal.user
        place = (user.tenant, user.id, session_id)
        if place in self._busy:
            self._check_free(place)
        run_id = request.run_id() or new_uuid()
        if run_id in self._runs:
            raise ConflictError("a run with this id exists", repair="leave `id` out, or send a new uuid")
        now = self._now()
        run = Run(run_id, session_id, user, principal.delegation_id, self._agent, "running", "", "", "", now, now)
        self._runs[run_id] = self._busy[place] = Live(run, place, request)
        return run

    def execute(self, run: Run, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        return items_of_flow(self.flow(run, act))

    @coroutine
    def flow(  # noqa: C901 - all that an agent may do, in one loop for speed
        self,
        run: Run,
        act: Act | None = None,  # noqa: ARG002 - no tool is called
        *,
        resumed: list[RunEvent] | None = None,
    ) -> Flow:
        live = self._begun(run.id)
        live.batch = resumed or [RunStarted(run.id, run.conversation_id, int(run.created_at.timestamp()))]
        try:
            items, voice = self._runner.items(Step(live.request, (), run=run, is_resumed=resumed is not None))
        except Exception as error:  # noqa: BLE001 - a question for which a framework has no words, among others
            said = live.finish(self._at_error(live, error))
            self._over(live)
            yield said
            return
        hearing: Any = hear_out(items, voice, live).__await__()
        ending: RunEvent | None = None
        try:
            try:
                waits = next(hearing, END)
                while waits is not END:
                    if waits is FULL:
                        yield live.taken()
                        waits = next(hearing, END)
                        continue
                    try:
                        if live.batch:
                            yield live.taken()
                    except GeneratorExit:
                        live.why = live.why or RunCanceled(self._seconds())
                        yield from let_go(hearing, waits)
                        raise
                    if live.why is not None and not live.is_stepping:  # one that is tidying up may take its time
                        yield from let_go(hearing, waits)
                        break
                    if live.timer is None:
                        live.begin_waiting(self._timeout_s, self._time_out)
                    live.is_stepping = True  # and may be stopped meanwhile
                    waits = yield from waited(hearing, waits)
            except asyncio.CancelledError as error:
                ending = self._at_cancellation(live, error)
            except Exception as error:  # noqa: BLE001 - an agent may raise anything, and its run ends all the same
                ending = self._pause_at(live, voice, error) or self._at_error(live, error)
            if live.has_ended:
                ending = self._done(live, voice)
            live.is_stepping = False
            yield live.finish(live.why or ending or RunCanceled(self._seconds()))
        finally:
            live.is_stepping = False
            self._over(live)
            hearing.close()
            if not live.has_ended:
                yield from items.aclose()

    def background(self, run: Run, act: Act | None = None, heard: Heard | None = None) -> None:
        goes_on = self.resume(run.id, act) if run.status == "waiting" else self.execute(run, act)
        self._background.add(goes_on, heard)

    def resume(self, run_id: str, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:  # noqa: ARG002 - no tool is called
        return self._resumed(run_id)

    async def _resumed(self, run_id: str) -> AsyncGenerator[RunEvent, None]:
        live = self._runs.get(run_id)
        if live is None or (waiting := live.waiting) is None or not await waiting.look(self._now()):
            return
        if live.waiting is not waiting:  # whoever else looked at the same moment was first; it may wait for more
            return
        said = waiting.resumed(self._seconds())
        live.go_on()
        if isinstance(said[-1], RunFailed):
            live.said(said[:-1])
            live.end(said[-1])
            self._over(live)
            for event in said:
                yield event
            return
        async with aclosing(items_of_flow(self.flow(live.run, resumed=said))) as events:
            async for event in events:
                yield event

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

    def _check_free(self, place: Place) -> None:
        if not self._was_left(self._busy[place]):
            raise ConflictError("the conversation has a run that is not finished", repair="wait for it, or cancel it")

    def _let_go_of_unused(self) -> None:
        for live in list(self._busy.values()):
            self._was_left(live)

    def _was_left(self, live: Live) -> bool:
        """Say whether a run was started and not executed in time, which is its end."""
        if live.is_begun or time.monotonic() - live.started_at <= BEGIN_S:
            return False
        self._over(live)
        return True

    def _begun(self, run_id: str) -> Live:
        live = self._runs.get(run_id)
        if live is None or live.is_begun or live.status != "running":
            raise RunNotFoundError("there is no such run that waits to be executed")
        live.is_begun = True
        return live

    def _known(self, run_id: str, user: User) -> Live:
        live = self._runs.get(run_id)
        if live is None:
            raise RunNotFoundError("there is no such run", repair="without a store, runs are known for a short time")
        if not _is_own(live, user):
            raise ForbiddenError("this run belongs to somebody else")
        return live

    def _time_out(self, live: Live) -> None:
        live.stop(failure_of(RunTimeoutError(f"the run took longer than {self._timeout_s:g} s"), self._seconds()))

    def _at_cancellation(self, live: Live, error: asyncio.CancelledError) -> RunEvent | None:
        """Tell our own cancellation of the agent from one of the reader, and from one that the agent made itself."""
        task = asyncio.current_task()
        assert task is not None
        if live.why is not None:
            task.uncancel()
        if task.cancelling():
            raise error
        return None if live.why is not None else self._at_error(live, error)

    def _at_error(self, live: Live, error: BaseException) -> RunEvent:
        known = isinstance(error, FujieError)
        _log.warning("run %s failed: %s", live.run.id, f"{error}" if known else kinds_and_places(error))
        return failure_of(error, self._seconds())

    def _pause_at(self, live: Live, voice: Voice, error: Exception) -> RunEvent | None:
        """Let the run wait where its code met what its user has to allow; None when the error is another."""
        if not (asked := asked_in(error)):
            return None
        from fujie.agents.waiting import Waiting

        with suppress(FujieError):
            live.batch.extend(voice.end())
        live.waiting = Waiting(asked, live.run, self._now(), self._granted)
        live.batch.extend(live.waiting.said())
        return live.waiting.paused()

    def _waits(self, live: Live, waiting: "Waiting") -> None:
        """Hold no task while the run waits; when nobody answered in time, it is told so."""
        left_s = (waiting.ends_at - self._now()).total_seconds() + EXPIRY_MARGIN_S
        live.timer = asyncio.get_running_loop().call_later(left_s, self._wake, live)

    def _granted(self, run_id: str, consent_id: str) -> None:
        live = self._runs.get(run_id)
        if live is not None and live.waiting is not None:
            live.waiting.grant(consent_id)
            self._wake(live)

    def _wake(self, live: Live) -> None:
        self.background(_row(live))

    def _give_up(self, live: Live) -> None:
        """End a run that waits, at its user's word or ours."""
        assert live.waiting is not None
        resolved = live.waiting.resolved("cancelled")
        live.go_on()
        live.said(resolved)
        live.end(RunCanceled(self._seconds()))
        self._over(live)

    def _over(self, live: Live) -> None:
        """Let the conversation go on, and remember the run for a while; one that waits keeps both."""
        if live.timer is not None:
            live.timer.cancel()
        if live.waiting is not None and live.status == "waiting":
            self._waits(live, live.waiting)
        else:
            self._remember(live)
        if self._changed is not None:
            self._changed(self, live.run)

    def _remember(self, live: Live) -> None:
        live.waiting = None
        if live.status == "running":
            live.end(RunCanceled(self._seconds()))
        if self._busy.get(live.place) is live:
            del self._busy[live.place]
        for forgotten in self._ended.add(live):
            self._runs.pop(forgotten.run.id, None)

    def _done(self, live: Live, voice: Voice) -> RunEvent:
        """Say what is due at the agent's end, which may tell that it was no end."""
        try:
            live.batch.extend(voice.end())
        except FujieError as error:
            return self._at_error(live, error)
        return RunCompleted(self._seconds(), dict(voice.usage))

    def _seconds(self) -> int:
        return clock.seconds(self._now)


def _row(live: Live) -> Run:
    return replace(live.run, status=live.status, request=live.request.as_json())


def _is_own(live: Live, user: User) -> bool:
    return (live.run.user.tenant, live.run.user.id) == (user.tenant, user.id)
