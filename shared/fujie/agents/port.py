"""The port between the protocols' routes and the runs: every way of keeping runs does this, and raises these errors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from fujie.agents.flow import Flow
from fujie.identity.rows import User
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent
from fujie.sessions.rows import Run, RunStatus

Act = Mapping[str, Any]
"""The chain of functions that spoke before us, as the claim `act` has it."""
Heard = Callable[[RunEvent | None], Awaitable[None]]
"""Is told each event of a run, and None when no more come; the run waits until it returns."""


class Principal(Struct, frozen=True):
    """Who asks: a verified user, the delegation that acts for him, and the functions that spoke before us."""

    user: User
    delegation_id: str
    act: Act | None = None

    @property
    def key(self) -> str:
        """What tells one person from every other."""
        return f"{self.user.tenant}/{self.user.id}"


Changed = Callable[["Runs", Run], None]
"""Is told, after it is written, that a run has paused or ended."""


class Runs(Protocol):
    """Runs of one agent. Somebody else's run is a ForbiddenError, an unknown one a RunNotFoundError.

    Conversations are each user's own: somebody else's of the same name is another.
    """

    keeps: bool
    """Do runs outlive this process?"""

    async def start(self, principal: Principal, request: AgentRequest) -> Run:
        """Return a new run, held here; `execute` it at once, or leave it to the `background`.

        Raises ConflictError when its conversation is busy, or a run with the id that the caller chose exists.
        """

    def execute(self, run: Run, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        """Yield the run's events as they happen; closing the iterator cancels the run."""

    def flow(self, run: Run, act: Act | None = None) -> Flow:
        """Return the flow of what `execute` yields; it is to be stepped to its end, or ended."""

    def background(self, run: Run, act: Act | None = None, heard: Heard | None = None) -> None:
        """Let a new run begin, or one that waits go on if it can, whoever listens and however long.

        It ends with this service at the latest.
        """

    def in_background(self) -> int:
        """Return how many runs go on here with nobody listening, or more than their listener."""
        return 0

    def resume(self, run_id: str, act: Act | None = None) -> AsyncGenerator[RunEvent, None]:
        """Yield what follows a pause, when every consent is settled; else, and at a second delivery, nothing."""

    async def cancel(self, run_id: str, user: User) -> RunStatus:
        """End a run that is running or waiting, and return its status; one that has ended stays as it is."""

    async def find(self, run_id: str, user: User) -> Run:
        """Return the user's run."""

    async def current(self, conversation_id: str, user: User) -> Run | None:
        """Return the run that is running or waiting in the user's conversation."""

    async def recent(self, user: User, conversation_id: str = "") -> Sequence[Run]:
        """Return the user's newest runs, of one conversation or of all, in no order; at most some hundred."""

    async def so_far(self, run_id: str, user: User) -> Sequence[RunEvent]:
        """Return the run's events as they stand, from its first."""

    def watch(self, run_id: str, user: User, *, follow: bool = True) -> AsyncGenerator[RunEvent, None]:
        """Yield the run's events from its first, then live ones, until it ends.

        At a pause, wait for what follows when `follow`, else end there. Closing the iterator ends only the watching.
        """

    async def close(self) -> None:
        """Cancel what still runs here: whoever listens hears so, and it is written when this returns."""
