"""The port between a run and the framework that thinks: one step at a time, no state between steps.

A step is one go of the model: text as it comes, then either the end of the answer or the tool calls it wants. Who
calls the tools, who waits for consent and who remembers is the run's affair (runs.py), so every framework pauses
and resumes alike.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from fujie.agents.states import AgentStates
from fujie.errors import FujieError
from fujie.identity.errors import AuthorizationRequired
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent
from fujie.sessions.rows import Run


class ToolSpec(Struct, frozen=True):
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments."""


class ToolCall(Struct, frozen=True):
    """A call that the model wants."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]


CallTool = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Calls a tool of the stack and returns its ToolOutcome; raises AuthorizationRequired."""


class Step(Struct, frozen=True):
    """All that the model is given."""

    request: AgentRequest
    tools: Sequence[ToolSpec]
    prior: Sequence[str] = ()
    """Messages of the conversation's earlier runs, oldest first, each as `StepDone.history` gave it."""
    history: str = ""
    """Messages of this run so far, as `StepDone.history` gave them; empty at its first step."""
    results: Mapping[str, str] = {}
    """Call id -> output, for every call of the step before."""
    run: Run | None = None
    """The run that this is a step of."""
    call_tool: CallTool | None = None
    """For agents that call the stack's tools themselves; None where there is no stack."""
    is_resumed: bool = False
    """Was this very step begun before, and met what its user has allowed since?"""


class StepDone(Struct, frozen=True):
    """The end of a step: without `calls`, the answer is complete."""

    history: str
    calls: tuple[ToolCall, ...] = ()
    usage: Mapping[str, int] = {}


class StepWaits(Struct, frozen=True):
    """The end of a step whose own code met what its user has to allow first; it is begun anew after that."""

    asked: tuple[AuthorizationRequired, ...]


StepItem = RunEvent | StepDone | StepWaits


def asked_in(error: BaseException) -> tuple[AuthorizationRequired, ...]:
    """Return what an error asks a user for, also where a framework has wrapped it; nothing when it is a failure."""
    if isinstance(error, AuthorizationRequired):
        return (error,)
    if isinstance(error, BaseExceptionGroup):
        return tuple(found for each in error.exceptions for found in asked_in(each))
    return asked_in(error.__cause__) if error.__cause__ is not None else ()


class Voice(Protocol):
    """Turns what a framework yields into our events; adapters are voices."""

    @property
    def usage(self) -> Mapping[str, int]:
        """What the step has cost so far."""

    def hear(self, item: Any, /) -> Iterable[RunEvent]:
        """Return what an item says."""

    def end(self) -> Iterable[RunEvent]:
        """Return what is due when no more items come."""


class _OwnVoice:
    """Items that are events already, with StepDone last."""

    def __init__(self) -> None:
        self._done: StepDone | None = None

    @property
    def usage(self) -> Mapping[str, int]:
        return self._done.usage if self._done else {}

    def hear(self, item: StepItem, /) -> Iterable[RunEvent]:
        if isinstance(item, StepDone):
            self._done = item
            return ()
        if isinstance(item, StepWaits):
            raise item.asked[0]
        return (item,)

    def end(self) -> Iterable[RunEvent]:
        if self._done is None:
            raise FujieError("the agent's step ended without a result")
        return ()


class AgentRunner(Protocol):
    """Thinks. Raises LlmError when the model cannot."""

    wants_tools: bool = True
    """Is it to be given the stack's tools? One that brings its own is not."""

    wants_prior: bool = True
    """Is it to be given the conversation's earlier messages? One that keeps its own is not."""

    begins_anew: bool = False
    """Is it its developer's code, which after a pause is called again from its beginning?"""

    def step(self, step: Step) -> AsyncGenerator[StepItem, None]:
        """Yield what is said as it comes, StepDone or StepWaits last; how the run goes is not the agent's to say."""

    def items(self, step: Step) -> tuple[AsyncGenerator[Any, None], Voice]:
        """Return what `step` is made of, for whoever spares himself a generator in between."""
        return self.step(step), _OwnVoice()

    def keeps_in(self, states: AgentStates) -> None:
        """Take the place where a function's own state is kept; a runner without functions has none."""
        del states
