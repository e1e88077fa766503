"""What one execution of a run does: think, call tools, think again, until the answer, or a pause for consent."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from fujie.agents.errors import StepLimitError
from fujie.agents.execution import Execution, Timing
from fujie.agents.pending import REFUSALS, Pending, PendingCall, pending_from_json, refusal
from fujie.agents.runner import AgentRunner, Step, StepDone, ToolCall
from fujie.agents.tool_client import OnBehalf, ToolOutcome, Tools, ToolWaits
from fujie.errors import FujieError
from fujie.identity.rows import Consent
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    RunCompleted,
    RunPaused,
    RunResumed,
    RunStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
)
from fujie.sessions.port import Store
from fujie.sessions.rows import Run

MAX_STEPS = 16
"""Goes of the model in one execution; a model that still wants tools then is in a circle."""
MAX_CALLS_AT_ONCE = 4
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
    ) -> None:
        self._store = store
        self._runner = runner
        self._tools = tools
        self._execution = execution
        self._timing = timing
        self._run = execution.run
        self._request = AgentRequest.from_json(self._run.request)
        self._behalf = OnBehalf(self._run, self._request.spoken(), act)
        self._slots = asyncio.Semaphore(MAX_CALLS_AT_ONCE)
        self._usage: Counter[str] = Counter()
        self._written: dict[str, str] = {}
        """Calls of which the model was seen writing: call id -> the message that it is."""

    async def start(self) -> None:
        """Answer the question from the beginning."""
        created_at = int(self._run.created_at.timestamp())
        await self._execution.emit(RunStarted(self._run.id, self._run.conversation_id, created_at))
        await self._think("", {})

    async def go_on(self) -> None:
        """Answer on after a pause, in which every consent was settled."""
        pending = pending_from_json(self._run.pending)
        self._usage.update(pending.usage)
        await self._execution.emit(RunResumed(self._timing.seconds()))
        outcomes = {id_: await self._resolved(id_) for id_ in pending.consents()}
        answers = await _together([self._after(call, outcomes.get(call.consent_id)) for call in pending.calls])
        if not await self._paused(self._run.history, answers):
            await self._think(self._run.history, _results(answers))

    async def _think(self, history: str, results: Mapping[str, str]) -> None:
        prior = await prior_histories(self._store, self._run) if self._runner.wants_prior else ()
        for _ in range(MAX_STEPS):
            tools = await self._tools.manifest() if self._runner.wants_tools else ()
            done = await self._step(Step(self._request, tools, prior, history, results, self._run))
            if not done.calls:
                await self._complete(done)
                return
            answers = await self._call_all(done.calls)
            if await self._paused(done.history, answers):
                return
            history, results = done.history, _results(answers)
        raise StepLimitError(f"no answer after {MAX_STEPS} steps", repair="ask for less at once")

    async def _step(self, step: Step) -> StepDone:
        done: StepDone | None = None
        async for item in self._runner.step(step):
            if isinstance(item, StepDone):
                done = item
            else:
                if isinstance(item, ToolCalling):
                    self._written[item.call_id] = item.message_id
                await self._execution.emit(item)
        if done is None:
            raise FujieError("the agent's step ended without a result")
        self._usage.update(done.usage)
        return done

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
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            message_id = self._written.pop(call.call_id, None) or _message_id()
            await self._execution.emit(ToolCalled(message_id, call.call_id, call.name, arguments))
        return await _together([self._call(call) for call in calls])

    async def _call(self, call: ToolCall) -> PendingCall:
        async with self._slots:
            outcome = await self._tools.call(call, self._behalf)
        if isinstance(outcome, ToolWaits):
            await self._execution.emit(ConsentRequired(_message_id(), call.call_id, outcome.consent))
            return PendingCall(call, consent_id=outcome.consent.consent_id)
        return await self._returned(call, outcome)

    async def _returned(self, call: ToolCall, outcome: ToolOutcome) -> PendingCall:
        event = ToolReturned(
            _message_id(),
            call.call_id,
            call.name,
            outcome.output,
            outcome.ok,
            outcome.duration_ms,
            outcome.credential,
            outcome.error_code,
        )
        await self._execution.emit(event)
        return PendingCall(call, output=outcome.output)

    async def _resolved(self, consent_id: str) -> str:
        outcome = outcome_of(await self._store.consent(consent_id))
        await self._execution.emit(ConsentResolved(_message_id(), consent_id, outcome))  # type: ignore[arg-type]
        return outcome

    async def _after(self, waited: PendingCall, outcome: str | None) -> PendingCall:
        if outcome is None:
            return waited
        if outcome == "completed":
            return await self._call(waited.call)
        return await self._returned(waited.call, refusal(outcome))


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


def _message_id() -> str:
    return f"msg_{uuid.uuid4()}"
