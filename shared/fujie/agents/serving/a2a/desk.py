"""What a client asks for, done with the runs: the same for every version and transport."""

from collections.abc import Sequence
from dataclasses import dataclass

from fujie.agents.bounds import chars_of
from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.port import Principal
from fujie.agents.pushes.service import Pushes
from fujie.agents.serving.a2a.lasting import Events, lasting, story
from fujie.agents.serving.a2a.listing import Page, page_of, token_of
from fujie.agents.serving.asgi import Request
from fujie.agents.serving.following import patiently
from fujie.agents.serving.served import Served
from fujie.agents.serving.stream import fold_events
from fujie.protocols.a2a.encode import Encoder, Envelope
from fujie.protocols.a2a.errors import (
    NoSuchTaskError,
    ParamsError,
    PushUnsupportedError,
    TaskEndedError,
    UnsupportedError,
)
from fujie.protocols.a2a.nouns import Message, Task
from fujie.protocols.a2a.operations import CancelTask, GetTask, ListTasks, Send, Subscribe
from fujie.protocols.a2a.question import message_of
from fujie.protocols.a2a.shape import Shape
from fujie.protocols.a2a.tasks import TaskOfRun
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent
from fujie.sessions.errors import ConflictError
from fujie.sessions.rows import Run, RunStatus

_ENDED: frozenset[RunStatus] = frozenset({"completed", "failed", "canceled"})
MAX_PAGE_CHARS = 4 * 1024 * 1024
"""What a page of tasks may hold beyond its last one, however many were asked for: the next page begins after that."""
CANCEL_S = 5.0
"""How long an agent may take to notice that it was canceled before its task is told as it is then."""


@dataclass(frozen=True)
class Telling:
    """A stream that is about to begin."""

    run: Run
    events: Events
    wire: Encoder


@dataclass(frozen=True)
class Desk:
    """Carries operations out; somebody else's task is not found."""

    served: Served

    async def send(self, asked: Send, principal: Principal, request: Request) -> Task | None:
        """Return the task that a message made or went to; None when the client went away, which ends no task."""
        runs = self.served.runs
        run = await self._addressed(asked, principal)
        if not asked.wait and not asked.task_id:
            runs.background(run, principal.act)
            return task_of(run, asked.message).whole()
        known = await runs.so_far(run.id, principal.user) if asked.task_id else ()
        task = task_of(run, None if asked.task_id else asked.message, known)
        heard = await fold_events(request, lasting(runs, run, principal.act), lambda event: list(task.feed(event)))
        return task.whole() if heard else None

    async def stream(self, asked: Send | Subscribe, principal: Principal, shape: Shape, envelope: Envelope) -> Telling:
        """Return the stream of a task: a new one, or one that is there from how it stands on."""
        if isinstance(asked, Subscribe):
            run = await self.run(asked.task_id, principal)
            if run.status in _ENDED:
                raise UnsupportedError("the task has ended; get it instead")
        else:
            run = await self._addressed(asked, principal)
        is_new = isinstance(asked, Send) and not asked.task_id
        known = () if is_new else await self.served.runs.so_far(run.id, principal.user)
        begins = is_new or run.status == "waiting"
        patience_s = self.served.config.timeout_s
        events = story(self.served.runs, run, principal, known, begins=begins, patience_s=patience_s)
        task = task_of(run, asked.message if isinstance(asked, Send) and is_new else None)
        return Telling(run, events, Encoder(task, shape, envelope, behind=len(known)))

    async def get(self, asked: GetTask, principal: Principal) -> Task:
        """Return a task as it stands."""
        return await self._as_it_stands(await self.run(asked.task_id, principal), principal)

    async def list(self, asked: ListTasks, principal: Principal) -> Page:
        """Return a page of the caller's own tasks, the last that changed first."""
        found = page_of(asked, await self.served.runs.recent(principal.user, asked.context_id))
        tasks: list[Task] = []
        chars = 0
        for before, run in zip((None, *found.runs), found.runs, strict=False):
            if before is not None and chars > MAX_PAGE_CHARS:
                return Page(tasks, token_of(before), found.total)
            events = await self.served.runs.so_far(run.id, principal.user)
            chars += len(run.request) + sum(map(chars_of, events))
            tasks.append(task_of(run, None, events).whole())
        return Page(tasks, found.next_token, found.total)

    async def cancel(self, asked: CancelTask, principal: Principal) -> Task:
        """Return the task, canceled. Raises TaskEndedError when it had ended."""
        run = await self.run(asked.task_id, principal)
        if run.status in _ENDED or await self.served.runs.cancel(run.id, principal.user) != "canceled":
            raise TaskEndedError("the task has ended")
        task = task_of(run, None)
        async for event in patiently(self.served.runs.watch(run.id, principal.user, follow=False), CANCEL_S):
            list(task.feed(event))
        return task.whole()

    async def run(self, task_id: str, principal: Principal) -> Run:
        """Return the caller's run. Raises NoSuchTaskError for any other."""
        try:
            return await self.served.runs.find(task_id, principal.user)
        except (RunNotFoundError, ForbiddenError) as error:
            raise NoSuchTaskError from error

    async def _as_it_stands(self, run: Run, principal: Principal) -> Task:
        return task_of(run, None, await self.served.runs.so_far(run.id, principal.user)).whole()

    async def _addressed(self, asked: Send, principal: Principal) -> Run:
        """Return the run that a message begins, or the one that waits which it is a word to.

        Where notifications are asked for, they are in place before it says anything more.
        """
        if asked.push is not None:
            await pushes_of(self.served).check(asked.push)
        run = await (self._waiting(asked, principal) if asked.task_id else self._begun(asked, principal))
        if asked.push is not None:
            await pushes_of(self.served).set(run.id, asked.push)
        return run

    async def _waiting(self, asked: Send, principal: Principal) -> Run:
        run = await self.run(asked.task_id, principal)
        if asked.context_id and asked.context_id != run.session_id:
            raise ParamsError("message.contextId", "is not that of the task")
        if run.status in _ENDED:
            raise UnsupportedError("the task has ended", repair="leave `taskId` out to ask anew")
        if run.status != "waiting":
            raise UnsupportedError("the task is at work and takes no message", repair="subscribe to it, or cancel it")
        return run

    async def _begun(self, asked: Send, principal: Principal) -> Run:
        try:
            return await self.served.runs.start(principal, asked.request)
        except ConflictError as error:
            raise UnsupportedError(error.message, repair=error.repair) from error


def pushes_of(served: Served) -> Pushes:
    """Return what sends notifications. Raises PushUnsupportedError."""
    if served.pushes is None:
        raise PushUnsupportedError("this agent sends no push notifications")
    return served.pushes.now()


def task_of(run: Run, question: Message | None, events: Sequence[RunEvent] = ()) -> TaskOfRun:
    """Return a run as a task; without a question at hand, it is the one that the run was started with."""
    asked = question or (message_of(AgentRequest.from_json(run.request)) if run.request else None)
    task = TaskOfRun(run.id, run.session_id, asked, int(run.created_at.timestamp()))
    for event in events:
        list(task.feed(event))
    return task
