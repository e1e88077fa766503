"""Triggers as the control plane keeps them: what CreateTrigger was told, checked, and what GetTrigger says."""

import json
import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.fc import functions, versions
from fujie_emulator.fc.documents import json_object
from fujie_emulator.fc.errors import already_exists, invalid, not_found, unsupported
from fujie_emulator.fc.schedules import schedule_of
from fujie_emulator.fc.state import function_arn

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
AUTH_TYPES = ("anonymous", "function", "jwt", "bearer")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_TEXTS = ("description", "qualifier", "sourceArn", "invocationRole")


def create(cloud: "Cloud", function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a trigger of the function and return it."""
    name = asked.get("triggerName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("triggerName", "1 to 128 letters, digits, _ and - are right, beginning with a letter or _")
    kind = asked.get("triggerType")
    if kind not in CHECKS:
        raise unsupported(f"triggers of the type {str(kind)[:32]}")
    if "triggerConfig" not in asked:
        raise invalid("triggerConfig", "it is required")
    now = iso(cloud.clock.now())
    trigger = {"qualifier": "LATEST"} | _checked(asked, kind)
    _check_source(cloud, trigger, kind)
    trigger |= {"triggerName": name, "triggerType": kind, "triggerId": str(uuid.uuid4())}
    trigger |= {"createdTime": now, "lastModifiedTime": now}
    with cloud.store.transaction():
        versions.check(cloud, function, trigger["qualifier"])
        functions.check_known(cloud, function)
        present = _of(cloud, function)
        if name in (other["triggerName"] for other in present):
            raise already_exists("Trigger", name)
        beside = [other for other in present if other["qualifier"] == trigger["qualifier"]]
        if kind == "http" and any(other["triggerType"] == "http" for other in beside):
            raise invalid("triggerType", "a version or alias has at most one HTTP trigger")
        cloud.store.put(functions.SERVICE, "trigger", f"{function}/{name}", trigger)
    return shown(cloud, function, trigger)


def update(cloud: "Cloud", function: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the fields that are given and return the trigger."""
    with cloud.store.transaction():
        trigger = kept(cloud, function, name)
        changes = _checked(asked, trigger["triggerType"])
        versions.check(cloud, function, changes.get("qualifier", ""))
        trigger |= changes | {"lastModifiedTime": iso(cloud.clock.now())}
        cloud.store.put(functions.SERVICE, "trigger", f"{function}/{name}", trigger)
    return shown(cloud, function, trigger)


def kept(cloud: "Cloud", function: str, name: str) -> dict[str, Any]:
    """Return what is kept of the trigger; raise FunctionNotFound or TriggerNotFound."""
    functions.check_known(cloud, function)
    trigger = cloud.store.get(functions.SERVICE, "trigger", f"{function}/{name}")
    if trigger is None:
        raise not_found("Trigger", name)
    return trigger


def shown(cloud: "Cloud", function: str, trigger: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trigger on the wire, with its addresses on this cloud's port."""
    told = {**trigger, "status": "enabled", "targetArn": function_arn(cloud, function)}
    if trigger["triggerType"] != "http":
        return told
    told["httpTrigger"] = {
        "urlInternet": f"{cloud.base_url}/_fc/internet/{trigger['triggerId']}",
        "urlIntranet": f"{cloud.base_url}/_fc/intranet/{trigger['triggerId']}",
    }
    return told


def listed(cloud: "Cloud", function: str, prefix: str) -> list[dict[str, Any]]:
    """Return the function's triggers by name."""
    functions.check_known(cloud, function)
    return [
        shown(cloud, function, trigger) for trigger in _of(cloud, function) if trigger["triggerName"].startswith(prefix)
    ]


def delete(cloud: "Cloud", function: str, name: str) -> None:
    """Forget the trigger."""
    with cloud.store.transaction():
        kept(cloud, function, name)
        cloud.store.delete(functions.SERVICE, "trigger", f"{function}/{name}")


def of_kind(cloud: "Cloud", kind: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return the triggers of one type: the function's address, the trigger, its configuration."""
    return [
        (versions.address(key.partition("/")[0], trigger["qualifier"]), trigger, json.loads(trigger["triggerConfig"]))
        for key, trigger in cloud.store.list(functions.SERVICE, "trigger")
        if trigger["triggerType"] == kind
    ]


def queue_of(config: Mapping[str, Any]) -> str:
    """Return the queue that an event trigger reads, "" when it reads none."""
    return str(_queue_parameters(config).get("QueueName") or "")


def is_decoded(config: Mapping[str, Any]) -> bool:
    """Say whether the trigger tells messages out of their base64; it does unless it is told not to."""
    return bool(_queue_parameters(config).get("IsBase64Decode", True))


def _queue_parameters(config: Mapping[str, Any]) -> Mapping[str, Any]:
    source = config.get("eventSourceConfig") or {}
    parameters: Mapping[str, Any] = (source.get("eventSourceParameters") or {}).get("sourceMNSParameters") or {}
    return parameters


def _of(cloud: "Cloud", function: str) -> list[dict[str, Any]]:
    return [doc for key, doc in cloud.store.list(functions.SERVICE, "trigger") if key.startswith(f"{function}/")]


def _checked(asked: Mapping[str, Any], kind: str) -> dict[str, Any]:
    fields = {name: asked[name] for name in _TEXTS if asked.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, str):
            raise invalid(name, "it must be text")
    if "triggerConfig" in asked:
        CHECKS[kind](json_object(asked["triggerConfig"], "triggerConfig"))
        fields["triggerConfig"] = asked["triggerConfig"]
    return fields


def _check_source(cloud: "Cloud", trigger: Mapping[str, Any], kind: str) -> None:
    """An object trigger names its bucket, and the role with which the object store invokes the function."""
    if kind != "oss":
        return
    if not trigger.get("sourceArn", "").startswith(f"acs:oss:{cloud.region}:{cloud.account_id}:"):
        raise invalid("sourceArn", f"acs:oss:{cloud.region}:{cloud.account_id}:BUCKET is right")
    if not trigger.get("invocationRole"):
        raise invalid("invocationRole", "it is required")


def _check_http(config: Mapping[str, Any]) -> None:
    methods = config.get("methods")
    if not isinstance(methods, list) or not methods or not all(method in METHODS for method in methods):
        raise invalid("triggerConfig", f"methods among {', '.join(METHODS)} are right")
    if config.get("authType", "function") not in AUTH_TYPES:
        raise invalid("triggerConfig", f"authType {', '.join(AUTH_TYPES)} is right")


def _check_oss(config: Mapping[str, Any]) -> None:
    events, key = config.get("events"), (config.get("filter") or {}).get("key") or {}
    if not isinstance(events, list) or not events or not all(str(event).startswith("oss:Object") for event in events):
        raise invalid("triggerConfig", "events such as oss:ObjectCreated:* are right")
    if not all(isinstance(key.get(end, ""), str) for end in ("prefix", "suffix")):
        raise invalid("triggerConfig", "prefix and suffix are text")


def _check_timer(config: Mapping[str, Any]) -> None:
    if not isinstance(config.get("payload", ""), str) or not isinstance(config.get("enable"), bool):
        raise invalid("triggerConfig", "payload is text, and enable true or false")
    schedule_of(config.get("cronExpression"))


def _check_eventbridge(config: Mapping[str, Any]) -> None:
    source = config.get("eventSourceConfig") or {}
    if source.get("eventSourceType", "Default") != "MNS":
        raise unsupported("event sources beside queues")
    if source.get("eventSourceType") == "MNS" and not queue_of(config):
        raise invalid("triggerConfig", "sourceMNSParameters with QueueName is right")


CHECKS = {"http": _check_http, "oss": _check_oss, "timer": _check_timer, "eventbridge": _check_eventbridge}
