"""What a call of the agent asks for: a run to start, a paused one to go on with, or one to give up."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from fujie.errors import InputError
from fujie.protocols.agentscope.request import AgentRequest, RequestInvalidError, request_from_body
from fujie.protocols.mcp.errors import InvalidParamsError, MessageId
from fujie.protocols.mcp.message import Message
from fujie.protocols.mcp.tool import tool_name

_RUNS = uuid.UUID("b7f6a2a4-8f0d-5b53-9d0d-0f8d6f6f3c11")
"""The namespace of run ids that are made from a session's and a request's."""
MAX_SESSION_CHARS = 64
OPENS_URLS = "url-"
"""Begins the id of an earlier revision's session whose client opens addresses."""


class _Arguments(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    session_id: str | None = None


class _Response(msgspec.Struct):
    action: str


class _Params(msgspec.Struct, rename="camel"):
    name: str
    arguments: dict[str, Any] | None = None
    request_state: str | None = None
    input_responses: dict[str, _Response] | None = None


@dataclass(frozen=True)
class Call:
    """A `tools/call` of the agent."""

    arguments: dict[str, Any]
    state: str
    """The run that this goes on with, unverified; empty for a new one."""
    refuses: bool
    """Did the user decline, or dismiss, what was asked of him?"""

    def run(self, run_id: str = "") -> AgentRequest:
        """Return the run to start, under this id if one is given. Raises InputError, in words for a model."""
        try:
            asked = msgspec.convert(self.arguments, _Arguments)
        except msgspec.ValidationError as error:
            raise InputError(f"the arguments do not fit: {error}") from error
        if not asked.message.strip():
            raise InputError("message must say something")
        content = [{"type": "text", "text": asked.message}]
        body: dict[str, Any] = {"input": [{"type": "message", "role": "user", "content": content}]}
        body |= {"session_id": asked.session_id} if asked.session_id is not None else {}
        return _checked(body | {"id": f"response_{run_id}"} if run_id else body)

    def asks_as(self, earlier: AgentRequest) -> bool:
        """Is this the call that started the run? A state that came with another one is not this call's."""
        return self.run().question() == earlier.question()


def call_in(message: Message, agent: str) -> Call:
    """Return the call in a request; raises InvalidParamsError when it is none, or of another tool."""
    try:
        params = msgspec.convert(message.params, _Params)
    except msgspec.ValidationError as error:
        raise InvalidParamsError(f"params: {error}") from error
    if params.name != tool_name(agent):
        raise InvalidParamsError(f"Unknown tool: {params.name[:128]}")
    responses = (params.input_responses or {}).values()
    refuses = any(response.action != "accept" for response in responses)
    return Call(params.arguments or {}, params.request_state or "", refuses)


def new_session_id(params: dict[str, Any]) -> str:
    """Return the id of a session of an earlier revision. It says what its client can, and nothing is kept under it."""
    capabilities = params.get("capabilities")
    elicitation = capabilities.get("elicitation") if isinstance(capabilities, dict) else None
    urls = isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)
    return f"{OPENS_URLS if urls else ''}{uuid.uuid4()}"


def run_id_of(user: str, session_id: str, request_id: MessageId) -> str:
    """Return the id of the run that a session's request starts, so that a later message finds it at any instance."""
    return str(uuid.uuid5(_RUNS, json.dumps([user, session_id, request_id])))


def elicitation_id(run_id: str, consent_id: str) -> str:
    """Return the id of our request for a consent of a run; its response names both."""
    return f"{run_id}.{consent_id}"


def given_up(message: Message) -> str:
    """Return the id, unverified, of the run whose user declined or dismissed our request, else nothing."""
    run_id, dot, _ = str(message.id).partition(".")
    accepted = isinstance(message.result, dict) and message.result.get("action") == "accept"
    return run_id if dot and not accepted else ""


def cancelled_request(message: Message) -> MessageId:
    """Return the id of the request that a notification takes back, or None."""
    id_ = message.params.get("requestId")
    return id_ if message.method == "notifications/cancelled" and (isinstance(id_, str) or type(id_) is int) else None


def _checked(body: dict[str, Any]) -> AgentRequest:
    try:
        return request_from_body(json.dumps(body).encode())
    except RequestInvalidError as error:
        raise InputError(f"the arguments do not fit: {error.message}") from error
