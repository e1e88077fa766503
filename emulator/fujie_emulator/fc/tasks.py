"""Asynchronous tasks: invocations whose course is kept and can be asked for, of functions that are set to it."""

import re
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import settings
from fujie_emulator.fc.errors import invalid, not_found
from fujie_emulator.fc.functions import SERVICE, check_known
from fujie_emulator.fc.state import function_arn
from fujie_emulator.functionhost.deliveries import Delivery, Ended

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

KIND = "async-task"
ENDS = {"Success": "Succeeded", "RetriesExhausted": "Failed", "EventAgeExceeded": "Expired"}
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


def task_id(cloud: "Cloud", address: str, asked: str | None, request_id: str) -> str:
    """Return the id of the task that an invocation begins, "" when the function keeps none; raise InvalidArgument."""
    setting = cloud.store.get(SERVICE, settings.ASYNC, settings.place(*address.partition(":")[::2])) or {}
    if not setting.get("asyncTask"):
        return ""
    if asked is None:
        return f"t{request_id}"
    if not _ID.fullmatch(asked):
        raise invalid("x-fc-async-task-id", "1 to 128 letters, digits, _ and - are right, beginning with a letter or _")
    if cloud.store.get(SERVICE, KIND, f"{address.partition(':')[0]}/{asked}"):
        raise CloudError("AsyncTaskAlreadyExists", 409, f"The task {asked!r} already exists.")
    return asked


def moved(cloud: "Cloud", delivery: Delivery, status: str) -> None:
    """Note that a task went on."""
    if delivery.task_id:
        _note(cloud, delivery, status, "")


def ended(cloud: "Cloud", end: Ended) -> None:
    """Note how a task ended, and with which error of the function."""
    if end.delivery.task_id:
        _note(cloud, end.delivery, ENDS[end.condition], end.answer.decode(errors="replace") if end.error_type else "")


def shown(cloud: "Cloud", function: str, task: str) -> dict[str, Any]:
    """Return the task on the wire; raise AsyncTaskNotFound."""
    check_known(cloud, function)
    found = cloud.store.get(SERVICE, KIND, f"{function}/{task}")
    if found is None:
        raise not_found("AsyncTask", task)
    return found | {"functionArn": function_arn(cloud, function)}


def _note(cloud: "Cloud", delivery: Delivery, status: str, error: str) -> None:
    function, _, qualifier = delivery.function.partition(":")
    key, now = f"{function}/{delivery.task_id}", int(cloud.clock.time() * 1000)
    known = cloud.store.get(SERVICE, KIND, key) or {"startedTime": now, "events": []}
    event = {"eventId": len(known["events"]) + 1, "status": status, "timestamp": now, "eventDetail": error}
    document = known | {
        "taskId": delivery.task_id,
        "requestId": delivery.request_id,
        "qualifier": qualifier or "LATEST",
        "status": status,
        "alreadyRetriedTimes": delivery.retries,
        "taskErrorMessage": error,
        "taskPayload": delivery.event.decode(errors="replace"),
        "events": [*known["events"], event],
    }
    if status in ENDS.values():
        document |= {"endTime": now, "destinationStatus": status, "durationMs": now - known["startedTime"]}
    cloud.store.put(SERVICE, KIND, key, document)
