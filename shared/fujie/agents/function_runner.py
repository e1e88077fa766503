"""An agent that is its developer's own function: one step, whose items an adapter turns into events."""

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from msgspec import Struct

from fujie.agents.adapters import adapter_for
from fujie.agents.adapters.port import Adapter
from fujie.agents.handler import CURRENT_RUN, Function, RunContext, items_of, wanted
from fujie.agents.http_values import plainly
from fujie.agents.runner import AgentRunner, Step, StepDone, StepItem, StepWaits, Voice, asked_in
from fujie.agents.states import AgentStates, MemoryStates
from fujie.errors import FujieError
from fujie.identity.errors import AuthorizationRequired
from fujie.protocols.agentscope.request import FORWARDED, AgentRequest

PAYLOAD = "payload"
"""The key of a request under which the invocations protocol keeps the body that an entrypoint is given."""
_PAYLOADS = frozenset({"payload", "request", "data"})
SWALLOWING = frozenset({"agentscope"})
"""Frameworks whose toolkits hand every error to the model as a tool's answer."""


class FunctionRunner(AgentRunner):
    """Runs `@app.query` functions; with `takes_payload`, `@app.entrypoint` functions."""

    wants_tools = wants_prior = False
    begins_anew = True

    def __init__(self, app: object, function: Function, framework: str, *, takes_payload: bool = False) -> None:
        self._app = app
        self._function = function
        self._framework = framework
        self._takes_payload = takes_payload
        self._states: AgentStates = MemoryStates()
        self._wanted = wanted(function, frozenset(_GIVEN), takes_payload=takes_payload)
        parameters = inspect.signature(function).parameters
        self._is_async_generator = inspect.isasyncgenfunction(function)
        self._is_swallowed = framework in SWALLOWING
        self._optional = {name for name in self._wanted if parameters[name].default is not inspect.Parameter.empty}

    @property
    def takes_payload(self) -> bool:
        """Is the function an entrypoint, which is given any body?"""
        return self._takes_payload

    @property
    def yields(self) -> bool:
        """Is the function a generator? One that is not may still return one."""
        called = inspect.unwrap(self._function)
        return inspect.isasyncgenfunction(called) or inspect.isgeneratorfunction(called)

    def keeps_in(self, states: AgentStates) -> None:
        self._states = states

    async def step(self, step: Step) -> AsyncGenerator[StepItem, None]:
        outer = CURRENT_RUN.set(CURRENT_RUN.get(None))
        items, voice = self.items(step)
        done: StepDone | StepWaits | None = None
        try:
            async for item in items:
                for event in voice.hear(item):
                    yield event
        except Exception as error:
            if not (asked := asked_in(error)):
                raise
            done = StepWaits(asked)
        finally:
            await items.aclose()
            with suppress(ValueError):  # closed from elsewhere, where nothing was set
                CURRENT_RUN.reset(outer)
        for event in voice.end():
            yield event
        yield done or StepDone("", usage=voice.usage)

    def items(self, step: Step) -> tuple[AsyncGenerator[Any, None], Voice]:
        """The run is the current one of this context from now on."""
        adapter = adapter_for(self._framework)
        context = _Late(step, self._states)
        CURRENT_RUN.set(context)
        if self._takes_payload:
            arguments = self._of_payload(context())
        else:
            arguments = {name: _GIVEN[name](self, adapter, context) for name in self._wanted}
        if self._is_swallowed:
            return _not_swallowing(self._function, arguments), adapter
        if self._is_async_generator:  # most are, and need nothing around them
            return self._function(**arguments), adapter
        items = items_of(self._function, arguments)
        return plainly(items) if self._takes_payload else items, adapter

    @property
    def app(self) -> object:
        """Whose functions these are."""
        return self._app

    def _of_payload(self, context: RunContext) -> Mapping[str, Any]:
        payload = payload_of(context.request)
        fields = payload if isinstance(payload, dict) else {}
        first = self._wanted[0] if self._wanted else ""
        arguments: dict[str, Any] = {}
        for name in self._wanted:
            if name == "context":
                arguments[name] = context
            elif name in _PAYLOADS or (name == first and name not in fields):
                arguments[name] = payload
            elif name in fields or name not in self._optional:
                arguments[name] = fields.get(name)
        return arguments


def payload_of(request: AgentRequest) -> Any:
    """Return the body that the caller sent, or what PPIO's and AgentCore's callers would have sent instead."""
    if PAYLOAD in request.extra:
        return request.extra[PAYLOAD]
    return {"prompt": request.question(), "session_id": request.session_id}


async def _not_swallowing(function: Function, arguments: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
    """Yield what a function yields until its code meets what its user has to allow, which is raised then."""
    from fujie.identity.links import MET

    met: list[AuthorizationRequired] = []
    MET.set(met)
    async with aclosing(items_of(function, arguments)) as items:
        async for item in items:
            if met:
                break
            yield item
    if met:
        raise met[0]


class _Late(Struct):
    """The context of a run, made when it is asked for: most functions do not."""

    step: Step
    states: AgentStates
    made: RunContext | None = None

    def __call__(self) -> RunContext:
        """Return it, with the ids that count: a user id comes from the verified token, never from the body."""
        if self.made is None:
            run = self.step.run
            if run is None:
                raise FujieError("a function answers runs alone")
            request = self.step.request.within(run.session_id, run.user.id)
            headers = request.extra.get(FORWARDED)
            seen = headers if isinstance(headers, dict) else {}
            self.made = RunContext(
                run.id,
                run.session_id,
                run.user,
                request,
                seen,
                self.states,
                is_resumed=self.step.is_resumed,
                tools=self.step.call_tool,
            )
        return self.made


_GIVEN: Mapping[str, Callable[[FunctionRunner, Adapter, "_Late"], Any]] = {
    "self": lambda runner, _adapter, _context: runner.app,
    "app": lambda runner, _adapter, _context: runner.app,
    "msgs": lambda _runner, adapter, context: adapter.messages(context.step.request),
    "messages": lambda _runner, adapter, context: adapter.messages(context.step.request),
    "request": lambda _runner, _adapter, context: context().request,
    "response": lambda _runner, _adapter, _context: None,
    "context": lambda _runner, _adapter, context: context(),
}
"""What a function is given under each name that it may ask for."""
