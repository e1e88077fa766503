"""An agent developer's own function: what it wants to be given, and what it gives, whatever kind of function it is."""

import asyncio
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from fujie.agents.errors import AgentError, RunTimeoutError
from fujie.agents.states import AgentStates, MemoryStates
from fujie.agents.threads import in_thread, stepped_in_thread
from fujie.errors import SettingsError
from fujie.identity.rows import User
from fujie.protocols.agentscope.request import AgentRequest
from fujie.sessions.rows import AgentState

if TYPE_CHECKING:
    from fujie.agents.tool_client import ToolOutcome

Function = Callable[..., Any]


class RunContext(Struct, frozen=True):
    """What a function may know of the run that it answers."""

    run_id: str
    session_id: str
    user: User
    request: AgentRequest
    headers: Mapping[str, str] = field(default_factory=dict)
    states: AgentStates = field(default_factory=MemoryStates)
    is_resumed: bool = False
    """Is the function called again, since its user has allowed what it met the last time?"""
    tools: Callable[[str, Mapping[str, Any]], Awaitable[Any]] | None = None

    async def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None) -> "ToolOutcome":
        """Call a tool of the stack with this user's credentials; where the user is asked first, the run pauses.

        A tool that failed gives an outcome that is not `ok`. A function that is called again gets from the calls it
        made before what they gave then. Raises AgentError where there is no stack.
        """
        if self.tools is None:
            raise AgentError("this agent is served without a stack", repair="name its file in a stack's FUJIE_AGENT")
        outcome: ToolOutcome = await self.tools(name, arguments or {})
        return outcome

    async def load_state(self, name: str = "state") -> Any:
        """Return what `save_state` kept of this user's session under the name, or None."""
        found = await self.states.agent_states(self.user, self.session_id, name, limit=1)
        return json.loads(found[-1].value) if found else None

    async def save_state(self, value: Any, name: str = "state") -> None:
        """Keep a value for this user's session, in place of the last; it must be JSON."""
        text = json.dumps(value, ensure_ascii=False)
        await self.states.put_agent_state(AgentState(self.user, self.session_id, name, 1, text))

    @property
    def request_id(self) -> str:
        """The run's id, under the name that PPIO and AgentCore have for it."""
        return self.run_id

    @property
    def request_headers(self) -> Mapping[str, str]:
        """The headers, under the name that AgentCore has for them."""
        return self.headers


@asynccontextmanager
async def in_time(timeout_s: float) -> AsyncGenerator[None, None]:
    """Cancel what takes longer. Raises RunTimeoutError then."""
    async with in_time_at(asyncio.get_running_loop().time() + timeout_s, timeout_s):
        yield


@asynccontextmanager
async def in_time_at(until: float, timeout_s: float) -> AsyncGenerator[None, None]:
    """Cancel what goes on at that time of the loop's. Raises RunTimeoutError then."""
    deadline = asyncio.timeout_at(until)
    try:
        async with deadline:
            yield
    except TimeoutError as error:
        if not deadline.expired():
            raise  # the function's own
        raise RunTimeoutError(f"it took longer than {timeout_s:g} s") from error


CURRENT_RUN: ContextVar[Callable[[], RunContext] | None] = ContextVar("current_run", default=None)
"""Gives the run whose function is at work, for what is called without being told."""


def wanted(function: Function, known: frozenset[str], *, takes_payload: bool = False) -> tuple[str, ...]:
    """Return the names of the parameters that a function is to be given, in order.

    Raises SettingsError for one without a default that is none of `known`, unless the function takes a payload: its
    first parameter is the payload whatever its name, and others are the payload's fields.
    """
    names = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if name in known or takes_payload:
            names.append(name)
        elif parameter.default is parameter.empty:
            repair = f"use {', '.join(sorted(known))}"
            raise SettingsError(f"{function.__name__} has a parameter {name!r} that nobody gives", repair=repair)
    return tuple(names)


async def items_of(function: Function, arguments: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
    """Yield what a function yields, or the one thing that it returns.

    It may be async or not, a generator or not, or return a generator; what is not async runs in a thread.
    """
    called = inspect.unwrap(function)
    if inspect.isasyncgenfunction(called):
        result = function(**arguments)
    elif inspect.iscoroutinefunction(called):
        result = await function(**arguments)
    else:
        result = await in_thread(function, **arguments)
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        try:
            async for item in result:
                yield item
        finally:
            await result.aclose()
    elif inspect.isgenerator(result):
        async for item in stepped_in_thread(result):
            yield item
    elif result is not None:
        yield result
