"""Settings that a function has beside itself: how asynchronous invocations end, and how many instances it has."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.fc import functions, versions
from fujie_emulator.fc.errors import invalid, unsupported
from fujie_emulator.fc.state import function_arn
from fujie_emulator.functionhost.specification import LATEST

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

ASYNC, CONCURRENCY, PROVISION = "async-invoke-config", "concurrency", "provision-config"
ABSENT = {
    ASYNC: "AsyncConfigNotExists",
    CONCURRENCY: "OnDemandConfigNotFound",
    PROVISION: "ProvisionConfigNotFound",
}  # fc.md 6.4
MOST_RETRIES = 8
LONGEST_AGE_S = 604_800
LARGEST_CONCURRENCY = 100_000
LARGEST_PROVISION = 10_000
_TARGET = re.compile(r"acs:(fc:[^:]*:\d+:functions/[\w-]+|mns:[^:]*:\d+:/queues/[\w-]+/messages)")


def place(function: str, qualifier: str) -> str:
    """Return under which name a setting is kept that each version and alias has for itself."""
    return function if qualifier in ("", LATEST) else f"{function}/{qualifier}"


def put(cloud: "Cloud", kind: str, function: str, asked: Mapping[str, Any], qualifier: str = "") -> dict[str, Any]:
    """Keep a function's setting, in place of the one it had, and return it."""
    versions.check(cloud, function, qualifier)
    functions.check_known(cloud, function)
    setting = _CHECKED[kind](asked)
    _check_room(cloud, kind, function, setting)
    now = iso(cloud.clock.now())
    key = place(function, qualifier)
    made = (cloud.store.get(functions.SERVICE, kind, key) or {}).get("createdTime", now)
    setting |= {"createdTime": made, "lastModifiedTime": now, "qualifier": qualifier or LATEST}
    cloud.store.put(functions.SERVICE, kind, key, setting)
    return shown(cloud, kind, function, qualifier)


def shown(cloud: "Cloud", kind: str, function: str, qualifier: str = "") -> dict[str, Any]:
    """Return the setting on the wire; raise AsyncConfigNotExists, or what the others are called."""
    functions.check_known(cloud, function)
    setting = cloud.store.get(functions.SERVICE, kind, place(function, qualifier))
    if setting is None:
        raise CloudError(ABSENT[kind], 404, f"The function {function!r} has no {kind}.")
    told = {name: value for name, value in setting.items() if kind == ASYNC or name != "qualifier"}
    return told | {"functionArn": function_arn(cloud, function)}


def delete(cloud: "Cloud", kind: str, function: str, qualifier: str = "") -> None:
    """Forget the setting."""
    shown(cloud, kind, function, qualifier)
    cloud.store.delete(functions.SERVICE, kind, place(function, qualifier))


def provisioned(cloud: "Cloud", function: str, version: str) -> int:
    """Return how many instances of a version are to be up: as itself, and as what aliases name."""
    named = [alias["aliasName"] for alias in versions.aliases(cloud, function) if alias["versionId"] == version]
    found = [cloud.store.get(functions.SERVICE, PROVISION, place(function, each)) for each in (version, *named)]
    return sum(setting["target"] for setting in found if setting)


def _async(asked: Mapping[str, Any]) -> dict[str, Any]:
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
    named = {when: each for when, each in destinations.items() if each}  # the published provider sends empty ones, too
    return {
        "maxAsyncRetryAttempts": retries,
        "maxAsyncEventAgeInSeconds": age,
        "destinationConfig": named,
        "asyncTask": bool(asked.get("asyncTask")),
    }


def _concurrency(asked: Mapping[str, Any]) -> dict[str, Any]:
    reserved = asked.get("reservedConcurrency")
    _check_whole("reservedConcurrency", reserved, 1, LARGEST_CONCURRENCY)
    return {"reservedConcurrency": reserved}


def _provision(asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked.get("scheduledActions") or asked.get("targetTrackingPolicies"):
        raise unsupported("provisioned instances by schedule or by measure")
    target = asked.get("target", asked.get("defaultTarget"))
    _check_whole("target", target, 0, LARGEST_PROVISION)
    flags = {name: bool(asked.get(name)) for name in ("alwaysAllocateCPU", "alwaysAllocateGPU")}
    return {"target": target, "defaultTarget": target, **flags}


def _check_room(cloud: "Cloud", kind: str, function: str, setting: Mapping[str, Any]) -> None:
    """Raise InvalidArgument when more instances were to be up than are reserved."""
    reserved = setting if kind == CONCURRENCY else cloud.store.get(functions.SERVICE, CONCURRENCY, function)
    up = setting if kind == PROVISION else cloud.store.get(functions.SERVICE, PROVISION, function)
    if kind != ASYNC and reserved and up and up["target"] > reserved["reservedConcurrency"]:
        raise invalid("target", "at most as many as the function's reserved concurrency are right")


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(name, f"{least} to {most} is right")


_CHECKED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ASYNC: _async,
    CONCURRENCY: _concurrency,
    PROVISION: _provision,
}
