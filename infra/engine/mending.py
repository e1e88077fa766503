"""What an interrupted run leaves behind, put right: a killed engine's lock and half-written state, and resources that
are in the cloud and not in the state.

Those come from creations that were cut off: the engine was killed, or the answer was lost. What can have been created
is written into the state under the id that it would have, and a refresh takes it in or out; what turns out to be
somebody else's goes again. Our own resources find themselves (kind.py), and what is put twice is put once.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.engine.running import EngineError, EngineRun

Inputs = Mapping[str, Any]
Resource = Mapping[str, Any]
DOMAIN = "alicloud:fc/v3CustomDomain:V3CustomDomain"
TAGGED_LATER: Mapping[str, str] = {
    "alicloud:fc/v3Function:V3Function": "createTime",
    "alicloud:oss/bucket:Bucket": "creationDate",
}
"""What gets its tags in a call after the one that creates it, and which of its outputs tells when it was made."""
IDS: Mapping[str, Callable[[Inputs], str]] = {
    DOMAIN: lambda its: its["customDomainName"],
    "alicloud:fc/v3Function:V3Function": lambda its: its["functionName"],
    "alicloud:fc/v3Trigger:V3Trigger": lambda its: f"{its['functionName']}:{its['triggerName']}",
    "alicloud:log/project:Project": lambda its: its["projectName"],
    "alicloud:log/store:Store": lambda its: f"{its['projectName']}:{its['logstoreName']}",
    "alicloud:message/serviceQueue:ServiceQueue": lambda its: its["queueName"],
    "alicloud:oss/bucket:Bucket": lambda its: its["bucket"],
    "alicloud:ram/policy:Policy": lambda its: its["policyName"],
    "alicloud:ram/role:Role": lambda its: its["roleName"],
    "alicloud:ram/rolePolicyAttachment:RolePolicyAttachment": lambda its: (
        f"role:{its['policyName']}:{its['policyType']}:{its['roleName']}"
    ),
}
"""The id that the provider gives a resource, by its type: those that cannot be created when they are there."""
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "{}"}
"""Stands for a secret input: the signature by which the engine knows one, and a value that is encrypted at once."""


def mend(run: EngineRun, backend: Path | None = None) -> Sequence[str]:
    """Put right what an interrupted run left, and return the URNs of what it may have created.

    `backend` is the folder of the states when nobody else can be using them: then a lock is no one's and goes.
    """
    if backend is not None:
        _unlock(run, backend)
    state = json.loads(run.run("stack export"))
    pending = state["deployment"].pop("pending_operations", None) or []
    failed_on = _failed_on(run)
    began = [operation["resource"] for operation in pending if operation["type"] == "creating"]
    began += _planned(run, state) if failed_on else []
    named = [each for each in began if each["type"] in IDS]
    maybe = {each["urn"]: {**each, "id": IDS[each["type"]](each["inputs"])} for each in named}
    if maybe or pending:
        state["deployment"].setdefault("resources", []).extend(maybe.values())
        _give(run, state)
        # What is not in the cloud goes from the state again; what a killed engine was changing is looked at, too.
        only = () if pending else (part for urn in maybe for part in ("--target", urn))
        run.run("refresh", "--yes", "--skip-preview", *only)
        _leave_others(run, maybe, failed_on or _written_on(state))
    return [str(each["urn"]) for each in began]


def _written_on(state: Resource) -> str:
    """Return the day on which the state was written last: before the creations that it calls pending were done."""
    return datetime.fromisoformat(state["deployment"]["manifest"]["time"]).astimezone(UTC).date().isoformat()


def _failed_on(run: EngineRun) -> str:
    """Return the day on which the last update failed, "" when it did not."""
    past = run.json("stack", "history", "--page-size", "10")
    updates = sorted((each for each in past if each["kind"] == "update"), key=lambda each: str(each["startTime"]))
    return str(updates[-1]["startTime"])[:10] if updates and updates[-1]["result"] != "succeeded" else ""


def _planned(run: EngineRun, state: Resource) -> list[Resource]:
    """Return what the program would create now and could be there already: a creation's answer may have been lost."""
    try:
        steps = run.json("preview").get("steps") or ()
    except EngineError:  # what is wrong with the program is told when it is applied
        return []
    known = {each["urn"] for each in state["deployment"].get("resources") or ()}
    news = (step["newState"] for step in steps if step["op"] == "create" and step["urn"] not in known)
    return [_without_secrets(new) for new in news if new["type"] in IDS and {*_needed(new)} <= known]


def _needed(resource: Resource) -> Iterator[str]:
    """Yield the URNs of what had to be there before this was created."""
    yield from (resource["parent"], resource["provider"].rpartition("::")[0], *(resource.get("dependencies") or ()))


def _without_secrets(resource: Resource) -> Resource:
    """Return the resource with a secret in place of what a preview masks, so that a refresh writes none in clear."""
    secret = {name: SECRET for name, value in resource["inputs"].items() if "[secret]" in json.dumps(value)}
    return {**resource, "inputs": {**resource["inputs"], **secret}, "outputs": secret}


def _leave_others(run: EngineRun, maybe: Mapping[str, Resource], since: str) -> None:
    """Take out of the state again what was there, and that this stack did not make."""
    state = json.loads(run.run("stack export"))
    there = state["deployment"].get("resources") or []
    ours = [each for each in there if each["urn"] not in maybe or is_ours(each, maybe[each["urn"]]["inputs"], since)]
    if len(ours) < len(there):
        state["deployment"]["resources"] = ours
        _give(run, state)


def is_ours(found: Resource, wanted: Inputs, since: str) -> bool:
    """Tell whose it is: by its tags, a domain by its routes. What has neither belongs to something that has.

    What gets its tags later is ours without any, too, if it was made no earlier than that day.
    """
    its, tags = found["outputs"], wanted.get("tags") or {}
    if found["type"] == DOMAIN:
        return _functions(its) == _functions(wanted)
    if found["type"] in TAGGED_LATER and not its.get("tags"):
        return str(its.get(TAGGED_LATER[found["type"]], "")) >= since
    return {**(its.get("tags") or {}), **tags} == (its.get("tags") or {})


def _functions(domain: Inputs) -> set[str]:
    return {route["functionName"] for route in (domain.get("routeConfig") or {}).get("routes") or ()}


def _give(run: EngineRun, state: Resource) -> None:
    run.give("stack import", json.dumps(state))


def _unlock(run: EngineRun, backend: Path) -> None:
    """Take the lock away, and what was being written; a state that is not whole becomes what it was before."""
    for lock in backend.glob(f".pulumi/locks/**/{run.stack}/*"):
        lock.unlink()
    for path in backend.glob(f".pulumi/stacks/**/{run.stack}.json*"):
        if path.suffix == ".tmp" or (path.suffix == ".attrs" and not path.stat().st_size):
            path.unlink()
    for state in backend.glob(f".pulumi/stacks/**/{run.stack}.json"):
        before = state.with_name(f"{state.name}.bak")
        if not _is_whole(state) and before.exists():
            shutil.copyfile(before, state)


def _is_whole(state: Path) -> bool:
    try:
        json.loads(state.read_text())
    except ValueError:
        return False
    return True
