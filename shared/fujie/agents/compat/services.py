"""The quickstart's two services of AgentScope Runtime 1.0: sessions' states and histories.

Inside a run they are kept where the run's own state is: in the store where one is configured. Elsewhere, and without a
store, in memory. A session is its user's within the tenant of who asks.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fujie.agents.handler import CURRENT_RUN
from fujie.agents.states import AgentStates, MemoryStates
from fujie.errors import FujieError
from fujie.identity.rows import User
from fujie.sessions.rows import AgentState

DEFAULT_SESSION = "default"
MAX_ROUNDS = 20
"""Rounds of a session that are kept; the oldest goes first."""
STATE = "agentscope:state"
HISTORY = "agentscope:history"


class NotStartedError(FujieError):
    """The service was used before its `start`, or after its `stop`."""

    code = "not_started"


class _Service:
    """Knows whose places it may touch, and where they are."""

    def __init__(self) -> None:
        self._own: AgentStates | None = None

    async def start(self) -> None:
        """Begin; without this nothing is kept."""
        self._own = self._own or MemoryStates()

    async def stop(self) -> None:
        """Forget what is in memory; what a store keeps stays."""
        self._own = None

    async def health(self) -> bool:
        """Return whether it was started."""
        return self._own is not None

    async def __aenter__(self) -> Any:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    def _place(self, user_id: str) -> tuple[AgentStates, User]:
        if self._own is None:
            raise NotStartedError("Service not started", repair="await its start() in the app's init function")
        current = CURRENT_RUN.get()
        if current is None:
            return self._own, User("default", user_id, user_id)
        run = current()
        return run.states, run.user if run.user.id == user_id else User(run.user.tenant, user_id, user_id)


class InMemoryStateService(_Service):
    """States of agents, in rounds; a round is a number, the highest is the latest."""

    async def save_state(
        self, user_id: str, state: Mapping[str, Any], session_id: str | None = None, round_id: int | None = None
    ) -> int:
        """Keep a state, which must be JSON, and return its round: the given one, or a new one."""
        states, user = self._place(user_id)
        session_id = session_id or DEFAULT_SESSION
        if round_id is None:
            latest = await states.agent_states(user, session_id, STATE, limit=1)
            round_id = latest[-1].number + 1 if latest else 1
        text = json.dumps(state, ensure_ascii=False)
        await states.put_agent_state(AgentState(user, session_id, STATE, round_id, text), keep=MAX_ROUNDS)
        return round_id

    async def export_state(
        self, user_id: str, session_id: str | None = None, round_id: int | None = None
    ) -> dict[str, Any] | None:
        """Return the state of a round, or the latest; None where there is none."""
        states, user = self._place(user_id)
        limit = 1 if round_id is None else None
        kept = await states.agent_states(user, session_id or DEFAULT_SESSION, STATE, limit)
        found = [state for state in kept if round_id is None or state.number == round_id]
        state: dict[str, Any] | None = json.loads(found[-1].value) if found else None
        return state


@dataclass
class Session:
    """A conversation and what was said in it, each message as it was given."""

    id: str
    user_id: str
    messages: list[Any] = field(default_factory=list)


class InMemorySessionHistoryService(_Service):
    """Histories of conversations. A message is appended as a row of its own: none is written twice."""

    async def create_session(self, user_id: str, session_id: str | None = None) -> Session:
        """Return a new session; one that has no messages is kept nowhere."""
        self._place(user_id)
        return Session((session_id or "").strip() or str(uuid.uuid4()), user_id)

    async def get_session(self, user_id: str, session_id: str) -> Session | None:
        """Return the session with its messages; one that is not there is new."""
        states, user = self._place(user_id)
        kept = await states.agent_states(user, session_id, HISTORY)
        return Session(session_id, user_id, [json.loads(row.value) for row in kept])

    async def delete_session(self, user_id: str, session_id: str) -> None:
        """Forget a session."""
        states, user = self._place(user_id)
        await states.drop_agent_states(user, session_id, HISTORY)

    async def list_sessions(self, user_id: str) -> list[Session]:
        """Return the user's sessions that have messages, without them."""
        states, user = self._place(user_id)
        return [Session(id_, user_id) for id_ in await states.agent_state_sessions(user, HISTORY)]

    async def append_message(self, session: Session, message: Any) -> None:
        """Append a message or a list of them: objects of JSON, or models that can become such."""
        states, user = self._place(session.user_id)
        messages = [_as_json(item) for item in (message if isinstance(message, Sequence) else [message]) if item]
        latest = await states.agent_states(user, session.id, HISTORY, limit=1)
        number = latest[-1].number if latest else 0
        for item in messages:
            number += 1
            text = json.dumps(item, ensure_ascii=False)
            await states.put_agent_state(AgentState(user, session.id, HISTORY, number, text))
            session.messages.append(item)


def _as_json(message: Any) -> Any:
    return message.model_dump(mode="json") if hasattr(message, "model_dump") else message
