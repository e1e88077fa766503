"""`POST /process/task` and `GET /process/task/{id}`: a run that nobody listens to, and how it stands."""

from dataclasses import dataclass

from fujie.agents.errors import ForbiddenError, RunNotFoundError
from fujie.agents.serving.agentscope import refused
from fujie.agents.serving.asgi import Answer, Request, Route, Send, answer
from fujie.agents.serving.served import Served
from fujie.protocols.agentscope.ids import run_id_of
from fujie.protocols.agentscope.request import request_from_body
from fujie.protocols.agentscope.tasks import submitted, task_not_found, task_state


def routes(served: Served) -> list[Route]:
    """Return both routes."""
    return [
        Route("POST", "/process/task", Submit(served), refused),
        Route("GET", "/process/task/{id}", Poll(served), refused),
    ]


@dataclass(frozen=True)
class Submit:
    """Starts a run in the background; the task's id is the run's."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError."""
        principal = await self.served.inbound.admit(request.headers)
        asked = request_from_body(await request.body(self.served.config.max_body_bytes))
        run = await self.served.runs.start(principal, asked)
        self.served.runs.background(run, principal.act)
        await answer(send, Answer(200, submitted(run.id).encode()))


@dataclass(frozen=True)
class Poll:
    """Tells how a task stands; one that is not there, or somebody else's, is a 404."""

    served: Served

    async def __call__(self, request: Request, send: Send) -> None:
        """Answer one request; raises FujieError."""
        runs = self.served.runs
        principal = await self.served.inbound.admit(request.headers)
        task_id = request.params["id"]
        try:
            run = await runs.find(run_id_of(task_id), principal.user)
        except (RunNotFoundError, ForbiddenError):
            await answer(send, Answer(404, task_not_found(task_id).encode()))
            return
        state = task_state(await runs.so_far(run.id, run.user), run.created_at.timestamp())
        await answer(send, Answer(200, state.encode()))
