"""What one execution of a run does: think, call tools, think again, until the answer, or a pause for consent.

Where the agent's own code met what its user has to allow, it is called again after the pause, from its beginning.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from fujie.agents.calls import Calls, OwnCalls
from fujie.agents.errors import StepLimitError
from fujie.agents.execution import Execution, Timing
from fujie.agents.own_requests import OwnRequests
from fujie.agents.pending import REFUSALS, Pending, PendingCall, pending_from_json, refusal
from fujie.agents.runner import AgentRunner, Step, StepDone, StepWaits, ToolCall
from fujie.agents.tool_client import OnBehalf, Tools
from fujie.errors import FujieError
from fujie.identity.rows import Consent
from fujie.ids import new_message_id, new_uuid
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    ToolCalling,
)
from fujie.sessions.port import Store
from fujie.sessions.rows import Run

MAX_STEPS = 16
"""Goes of the model in one execution; a model that still wants tools then is in a circle."""
MAX_PRIOR_RUNS = 20
MAX_PRIOR_CHARS = 200_000
"""Of the conversation's earlier messages, as JSON; the oldest runs go first."""


class Turn:
    """Works on the run that `execution` holds."""

    def __init__(
        self,
        store: Store,
        runner: AgentRunner,
        tools: Tools,
        execution: Execution,
        timing: Timing,
        act: Mapping[str, object] | None,
        own_requests: OwnRequests,
    ) -> None:
        self._store = store
        self._runner = runner
        self._tools = tools
        self._execution = execution
        self._timing = timing
        self._run = execution.run
        self._request = AgentRequest.from_json(self._run.request)
        self._calls = Calls(tools, execution, OnBehalf(self._run, self._request.spoken(), act))
        self._own_requests = own_requests
        self._usage: Counter[str] = Counter()
        self._written: dict[str, str] = {}
        """Calls of which the model was seen writing: call id -> the message that it is."""

    async def start(self) -> None:
        """Answer the question from the beginning."""
        created_at = int(self._run.created_at.timestamp())
        await self._execution.emit(RunStarted(self._run.id, self._run.session_id, created_at))
        await self._think("", {}, OwnCalls(self._calls))

    async def go_on(self) -> None:
        """Answer on after a pause, in which every consent was settled."""
        pending = pending_from_json(self._run.pending)
        self._usage.update(pending.usage)
        await self._execution.emit(RunResumed(self._timing.seconds()))
        outcomes = {id_: await self._resolved(id_) for id_ in pending.consents()}
        if self._runner.begins_anew:
            await self._begin_anew(pending, outcomes)
            return
        answers = await _together([self._after(call, outcomes.get(call.consent_id)) for call in pending.calls])
        if not await self._paused(self._run.history, answers):
            await self._think(self._run.history, _results(answers), OwnCalls(self._calls))

    async def _begin_anew(self, pending: Pending, outcomes: Mapping[str, str]) -> None:
        """Call the agent's own code again; what was not allowed ends the run, since the code went no further.

        What it asked for by itself and nobody knows the answer to was cancelled: it finds out, or asks anew.
        """
        own = {call.consent_id for call in pending.calls if not call.call.name}
        refusals = (
            outcome
            for id_, outcome in outcomes.items()
            if outcome != "completed" and (outcome != "cancelled" or id_ not in own)
        )
        refused = next(refusals, None)
        if refused is None:
            await self._think("", {}, OwnCalls(self._calls, pending.calls), is_resumed=True)
            return
        code, message = REFUSALS[refused]
        await self._execution.end(RunFailed(self._timing.seconds(), code, message), "failed", error=code)

    async def _think(
        self, history: str, results: Mapping[str, str], own: OwnCalls, *, is_resumed: bool = False
    ) -> None:
        prior = await prior_histories(self._store, self._run) if self._runner.wants_prior else ()
        for _ in range(MAX_STEPS):
            tools = await self._tools.manifest() if self._runner.wants_tools else ()
            done = await self._step(
                Step(self._request, tools, prior, history, results, self._run, own, is_resumed), own
            )
            if isinstance(done, StepWaits):
                await self._wait(done, own)
                return
            if not done.calls:
                await self._complete(done)
                return
            answers = await self._call_all(done.calls)
            if await self._paused(done.history, answers):
                return
            history, results = done.history, _results(answers)
        raise StepLimitError(f"no answer after {MAX_STEPS} steps", repair="ask for less at once")

    async def _step(self, step: Step, own: OwnCalls) -> StepDone | StepWaits:
        done: StepDone | StepWaits | None = None
        try:
            async for item in self._runner.step(step):
                if isinstance(item, StepDone) or isinstance(item, StepWaits):  # noqa: SIM101 - a union costs more
                    done = item
                else:
                    if type(item) is ToolCalling:
                        self._written[item.call_id] = item.message_id
                    await self._execution.emit(item)
        finally:
            if not isinstance(done, StepWaits):
                await own.close()
        if done is None:
            raise FujieError("the agent's step ended without a result")
        if isinstance(done, StepDone):
            self._usage.update(done.usage)
        return done

    async def _wait(self, waits: StepWaits, own: OwnCalls) -> None:
        """Pause until the agent's user has answered what its own code met: at a tool of the stack, or elsewhere."""
        made = list(await own.settled())
        known = {call.consent_id for call in made if call.consent_id}
        for asked in waits.asked:
            if asked.consent.consent_id in known:
                continue
            call = ToolCall(f"call_{new_uuid()}", "", {})
            request = await self._own_requests.ask(asked, self._run, call.call_id, self._timing.now())
            await self._execution.emit(ConsentRequired(new_message_id(), call.call_id, request))
            made.append(PendingCall(call, request.consent_id))
        await self._paused("", made)

    async def _complete(self, done: StepDone) -> None:
        event = RunCompleted(self._timing.seconds(), dict(self._usage))
        await self._execution.end(event, "completed", history=done.history)

    async def _paused(self, history: str, answers: Sequence[PendingCall]) -> bool:
        pending = Pending(tuple(answers), dict(self._usage))
        if not pending.consents():
            return False
        event = RunPaused(pending.consents())
        await self._execution.end(event, "waiting", history=history, pending=pending.as_json())
        return True

    async def _call_all(self, calls: Sequence[ToolCall]) -> list[PendingCall]:
        for call in calls:
            await self._calls.say(call, self._written.pop(call.call_id, ""))
        return await _together([self._call(call) for call in calls])

    async def _call(self, call: ToolCall) -> PendingCall:
        return (await self._calls.make(call))[0]

    async def _resolved(self, consent_id: str) -> str:
        outcome = outcome_of(await self._store.consent(consent_id))
        await self._execution.emit(ConsentResolved(new_message_id(), consent_id, outcome))  # type: ignore[arg-type]
        return outcome

    async def _after(self, waited: PendingCall, outcome: str | None) -> PendingCall:
        if outcome is None:
            return waited
        if outcome == "completed":
            return await self._call(waited.call)
        return await self._calls.returned(waited.call, refusal(outcome))


def outcome_of(consent: Consent | None) -> str:
    """Return how a consent that is no longer open ended; one that is gone was not given."""
    if consent is not None and (consent.status == "completed" or consent.status in REFUSALS):
        return consent.status
    return "expired"


async def prior_histories(store: Store, run: Run) -> list[str]:
    """Return the messages of the conversation's completed runs before this one, oldest first, within the bounds."""
    runs = await store.runs(run.conversation_id)
    done = [row.history for row in runs if row.status == "completed" and row.history and row.id != run.id]
    kept: list[str] = []
    size = 0
    for history in reversed(done[-MAX_PRIOR_RUNS:]):
        size += len(history)
        if size > MAX_PRIOR_CHARS:
            break
        kept.append(history)
    return kept[::-1]


async def _together(work: Iterable[Coroutine[Any, Any, PendingCall]]) -> list[PendingCall]:
    """Return all answers in order; when one raises, the others are stopped."""
    tasks = [asyncio.create_task(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _results(answers: Sequence[PendingCall]) -> dict[str, str]:
    return {answer.call.call_id: answer.output for answer in answers}
