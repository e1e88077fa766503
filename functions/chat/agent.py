"""The agent that answers: `process` of this stack, or an AgentScope agent elsewhere."""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

import httpx2

from fujie import clock
from fujie.errors import InputError, TooLargeError
from fujie.http import read_limited
from fujie.identity.internal import InternalMinter
from fujie.identity.rows import BrowserSession
from fujie.secret import Secret
from fujie.sessions.errors import ConflictError
from fujie.sessions.port import Store
from fujie.sessions.rows import Conversation, title_of
from functions.chat.errors import (
    AgentUnavailableError,
    NotYoursError,
    UnknownError,
    refusal_from_answer,
)

STREAM_TIMEOUT = httpx2.Timeout(10.0, read=180.0)
"""A tool may take its time, but an agent that says nothing for three minutes is gone."""
SESSION_HEADER = "x-agentscope-runtime-session-id"
"""By which `process` keeps a conversation on one instance, where the stack asks for that."""
ERROR_LIMIT = 64 * 1024
TITLE_LENGTH = 60


class Agent(Protocol):
    """Where questions go."""

    async def ask(self, session: BrowserSession, question: Mapping[str, Any]) -> httpx2.Response:
        """Send an AgentRequest; return the open answer, whose bytes are the event stream. The caller closes it."""

    async def cancel(self, session: BrowserSession, run_id: str, /) -> Mapping[str, Any]: ...


class ProcessAgent:
    """The stack's own `process`: asked with an internal token that names the session's delegation."""

    def __init__(self, http: httpx2.AsyncClient, url: str, minter: InternalMinter) -> None:
        self._http = http
        self._url = url
        self._minter = minter

    async def ask(self, session: BrowserSession, question: Mapping[str, Any]) -> httpx2.Response:
        named = {SESSION_HEADER: str(question["session_id"])}
        return await _open(self._http, f"{self._url}/process", self._token(session), question, named)

    async def cancel(self, session: BrowserSession, run_id: str, /) -> Mapping[str, Any]:
        url = f"{self._url}/runtime/runs/{uuid.UUID(run_id)}/cancel"
        response = await _open(self._http, url, self._token(session), {})
        try:
            answer = json.loads(await read_limited(response, ERROR_LIMIT))
        finally:
            await response.aclose()
        return {"status": str(answer.get("status", ""))}

    def _token(self, session: BrowserSession) -> Secret:
        return self._minter.mint("process", delegation_id=session.delegation_id)


class ElsewhereAgent:
    """An agent elsewhere, behind one bearer token for all users: so chat itself keeps their conversations apart."""

    def __init__(self, http: httpx2.AsyncClient, store: Store, endpoint: str, bearer: Secret | None) -> None:
        self._http = http
        self._store = store
        self._endpoint = endpoint
        self._bearer = bearer

    async def ask(self, session: BrowserSession, question: Mapping[str, Any]) -> httpx2.Response:
        await self._own(session, question)
        return await _open(self._http, self._endpoint, self._bearer, {**question, "user_id": session.user.id})

    async def cancel(self, _session: BrowserSession, _run_id: str, /) -> Mapping[str, Any]:
        raise InputError("an agent elsewhere ends a run when its stream is closed", repair="close the stream")

    async def _own(self, session: BrowserSession, question: Mapping[str, Any]) -> None:
        """Refuse another user's conversation, whose history the shared bearer token would open."""
        conversation_id = str(question["session_id"])
        now = clock.now()
        title = title_of(_first_text(question), TITLE_LENGTH)
        try:
            await self._store.add_conversation(Conversation(conversation_id, session.user, title, now, now))
        except ConflictError:
            kept = await self._store.conversation(conversation_id)
            if kept is None:
                raise UnknownError("there is no such conversation") from None
            if (kept.user.tenant, kept.user.id) != (session.user.tenant, session.user.id):
                raise NotYoursError("this conversation belongs to someone else") from None


async def _open(
    http: httpx2.AsyncClient,
    url: str,
    bearer: Secret | None,
    body: Mapping[str, Any],
    named: Mapping[str, str] | None = None,
) -> httpx2.Response:
    headers = {"accept": "text/event-stream, application/json", **(named or {})}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer.reveal()}"
    request = http.build_request("POST", url, json=dict(body), headers=headers, timeout=STREAM_TIMEOUT)
    try:
        response = await http.send(request, stream=True)
    except httpx2.HTTPError as error:
        raise AgentUnavailableError("the agent does not answer", repair="try again in a moment") from error
    if response.is_success:
        return response
    try:
        answer = await read_limited(response, ERROR_LIMIT)
    except (TooLargeError, httpx2.HTTPError):
        answer = b""
    finally:
        await response.aclose()
    raise refusal_from_answer(response.status_code, answer)


def _first_text(question: Mapping[str, Any]) -> str:
    return str(question["input"][0]["content"][0]["text"])
