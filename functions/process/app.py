"""process: the agent's protocols over the stack's parts, and the events that wake a paused run or prepare the store."""

import json
from dataclasses import dataclass
from typing import Any

from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.standalone import assembled
from fujie.asgi import App
from fujie.errors import InputError
from fujie.fc.context import require_control_path
from fujie.secret import Secret
from fujie.telemetry import bind
from functions.process.parts import Parts

MAX_EVENT_BYTES = 16 * 1024
MIGRATE = {"type": "migrate"}
"""The event that a deployment sends once the function runs its new code."""


def create_app(parts: Parts) -> App:
    """Return the app around its collaborators, which it opens and closes."""
    platform = [
        Route("POST", "/invoke", Invoke(parts), plain_refusal),
        Route("POST", "/runtime/runs/{run_id}/cancel", Cancel(parts), plain_refusal),
    ]
    pushing = [parts.pushes.close] if parts.pushes else []
    closing = [*pushing, parts.http.aclose, parts.store.close]
    return assembled(parts.agent, parts.served(), platform, opening=[parts.store.open], closing=closing)


@dataclass(frozen=True)
class Cancel:
    """`POST /runtime/runs/{run_id}/cancel`: ends a run, at the word of chat."""

    parts: Parts

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        principal = await self.parts.door.chat(request.headers)
        status = await self.parts.runs.cancel(request.params["run_id"], principal.user)
        await answer(send, Answer(202, json.dumps({"status": status}).encode()))


@dataclass(frozen=True)
class Invoke:
    """`POST /invoke`: the platform delivers an event; the answer comes when it is done.

    One wakes a paused run and brings a token for it. The other, a step of a deployment, brings the store to this code's
    migration: whoever may invoke the function may send it, any number of times.
    """

    parts: Parts

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request."""
        require_control_path(request.scope, "/invoke")
        event = _event(await request.body(MAX_EVENT_BYTES))
        if event == MIGRATE:
            await self.parts.migrate()
        else:
            await self._resume(*_wake_up(event))
        await answer(send, Answer(200, json.dumps({"status": "done"}).encode()))

    async def _resume(self, run_id: str, token: Secret) -> None:
        principal = await self.parts.door.waker(token, run_id)
        with bind(run_id=run_id, user_id=principal.user.id):
            await self.parts.runs.wake(run_id, principal.act)
        if self.parts.pushes is not None:
            await self.parts.pushes.settled(run_id)  # nothing happens here after the platform has its answer


def _event(unverified_body: bytes) -> Any:
    try:
        return json.loads(unverified_body)
    except (ValueError, RecursionError):
        raise InputError("the event is not JSON") from None


def _wake_up(event: Any) -> tuple[str, Secret]:
    """Return run id and unverified token of a `resume_run` event; raises InputError."""
    try:
        if event["type"] == "resume_run" and isinstance(event["run_id"], str) and isinstance(event["token"], str):
            return event["run_id"], Secret(event["token"])
    except (KeyError, TypeError):
        pass
    raise InputError('the event must be {"type": "resume_run", "run_id": ..., "token": ...} or {"type": "migrate"}')
