"""Questions: the UI's own route, the sample's, and what one can do to a run."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from fujie.errors import TooLargeError
from fujie.identity.rows import BrowserSession
from functions.chat.guard import OwnPage, OwnRun, PartsOf
from functions.chat.parts import Parts
from functions.chat.places import EventStream, Places
from functions.chat.relay import relayed
from functions.chat.watch import watched

MESSAGE_LIMIT = 20_000
"""Characters."""
ConversationId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:-]+$")]

routes = APIRouter()


class Question(BaseModel):
    """What the UI asks."""

    message: Annotated[str, Field(min_length=1)]
    conversation_id: ConversationId | None = None
    language: Literal["zh", "en"] = "en"


class TextPart(BaseModel):
    type: Literal["text"] = "text"
    text: str


class SampleMessage(BaseModel):
    role: Literal["user"] = "user"
    content: Annotated[list[TextPart], Field(min_length=1, max_length=20)]


class SampleQuestion(BaseModel):
    """What the sample's frontend asks: AgentScope's input, of which the last message counts."""

    input: Annotated[list[SampleMessage], Field(min_length=1, max_length=200)]
    session_id: ConversationId | None = None


@routes.post("/api/chat")
async def ask(question: Question, request: Request, session: OwnPage, parts: PartsOf) -> Response:
    """Ask in a conversation, or begin one; the answer streams."""
    asked = agent_request(question.message, question.conversation_id, question.language)
    return await _answer(request, parts, session, asked)


@routes.post("/chat")
async def ask_as_sample(question: SampleQuestion, request: Request, session: OwnPage, parts: PartsOf) -> Response:
    """The sample's own route."""
    text = "\n".join(part.text for part in question.input[-1].content)
    return await _answer(request, parts, session, agent_request(text, question.session_id))


@routes.get("/api/runs/{run_id}/events")  # noqa: FAST003 - own_run takes it
async def events(run: OwnRun, request: Request, parts: PartsOf, after: Annotated[int, Query(ge=-1)] = -1) -> Response:
    """What happened in the run since, and what happens now, for a bounded time."""
    watches: Places = request.app.state.watches
    return EventStream(watched(parts, run, after), watches.take(run.user))


@routes.post("/api/runs/{run_id}/cancel", status_code=202)  # noqa: FAST003 - own_run takes it
async def cancel(run: OwnRun, session: OwnPage, parts: PartsOf) -> Mapping[str, Any]:
    """End the run; what it has said stays."""
    return await parts.agent.cancel(session, run.id)


async def _answer(request: Request, parts: Parts, session: BrowserSession, asked: Mapping[str, Any]) -> Response:
    questions: Places = request.app.state.questions
    release = questions.take(session.user)
    try:
        upstream = await parts.agent.ask(session, asked)
    except BaseException:
        release()
        raise
    return EventStream(relayed(upstream), release)


def agent_request(text: str, conversation_id: str | None, language: str = "") -> dict[str, Any]:
    """Return the AgentRequest (protocols.md 1.1); raises TooLargeError."""
    if len(text) > MESSAGE_LIMIT:
        raise TooLargeError(f"the message has {len(text)} characters; at most {MESSAGE_LIMIT} are taken")
    message = {"role": "user", "type": "message", "content": [{"type": "text", "text": text}]}
    request: dict[str, Any] = {"input": [message], "session_id": conversation_id or str(uuid.uuid4()), "stream": True}
    return request | {"language": language} if language else request
