"""A user's conversations as the UI needs them."""

import json
from typing import Any

from fastapi import APIRouter

from fujie.agents.watching import LogReader
from fujie.sessions.rows import Conversation, Run
from functions.chat.errors import NotYoursError, UnknownError
from functions.chat.frames import settled
from functions.chat.guard import Id, PartsOf, SignedIn
from functions.chat.parts import Parts
from functions.chat.watch import RunFrames

routes = APIRouter(prefix="/api/conversations")


@routes.get("")
async def conversations(session: SignedIn, parts: PartsOf) -> dict[str, Any]:
    """The user's own, newest first."""
    return {"conversations": [_summary(row) for row in await parts.store.conversations(session.user)]}


@routes.get("/{conversation_id}")
async def conversation(conversation_id: Id, session: SignedIn, parts: PartsOf) -> dict[str, Any]:
    """One conversation with its runs and their events: enough to show it as it was, a pause included."""
    row = await parts.store.conversation(conversation_id)
    if row is None:
        raise UnknownError("there is no such conversation")
    if (row.user.tenant, row.user.id) != (session.user.tenant, session.user.id):
        raise NotYoursError("this conversation belongs to someone else")
    runs = [await _run(parts, run) for run in await parts.store.runs(conversation_id)]
    return _summary(row) | {"runs": runs}


async def _run(parts: Parts, run: Run) -> dict[str, Any]:
    events = settled(await RunFrames(LogReader(parts.store, run.id)).news())
    return {"run_id": run.id, "status": run.status, "question": question_of(run.request), "events": events}


def _summary(row: Conversation) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, "updated_at": row.updated_at.isoformat()}


def question_of(request: str) -> str:
    """Return the text of the last user message of an AgentRequest; empty when it holds none."""
    messages = json.loads(request).get("input") or []
    asked = [message for message in messages if message.get("role") == "user"]
    parts = asked[-1].get("content") or [] if asked else []
    return "\n".join(str(part["text"]) for part in parts if part.get("type") == "text" and part.get("text"))
