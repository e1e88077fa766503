"""The tool calls of one execution of a run: made, and told in its log."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fujie.agents.errors import AgentError
from fujie.agents.execution import Execution
from fujie.agents.pending import PendingCall
from fujie.agents.runner import ToolCall
from fujie.agents.tool_client import OnBehalf, ToolOutcome, Tools, ToolWaits
from fujie.identity.errors import AuthorizationRequired
from fujie.identity.links import met
from fujie.ids import new_message_id, new_uuid
from fujie.permission import ConsentRequest
from fujie.protocols.events import ConsentRequired, ToolCalled, ToolReturned

MAX_CALLS_AT_ONCE = 4
MAX_OWN_CALLS = 1024
"""Of one run's own code: what it has called is remembered over its pauses."""


class Calls:
    """Makes calls on behalf of one run's user."""

    def __init__(self, tools: Tools, execution: Execution, behalf: OnBehalf) -> None:
        self._tools = tools
        self._execution = execution
        self._behalf = behalf
        self._slots = asyncio.Semaphore(MAX_CALLS_AT_ONCE)

    async def say(self, call: ToolCall, message_id: str = "") -> None:
        """Say that a call is about to be made."""
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        await self._execution.emit(ToolCalled(message_id or new_message_id(), call.call_id, call.name, arguments))

    async def make(self, call: ToolCall) -> tuple[PendingCall, ConsentRequest | None]:
        """Make a call and say what it gave, or for what its user is asked first.

        It is in the log before it is made: whoever finds this run without its worker knows what may have happened.
        """
        async with self._slots:
            await self._execution.written()
            outcome = await self._tools.call(call, self._behalf)
        if isinstance(outcome, ToolWaits):
            await self._execution.emit(ConsentRequired(new_message_id(), call.call_id, outcome.consent))
            return PendingCall(call, consent_id=outcome.consent.consent_id), outcome.consent
        return await self.returned(call, outcome), None

    async def returned(self, call: ToolCall, outcome: ToolOutcome) -> PendingCall:
        """Say what a call gave."""
        event = ToolReturned(
            new_message_id(),
            call.call_id,
            call.name,
            outcome.output,
            outcome.ok,
            outcome.duration_ms,
            outcome.credential,
            outcome.error_code,
        )
        await self._execution.emit(event)
        return PendingCall(call, output=outcome.output, ok=outcome.ok)


class OwnCalls:
    """The calls that an agent's own code makes in one step.

    A step that is begun anew gets from the calls that were made before what they gave then: each is made once.
    """

    def __init__(self, calls: Calls, before: Sequence[PendingCall] = ()) -> None:
        self._calls = calls
        self._before = list(before)
        self._made: list[PendingCall] = []
        self._at_work: set[asyncio.Task[tuple[PendingCall, ConsentRequest | None]]] = set()
        self._is_over = False

    async def __call__(self, name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        """Call a tool; raises AuthorizationRequired when the user is asked first, AgentError after the step."""
        if self._is_over or len(self._made) >= MAX_OWN_CALLS:
            raise AgentError("the agent called a tool when its step was over, or called too many")
        try:
            plain = json.loads(json.dumps(arguments))
        except (TypeError, ValueError) as error:
            raise AgentError(f"the arguments of {name} are not JSON") from error
        task = asyncio.create_task(self._make(name, plain))
        self._at_work.add(task)
        task.add_done_callback(self._back)
        done, asked = await asyncio.shield(task)
        if asked is not None:
            required = AuthorizationRequired(asked)
            met(required)
            raise required
        return ToolOutcome(done.output, done.ok)

    async def settled(self) -> tuple[PendingCall, ...]:
        """Return what was called, when all is back that is under way; nothing more is called."""
        self._is_over = True
        if self._at_work:
            await asyncio.wait(self._at_work)
        return (*self._made, *(known for known in self._before if not known.consent_id))

    async def close(self) -> None:
        """Stop what is under way."""
        self._is_over = True
        for task in self._at_work:
            task.cancel()
        if self._at_work:
            await asyncio.wait(self._at_work)

    def _back(self, task: asyncio.Task[tuple[PendingCall, ConsentRequest | None]]) -> None:
        self._at_work.discard(task)
        if not task.cancelled():
            task.exception()  # seen here: whoever asked may be gone

    async def _make(self, name: str, arguments: Mapping[str, Any]) -> tuple[PendingCall, ConsentRequest | None]:
        asked = _as_text(name, arguments)
        known = next((made for made in self._before if _as_text(made.call.name, made.call.arguments) == asked), None)
        if known is not None:
            self._before.remove(known)
        if known is not None and not known.consent_id:
            self._made.append(known)
            return known, None
        call = known.call if known else ToolCall(f"call_{new_uuid()}", name, arguments)
        if known is None:
            await self._calls.say(call)
        done, consent = await self._calls.make(call)
        self._made.append(done)
        return done, consent


def _as_text(name: str, arguments: Mapping[str, Any]) -> str:
    """Return what tells calls apart: to Python, unlike JSON, `true`, 1 and 1.0 are equal."""
    return json.dumps([name, arguments], sort_keys=True)
