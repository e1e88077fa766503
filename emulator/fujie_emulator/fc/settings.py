"""Settings that a function has beside itself: how asynchronous invocations end, and how many instances it may have."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import functions
from fujie_emulator.fc.errors import invalid, unsupported
from fujie_emulator.fc.state import function_arn

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

ASYNC, CONCURRENCY = "async-invoke-config", "concurrency"
ABSENT = {ASYNC: "AsyncConfigNotExists", CONCURRENCY: "OnDemandConfigNotFound"}  # fc.md 6.4
MOST_RETRIES = 8
LONGEST_AGE_S = 604_800
LARGEST_CONCURRENCY = 100_000
_TARGET = re.compile(r"acs:(fc:[^:]*:\d+:functions/[\w-]+|mns:[^:]*:\d+:/queues/[\w-]+/messages)")


def put(cloud: "Cloud", kind: str, function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a function's setting, in place of the one it had, and return it."""
    functions.kept(cloud, function)
    setting = _async(asked) if kind == ASYNC else _concurrency(asked)
    now = iso(cloud.clock.now())
    made = (cloud.store.get(functions.SERVICE, kind, function) or {}).get("createdTime", now)
    setting |= {"createdTime": made, "lastModifiedTime": now}
    cloud.store.put(functions.SERVICE, kind, function, setting)
    return shown(cloud, kind, function)


def shown(cloud: "Cloud", kind: str, function: str) -> dict[str, Any]:
    """Return the setting on the wire; raise AsyncConfigNotExists or OnDemandConfigNotFound."""
    functions.kept(cloud, function)
    setting = cloud.store.get(functions.SERVICE, kind, function)
    if setting is None:
        raise CloudError(ABSENT[kind], 404, f"The function {function!r} has no {kind}.")
    return setting | {"functionArn": function_arn(cloud, function)} | ({"qualifier": "LATEST"} if kind == ASYNC else {})


def delete(cloud: "Cloud", kind: str, function: str) -> None:
    """Forget the setting."""
    shown(cloud, kind, function)
    cloud.store.delete(functions.SERVICE, kind, function)


def _async(asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("asyncTask"):
        raise unsupported("asynchronous tasks")
    retries, age = asked.get("maxAsyncRetryAttempts", 3), asked.get("maxAsyncEventAgeInSeconds", 86_400)
    _check_whole("maxAsyncRetryAttempts", retries, 0, MOST_RETRIES)
    _check_whole("maxAsyncEventAgeInSeconds", age, 1, LONGEST_AGE_S)
    destinations = asked.get("destinationConfig") or {}
    if not isinstance(destinations, dict):
        raise invalid("destinationConfig", "an object is right")
    for when in ("onSuccess", "onFailure"):
        target = (destinations.get(when) or {}).get("destination", "")
        if target and not _TARGET.fullmatch(str(target)):
            raise unsupported(f"destinations beside functions and queues: {str(target)[:128]}")
    return {
        "maxAsyncRetryAttempts": retries,
        "maxAsyncEventAgeInSeconds": age,
        "destinationConfig": destinations,
        "asyncTask": False,
    }


def _concurrency(asked: Mapping[str, Any]) -> dict[str, Any]:
    reserved = asked.get("reservedConcurrency")
    _check_whole("reservedConcurrency", reserved, 1, LARGEST_CONCURRENCY)
    return {"reservedConcurrency": reserved}


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(name, f"{least} to {most} is right")
