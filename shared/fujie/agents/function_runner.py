"""An agent that is its developer's own function: one step, whose items an adapter turns into events."""

import inspect
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from fujie.agents.adapters import adapter_for
from fujie.agents.adapters.port import Adapter
from fujie.agents.handler import Function, RunContext, items_of, wanted
from fujie.agents.runner import AgentRunner, Step, StepDone, StepItem
from fujie.errors import FujieError
from fujie.protocols.agentscope.request import AgentRequest

KNOWN = frozenset({"self", "app", "msgs", "messages", "request", "response", "context"})
PAYLOAD = "payload"
"""The key of a request under which the invocations protocol keeps the body that an entrypoint is given."""
HEADERS = "headers"
"""The key under which it keeps the headers that an agent may see."""
_PAYLOADS = frozenset({"payload", "request", "data"})


class FunctionRunner(AgentRunner):
    """Runs `@app.query` functions; with `takes_payload`, `@app.entrypoint` functions."""

    wants_tools = False

    def __init__(self, app: object, function: Function, framework: str, *, takes_payload: bool = False) -> None:
        self._app = app
        self._function = function
        self._framework = framework
        self._takes_payload = takes_payload
        self._wanted = wanted(function, KNOWN, takes_payload=takes_payload)
        parameters = inspect.signature(function).parameters
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

    async def step(self, step: Step) -> AsyncGenerator[StepItem, None]:
        adapter = adapter_for(self._framework)
        items = items_of(self._function, self._arguments(adapter, step))
        hear = adapter.hear
        try:
            async for item in items:
                for event in hear(item):
                    yield event
        finally:
            await items.aclose()
        for event in adapter.end():
            yield event
        yield StepDone("", usage=adapter.usage)

    def _arguments(self, adapter: Adapter, step: Step) -> Mapping[str, Any]:
        if self._takes_payload:
            return self._of_payload(_context(step))
        return {name: self._argument(name, adapter, step) for name in self._wanted}

    def _argument(self, name: str, adapter: Adapter, step: Step) -> Any:
        match name:
            case "self" | "app":
                return self._app
            case "msgs" | "messages":
                return adapter.messages(step.request)
            case "request":
                return _context(step).request
            case "context":
                return _context(step)
        return None

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


def _context(step: Step) -> RunContext:
    """Return the context, with the ids that count: a user id comes from the verified token, never from the body."""
    run = step.run
    if run is None:
        raise FujieError("a function answers runs alone")
    request = step.request.changed(session_id=run.conversation_id, user_id=run.user.id)
    headers = request.extra.get(HEADERS)
    return RunContext(run.id, run.conversation_id, run.user, request, headers if isinstance(headers, dict) else {})
