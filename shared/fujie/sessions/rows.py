"""What the store keeps besides identity's own: one frozen row per noun. Times are aware UTC datetimes."""

import json
import re
from datetime import datetime
from typing import Literal

from msgspec import Struct

from fujie.identity.rows import User

RunStatus = Literal["running", "waiting", "completed", "failed", "canceled"]
DeedOutcome = Literal["done", "failed", "unknown"]
DeedState = Literal["new", "held", "lost", "done", "unknown"]
"""How a worker finds a deed: nobody began it yet, or all who did failed; somebody is at it; somebody was and is gone;
it was done; nobody knows whether it was."""


class Conversation(Struct, frozen=True):
    """A chat: its runs share one history. `id` is the protocols' `session_id`."""

    id: str
    user: User
    title: str
    created_at: datetime
    updated_at: datetime


class Run(Struct, frozen=True):
    """One question and all that it takes to answer it; survives the process that runs it."""

    id: str
    conversation_id: str
    user: User
    delegation_id: str
    agent: str
    status: RunStatus
    request: str
    """The AgentRequest as JSON text: the question."""
    history: str
    """The agent's messages so far as JSON text; opaque to the store."""
    pending: str
    """JSON text of the tool calls that wait, with the consent each waits for; empty when none."""
    created_at: datetime
    updated_at: datetime
    lease_owner: str = ""
    lease_expires_at: datetime | None = None
    fence: int = 0
    """Raised by every lease; a writer with an older one is refused."""
    error: str = ""

    @property
    def session_id(self) -> str:
        """The name by which its user calls the conversation."""
        id_ = self.conversation_id
        return id_.removesuffix(_mark(self.user)) if _MARK in id_ else id_


class PushAddress(Struct, frozen=True):
    """Where somebody wants to hear how a run goes; kept until it has ended."""

    run_id: str
    id: str
    sealed: str
    """Address, and what proves to it who calls, in an envelope that only the agent's function opens."""


class AgentState(Struct, frozen=True):
    """What an agent keeps of one person's session under a name; the highest number is the newest."""

    user: User
    session_id: str
    name: str
    number: int
    value: str
    """JSON text."""


_MARK = "~"
_MARKED = re.compile(r"~[0-9a-f]{24}\Z")


def id_beside(name: str, user: User) -> str:
    """Return the id of a user's conversation whose name is the id of somebody else's."""
    return name if name.endswith(_mark(user)) else name + _mark(user)


def is_free_for_all(name: str) -> bool:
    """Say whether a name can be an id as it stands: not when it looks as if it were beside another."""
    return _MARK not in name or _MARKED.search(name) is None


def _mark(user: User) -> str:
    import hashlib

    digest = hashlib.sha256(json.dumps([user.tenant, user.id]).encode()).hexdigest()
    return _MARK + digest[:24]


def title_of(text: str, limit: int) -> str:
    """Return the text's first line as a title: nothing in it turns a list around, or is refused by a database."""
    line = text.partition("\n")[0]
    return "".join(character for character in line[: 2 * limit] if character.isprintable())[:limit]


class Deed(Struct, frozen=True):
    """What must happen once however often it is asked for: an event's handling, or a call that writes.

    It is noted before it begins, and kept until no repetition can come any more.
    """

    id: str
    status: Literal["running", "done", "failed", "unknown"]
    held_until: datetime
    expires_at: datetime
    result: str = ""
    """What came of it, for who asks again; opaque to the store."""


class Claim(Struct, frozen=True):
    """What a worker finds who wants to do a deed; one that is new or lost is his from now on."""

    state: DeedState
    result: str = ""


def claim_of(found: Deed, now: datetime) -> Claim:
    """Return what a worker finds in a row that was there."""
    if found.status in {"done", "unknown"}:
        return Claim("done" if found.status == "done" else "unknown", found.result)
    if found.status == "failed":
        return Claim("new")
    return Claim("held" if found.held_until > now else "lost")
