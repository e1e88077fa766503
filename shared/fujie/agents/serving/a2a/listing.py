"""A page of somebody's tasks: filtered, the last that changed first, and a token that says where the next begins."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fujie.protocols.a2a.errors import ParamsError
from fujie.protocols.a2a.nouns import State, Task
from fujie.protocols.a2a.operations import ListTasks
from fujie.sessions.rows import Run, RunStatus

_STATES: dict[RunStatus, State] = {
    "running": "working",
    "waiting": "auth-required",
    "completed": "completed",
    "failed": "failed",
    "canceled": "canceled",
}


@dataclass(frozen=True)
class Page:
    tasks: Sequence[Task]
    next_token: str
    """Empty on the last page."""
    total: int


@dataclass(frozen=True)
class RunPage:
    runs: Sequence[Run]
    next_token: str
    total: int


def page_of(asked: ListTasks, runs: Sequence[Run]) -> RunPage:
    """Return the page that is asked for. Raises ParamsError for a token that is none of ours."""
    fitting = sorted(filter(lambda run: _fits(run, asked), runs), key=_place, reverse=True)
    begin = _begin(asked.page_token)
    rest = [run for run in fitting if _place(run) < begin] if begin else fitting
    page = rest[: asked.page_size]
    return RunPage(page, token_of(page[-1]) if len(rest) > len(page) else "", len(fitting))


def _fits(run: Run, asked: ListTasks) -> bool:
    if asked.state is not None and _STATES[run.status] != asked.state:
        return False
    return asked.after is None or run.updated_at > asked.after


def _place(run: Run) -> tuple[datetime, str]:
    return run.updated_at, run.id


def token_of(run: Run) -> str:
    """Return what the page after a run is asked for with."""
    return base64.urlsafe_b64encode(f"{run.updated_at.isoformat()} {run.id}".encode()).decode()


def _begin(token: str) -> tuple[datetime, str] | None:
    if not token:
        return None
    try:
        at, _, run_id = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(" ")
        begin = datetime.fromisoformat(at)
    except (ValueError, binascii.Error) as error:
        raise ParamsError("pageToken", "is none that was given out here") from error
    if begin.tzinfo is None:
        raise ParamsError("pageToken", "is none that was given out here")
    return begin, run_id
