"""What a client sends to start, resume or watch a run: `RunAgentInput`, checked once at the door.

`threadId` is our conversation, `runId` the client's name for the run: ours is that name where it is a UUID, else made
from both, so that any instance finds the run again. Where conversations are kept here, only what follows the last
answer is read of `messages`; else all of it is the context. Unknown keys, parts and roles are dropped, as the
processing model asks; a known field of the wrong type is refused. No field says who asks: that is in the token.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from fujie.protocols.ag_ui.errors import AgUiRequestError
from fujie.protocols.ag_ui.interrupts import Resume
from fujie.protocols.ag_ui.messages import Message, our_messages
from fujie.protocols.agentscope.request import MAX_BODY_BYTES, AgentRequest, RequestInvalidError, request_from_body

__all__ = ["MAX_BODY_BYTES", "RunInput", "run_input"]

_RUNS = uuid.UUID("6d0b9c1e-3c0e-5f0a-9a53-0d3c1a4be7a1")
"""The namespace of run ids that are made from a client's."""


class _Tool(msgspec.Struct):
    name: str
    description: str
    parameters: Any = None


class _Context(msgspec.Struct):
    description: str
    value: str


class _Resume(msgspec.Struct, rename="camel"):
    interrupt_id: str
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class _Input(msgspec.Struct, rename="camel"):
    thread_id: str
    run_id: str
    messages: list[msgspec.Raw]
    parent_run_id: str | None = None
    state: Any = None
    tools: list[_Tool] | None = None
    context: list[_Context] | None = None
    forwarded_props: Any = None
    resume: list[_Resume] | None = None


_decode = msgspec.json.Decoder(_Input).decode
_decode_message = msgspec.json.Decoder(Message).decode


@dataclass(frozen=True)
class RunInput:
    """A run input that can be acted on."""

    thread_id: str
    run_id: str
    """The client's."""
    our_run_id: str
    parent_run_id: str
    resume: tuple[Resume, ...]
    raw_messages: tuple[dict[str, Any], ...]
    _messages: tuple[Message, ...]
    _context: list[dict[str, Any]]
    _extra: dict[str, Any]

    def run(self, *, kept: bool) -> AgentRequest:
        """Return the run to start; `kept` says that the conversation's earlier messages are known here.

        Raises AgUiRequestError when nobody asks anything.
        """
        messages = self._messages[self._first_new() :] if kept else self._messages
        if not messages or messages[-1].role not in ({"user"} if kept else {"user", "tool"}):
            raise AgUiRequestError(
                "messages: the last one is not the user's", repair="end with what the user asks, or send `resume`"
            )
        body = {"id": f"response_{self.our_run_id}", "session_id": self.thread_id}
        return _checked(body | self._extra | {"input": [*self._context, *our_messages(messages)]})

    def before_the_answer(self) -> list[dict[str, Any]] | None:
        """Return the messages up to the last of the user's, or None where nothing follows it."""
        roles = [message.get("role") for message in self.raw_messages]
        if "user" not in roles:
            return None
        end = len(roles) - roles[::-1].index("user")
        return list(self.raw_messages[:end]) if end < len(roles) else None

    def _first_new(self) -> int:
        answers = [index for index, message in enumerate(self._messages) if message.role in {"assistant", "tool"}]
        return answers[-1] + 1 if answers else 0


def run_input(unverified_body: bytes, user: str) -> RunInput:
    """Return the input in a user's body: names of threads and runs are each user's own. Raises AgUiRequestError."""
    try:
        body = _decode(unverified_body)
        messages = tuple(_decode_message(raw) for raw in body.messages)
        raw_messages = tuple(json.loads(bytes(raw)) for raw in body.messages)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise AgUiRequestError(f"the body is no RunAgentInput: {error}") from error
    for name, value in (("threadId", body.thread_id), ("runId", body.run_id)):
        _check_id(name, value)
    resume = tuple(Resume(entry.interrupt_id, entry.status, entry.payload) for entry in body.resume or ())
    ours = _our_run_id(user, body.thread_id, body.run_id)
    return RunInput(
        body.thread_id,
        body.run_id,
        ours,
        body.parent_run_id or "",
        resume,
        raw_messages,
        tuple(message for message in messages if message.is_known()),
        _grounding(body.context or []),
        _extra(body),
    )


def _our_run_id(user: str, thread_id: str, run_id: str) -> str:
    try:
        if str(uuid.UUID(run_id)) == run_id:
            return run_id
    except ValueError:
        pass
    return str(uuid.uuid5(_RUNS, json.dumps([user, thread_id, run_id])))


def _check_id(name: str, value: str) -> None:
    if not (1 <= len(value) <= 128 and value.isascii() and value.isprintable() and " " not in value):
        raise AgUiRequestError(f"{name} must be 1 to 128 visible ASCII characters")


def _grounding(context: list[_Context]) -> list[dict[str, Any]]:
    """Return what the application wants the model to know, as a message of the system."""
    if not context:
        return []
    text = "\n".join(f"{item.description}: {item.value}" for item in context)
    return [{"type": "message", "role": "system", "content": [{"type": "text", "text": text}]}]


def _extra(body: _Input) -> dict[str, Any]:
    """Return what an agent may want beside the messages: tools as it knows them, the rest under `ag_ui`."""
    told = {"state": body.state, "forwarded_props": body.forwarded_props}
    extra: dict[str, Any] = {"ag_ui": {key: value for key, value in told.items() if value is not None}}
    if body.tools:
        extra["tools"] = [_function(tool) for tool in body.tools]
    return extra


def _function(tool: _Tool) -> dict[str, Any]:
    parameters = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _checked(body: dict[str, Any]) -> AgentRequest:
    """Check as the one door of runs does; what it may still find are its own limits."""
    try:
        return request_from_body(json.dumps(body).encode())
    except RequestInvalidError as error:
        raise AgUiRequestError(f"messages: {error.message}") from error
    except RecursionError as error:
        raise AgUiRequestError("the body is nested too deep") from error
