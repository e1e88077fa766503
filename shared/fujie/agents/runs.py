"""Durable runs: started, paused for consent, resumed by whoever is woken, canceled; every event in the store's log."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

from fujie.agents.background import Background
from fujie.agents.bounds import refuse_more
from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.execution import Execution, Timing
from fujie.agents.flow import Flow, flow_of, items_of_flow
from fujie.agents.log import RunLog
from fujie.agents.lost import bury_if_lost, bury_lost_runs
from fujie.agents.own_requests import OwnRequests
from fujie.agents.port import Act, Changed, Heard, Principal, Runs
from fujie.agents.runner import AgentRunner
from fujie.agents.tool_client import Tools
from fujie.agents.turn import Turn
from fujie.agents.watching import LogReader, is_overdue, watched
from fujie.errors import FujieError
from fujie.identity.consent import outcome_when_over
from fujie.identity.rows import OPEN_CONSENT, User
from fujie.ids import new_uuid
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import ConsentResolved, RunCanceled, RunEvent, RunPaused
from fujie.sessions.errors import ConflictError
from fujie.sessions.port import RunEnd, Store
from fujie.sessions.rows import Conversation, Run, RunStatus, id_beside, is_free_for_all, title_of

MAX_TITLE_CHARS = 80
TAKEOVER_ATTEMPTS = 3
"""A worker may renew its lease between our look and our grip; it does so every few seconds."""

WAKES = 2
"""At its first look a wake-up may find another worker, at its second one that lives."""

_log = logging.getLogger(__name__)


class RunService(Runs):
    """Runs of one agent over one store; what is running here is known by run id."""

    keeps = True

    def __init__(
        self,
        store: Store,
        runner: AgentRunner,
        tools: Tools,
        *,
        agent: str,
        timing: Timing | None = None,
        changed: Changed | None = None,
    ) -> None:
        self._store = store
        self._runner = runner
        runner.keeps_in(store)
        self._tools = tools
        self._agent = agent
        self._timing = timing or Timing()
        self._changed = changed or _nobody_cares
        self._owner = new_uuid()
        self._running: dict[str, Execution] = {}
        self._background = Background()
        self._unasked: set[asyncio.Task[None]] = set()
        self._own_requests = OwnRequests(store, self._granted)

    async def start(self, principal: Principal, request: AgentRequest) -> Run:
        """Begin a run; one whose asker leaves before he knows of it ends, lest it keep his conversation busy."""
        at_work = (execution.run.user for execution in self._running.values())
        there = max(len(self._running), len(self._background)) + len(self._unasked)
        refuse_more(there, at_work, principal.user)
        starting = asyncio.create_task(self._start(principal, request))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            ending = asyncio.create_task(self._end_unasked(starting))
            self._unasked.add(ending)
            ending.add_done_callback(self._unasked.discard)
            raise

    async def _start(self, principal: Principal, request: AgentRequest) -> Run:
        name = request.session_id or new_uuid()
        if is_free_for_all(name):
            run = self._new_run(principal, name, request)
            with suppress(ConflictError):  # busy, lost, or somebody else's: looked at below
                await self._store.begin_run(run, title_of(request.question(), MAX_TITLE_CHARS))
                return run
        conversation_id = await self._enter_conversation(principal.user, name, request)
        run = self._new_run(principal, conversation_id, request)
        if request.run_id() is not None and await self._store.run(run.id) is not None:
            raise ConflictError("a run with this id exists", repair="leave `id` out, or send a new uuid")
        try:
            await self._store.add_run(run)
        except ConflictError:
            for lost in await bury_lost_runs(self._store, conversation_id, now=self._timing.now):
                self.background(lost)
            for other in await self._store.runs(conversation_id):
                await self._wake_if_overdue(other)
            await self._add_or_say_busy(run)
        return run

    async def _end_unasked(self, starting: asyncio.Task[Run]) -> None:
        try:
            await self._take_over_and_cancel(await starting)
        except FujieError as error:
            _log.warning(
                "a question whose asker has left became no run, or did not end: %s: %s", error.code, error.message
            )

    def execute(self, run: Run, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        return items_of_flow(self.flow(run, act))

    def flow(self, run: Run, act: Act | None = None) -> Flow:
        return flow_of(self._performed(run, act))

    async def _performed(self, run: Run, act: Act | None) -> AsyncGenerator[list[RunEvent], None]:
        """Where a consent was settled before the pause was written, the answer goes on in the same stream."""
        batch: list[RunEvent] = []
        async with aclosing(self._perform(run, 0, act, Turn.start)) as batches:
            async for batch in batches:
                yield batch
        if batch and isinstance(batch[-1], RunPaused):
            async with aclosing(self._resumed(run.id, act)) as more:
                async for batch in more:
                    yield batch

    def background(self, run: Run, act: Act | None = None, heard: Heard | None = None) -> None:
        goes_on = self.resume(run.id, act) if run.status == "waiting" else self.execute(run, act)
        self._background.add(goes_on, heard)

    def in_background(self) -> int:
        return len(self._background)

    async def close(self) -> None:
        if self._unasked:
            await asyncio.wait(self._unasked)
        await asyncio.gather(*(execution.cancel() for execution in self._running.values()))
        await self._background.close()

    def resume(self, run_id: str, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        return items_of_flow(flow_of(self._resumed(run_id, act)))

    async def wake(self, run_id: str, act: Act | None = None) -> None:
        """Let a run go on, and return when it rests.

        When another worker is at it, look again once its lease would have ended: a wake-up is delivered again when its
        worker died, and nobody else may come.
        """
        for _ in range(WAKES):
            async with aclosing(self.resume(run_id, act)) as events:
                async for _event in events:
                    pass
            run = await self._store.run(run_id)
            if run is None or run.status != "running" or run.lease_expires_at is None:
                return
            await _until(run.lease_expires_at, self._timing.now())

    async def _resumed(self, run_id: str, act: Act | None) -> AsyncGenerator[list[RunEvent], None]:
        run = await self._found(run_id)
        if run.status != "waiting" or await self._still_open(run_id):
            return
        now = self._timing.now()
        held = await self._store.lease_run(run_id, self._owner, now, now + self._timing.lease, ("waiting",))
        if held is None:
            return
        batch: list[RunEvent] = []
        async with aclosing(self._perform(held, await self._next_seq(run_id), act, Turn.go_on)) as batches:
            async for batch in batches:
                yield batch
        if batch and isinstance(batch[-1], RunPaused):
            async with aclosing(self._resumed(run_id, act)) as more:
                async for batch in more:
                    yield batch

    async def cancel(self, run_id: str, user: User) -> RunStatus:
        await self.find(run_id, user)
        if execution := self._running.get(run_id):
            await execution.cancel()
        for _ in range(TAKEOVER_ATTEMPTS):
            run = await self._found(run_id)
            if run.status not in {"running", "waiting"} or await self._take_over_and_cancel(run):
                break
        return (await self._found(run_id)).status

    async def find(self, run_id: str, user: User) -> Run:
        run = await self._found(run_id)
        if not _same_person(run.user, user):
            raise ForbiddenError("this run belongs to somebody else")
        return run

    async def current(self, conversation_id: str, user: User) -> Run | None:
        runs = await self._store.runs((await self._own_conversation(conversation_id, user))[0])
        looked_at = [await self._found(run.id) for run in runs if run.status in {"running", "waiting"}]
        return next((run for run in looked_at if run.status in {"running", "waiting"}), None)

    async def recent(self, user: User, conversation_id: str = "") -> Sequence[Run]:
        if not conversation_id:
            return await self._store.runs_of(user)
        own_id, _ = await self._own_conversation(conversation_id, user)
        return [run for run in await self._store.runs(own_id) if _same_person(run.user, user)]

    async def so_far(self, run_id: str, user: User) -> Sequence[RunEvent]:
        await self._wake_if_overdue(await self.find(run_id, user))
        return await LogReader(self._store, run_id).news()

    async def watch(self, run_id: str, user: User, *, follow: bool = True) -> AsyncGenerator[RunEvent, None]:
        await self.find(run_id, user)

        async def nap(seconds: float) -> None:
            here = self._running.get(run_id)
            await (here.log.news(seconds) if here else asyncio.sleep(seconds))

        following = watched(self._store, run_id, follow=follow, wake=self.background, clock=self._timing.now, nap=nap)
        async with aclosing(following) as events:
            async for event in events:
                yield event

    async def _perform(
        self, run: Run, next_seq: int, act: Act | None, work: Callable[[Turn], Coroutine[Any, Any, None]]
    ) -> AsyncGenerator[list[RunEvent], None]:
        execution = Execution(self._store, run, next_seq, self._timing)
        turn = Turn(self._store, self._runner, self._tools, execution, self._timing, act, self._own_requests)
        self._running[run.id] = execution
        execution.begin(work(turn))
        try:
            async for batch in execution.batches():
                yield batch
        finally:
            await execution.cancel()
            self._running.pop(run.id, None)
            self._changed(self, run)

    async def _enter_conversation(self, user: User, name: str, request: AgentRequest) -> str:
        """Return the id of the user's conversation of the name that he gives, which begins where there is none."""
        for _ in range(TAKEOVER_ATTEMPTS):
            own_id, is_there = await self._own_conversation(name, user)
            if is_there:
                return own_id
            now = self._timing.now()
            title = title_of(request.question(), MAX_TITLE_CHARS)
            try:
                await self._store.add_conversation(Conversation(own_id, user, title, now, now))
            except ConflictError:
                continue  # begun a moment ago, by him or by somebody else
            return own_id
        raise ConflictError("the conversation was begun by several at once", repair="ask again")

    async def _own_conversation(self, name: str, user: User) -> tuple[str, bool]:
        """Return the id that a user's conversation of this name has or will have, and whether it is there.

        Names are each user's own: what somebody else calls so is beside it, and nobody learns of the other.
        """
        if is_free_for_all(name):
            found = await self._store.conversation(name)
            if found is None or _same_person(found.user, user):
                return name, found is not None
        own_id = id_beside(name, user)
        return own_id, await self._store.conversation(own_id) is not None

    def _new_run(self, principal: Principal, conversation_id: str, request: AgentRequest) -> Run:
        now = self._timing.now()
        return Run(
            id=request.run_id() or new_uuid(),
            conversation_id=conversation_id,
            user=principal.user,
            delegation_id=principal.delegation_id,
            agent=self._agent,
            status="running",
            request=request.as_json(),
            history="",
            pending="",
            created_at=now,
            updated_at=now,
            lease_owner=self._owner,
            lease_expires_at=now + self._timing.lease,
            fence=1,
        )

    async def _add_or_say_busy(self, run: Run) -> None:
        try:
            await self._store.add_run(run)
        except ConflictError as error:
            raise ConflictError(
                "the conversation has a run that is not finished", repair="wait for it, answer it, or cancel it"
            ) from error

    async def _found(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFoundError("there is no such run")
        found = await bury_if_lost(self._store, run, now=self._timing.now)
        if found.status != run.status:
            self._changed(self, found)
        return found

    async def _wake_if_overdue(self, run: Run) -> None:
        """Nobody tells a run that the time for its consents is over: whoever looks at it lets it go on."""
        if await is_overdue(self._store, run, self._timing.now()):
            self.background(run)

    async def _still_open(self, run_id: str) -> bool:
        """Expire what is due, and say whether a consent of the run still waits for the user."""
        now = self._timing.now()
        still = False
        for consent in await self._store.open_consents(run_id):
            if consent.expires_at <= now:
                await self._store.move_consent(consent.id, [consent.status], outcome_when_over(consent))
            elif (outcome := await self._own_requests.outcome(consent, now)) is None:
                still = True
            else:
                await self._store.move_consent(consent.id, OPEN_CONSENT, outcome)
        return still

    def _granted(self, run_id: str, consent_id: str) -> None:
        self._background.add(self._after_grant(run_id, consent_id))

    async def _after_grant(self, run_id: str, consent_id: str) -> AsyncGenerator[RunEvent, None]:
        await self._store.move_consent(consent_id, OPEN_CONSENT, "completed")
        async with aclosing(self.resume(run_id)) as events:
            async for event in events:
                yield event

    async def _next_seq(self, run_id: str) -> int:
        seen = await self._store.events(run_id)
        return seen[-1][0] + 1 if seen else 0

    async def _take_over_and_cancel(self, run: Run) -> bool:
        """Raise the fence, also over a worker that lives: it notices at its next write, and stops."""
        now = self._timing.now()
        after_lease = max(now, run.lease_expires_at or now)
        held = await self._store.lease_run(
            run.id, f"cancel-{new_uuid()}", after_lease, after_lease + self._timing.lease, ("running", "waiting")
        )
        if held is None:
            return False
        log = RunLog(self._store, held.id, held.fence, await self._next_seq(held.id))
        for consent in await self._store.open_consents(held.id):
            if await self._store.move_consent(consent.id, OPEN_CONSENT, "cancelled"):
                log.add(ConsentResolved(f"msg_{new_uuid()}", consent.id, "cancelled"))
        await log.end(RunCanceled(self._timing.seconds()), RunEnd("canceled", self._timing.now()))
        await log.close()
        _log.info("run %s canceled", held.id)
        self._changed(self, held)
        return True


def _nobody_cares(_runs: Runs, _run: Run) -> None: ...


async def _until(moment: datetime, now: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - now).total_seconds()))


def _same_person(one: User, other: User) -> bool:
    return (one.tenant, one.id) == (other.tenant, other.id)
