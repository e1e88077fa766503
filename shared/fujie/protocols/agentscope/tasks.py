"""A run in the background as AgentScope's clients poll it: the traced bodies, in which a failed run is an error."""

from collections.abc import Iterable

from fujie.protocols.agentscope.last import LastResponse
from fujie.protocols.agentscope.words import compact, string
from fujie.protocols.events import RunCanceled, RunCompleted, RunEvent, RunFailed


def submitted(task_id: str) -> str:
    """Return the answer to a task that was taken."""
    words = "Stream query task submitted successfully"
    return compact({"task_id": task_id, "status": "submitted", "queue": "stream_query", "message": words})


def task_state(events: Iterable[RunEvent], started_at: float) -> str:
    """Return how a task stands, from its run's events so far and the Unix seconds of its start.

    One that waits for the user is running, and its result is the incomplete response, which asks him.
    """
    last, response = None, LastResponse()
    for last in events:
        response.feed(last)
    match last:
        case None:
            return compact({"status": "pending", "result": None})
        case RunCompleted():
            return f'{{"status":"finished","result":{response.text}}}'
        case RunFailed():
            return compact({"status": "error", "result": last.message})
        case RunCanceled():
            return compact({"status": "error", "result": "the run was canceled"})
    result = response.text if response.is_at_rest else "null"
    return f'{{"status":"running","started_at":{started_at!r},"result":{result}}}'


def task_not_found(unverified_task_id: str) -> str:
    """Return the answer where there is no such task, or it is somebody else's."""
    return f'{{"error":{string(f"Task {unverified_task_id[:128]} not found")}}}'
