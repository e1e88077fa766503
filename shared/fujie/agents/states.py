"""What agents keep of a person's session: in the store where there is one, else in this process for a while."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from fujie.identity.rows import User
from fujie.sessions.rows import AgentState

MAX_PLACES = 10_000
"""Names of sessions that this process remembers; the one that was used longest ago goes first."""
MAX_CHARS = 64 * 1024 * 1024
"""Of all that it remembers: who asks may choose as many names as he likes, and say much under each."""

_Place = tuple[str, str, str, str]


class AgentStates(Protocol):
    """The part of the store that holds them; its own port says more."""

    async def put_agent_state(self, state: AgentState, keep: int | None = None) -> None: ...

    async def agent_states(
        self, user: User, session_id: str, name: str, limit: int | None = None
    ) -> Sequence[AgentState]: ...

    async def drop_agent_states(self, user: User, session_id: str, name: str) -> None: ...

    async def agent_state_sessions(self, user: User, name: str) -> Sequence[str]: ...


class MemoryStates(AgentStates):
    """Remembers the places that were used last."""

    def __init__(self, max_places: int = MAX_PLACES) -> None:
        self._max_places = max_places
        self._places: OrderedDict[_Place, dict[int, AgentState]] = OrderedDict()
        self._chars = 0

    async def put_agent_state(self, state: AgentState, keep: int | None = None) -> None:
        place = _place(state.user, state.session_id, state.name)
        kept = self._places.setdefault(place, {})
        self._chars += len(state.value) - _chars(kept.get(state.number))
        kept[state.number] = state
        for number in sorted(kept)[:-keep] if keep else ():
            self._chars -= _chars(kept.pop(number))
        self._places.move_to_end(place)
        while len(self._places) > self._max_places or self._chars > MAX_CHARS:
            self._forget(next(iter(self._places)))

    async def agent_states(
        self, user: User, session_id: str, name: str, limit: int | None = None
    ) -> Sequence[AgentState]:
        kept = self._places.get(_place(user, session_id, name), {})
        return [kept[number] for number in sorted(kept)][-limit if limit else None :]

    async def drop_agent_states(self, user: User, session_id: str, name: str) -> None:
        self._forget(_place(user, session_id, name))

    async def agent_state_sessions(self, user: User, name: str) -> Sequence[str]:
        own = (user.tenant, user.id)
        return sorted(place[2] for place in self._places if place[:2] == own and place[3] == name)

    def _forget(self, place: _Place) -> None:
        self._chars -= sum(map(_chars, self._places.pop(place, {}).values()))


def _chars(state: AgentState | None) -> int:
    return len(state.value) if state else 0


def _place(user: User, session_id: str, name: str) -> _Place:
    return user.tenant, user.id, session_id, name
