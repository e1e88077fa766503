"""What an engine that was killed leaves behind, put right: its lock, a half-written state, and resources that it made
and never wrote down.

The state names creations that began. One of them may be in the cloud or not: it is written into the state under the id
that it would have, and a refresh takes it in or out. Our own resources find themselves again (kind.py), and what is put
twice is put once.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.engine.running import EngineRun

Inputs = Mapping[str, Any]
IDS: Mapping[str, Callable[[Inputs], str]] = {
    "alicloud:fc/v3CustomDomain:V3CustomDomain": lambda its: its["customDomainName"],
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


def mend(run: EngineRun, backend: Path | None = None) -> Sequence[str]:
    """Put right what an interrupted run left, and return the URNs of what it had begun to create.

    `backend` is the folder of the states when nobody else can be using them: then a lock is no one's and goes.
    """
    if backend is not None:
        _unlock(run, backend)
    state = json.loads(run.run("stack export"))
    began = _begun(state)
    if state["deployment"].get("pending_operations"):
        state["deployment"]["resources"] += (resource for resource in began if "id" in resource)
        del state["deployment"]["pending_operations"]
        run.give("stack import", json.dumps(state))
        run.run("refresh", "--yes", "--skip-preview")  # what is not in the cloud goes from the state again
    return [str(resource["urn"]) for resource in began]


def _begun(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the resources whose creation began, each with the id it would have unless another creation finds it."""
    operations = state["deployment"].get("pending_operations") or ()
    resources = (operation["resource"] for operation in operations if operation["type"] == "creating")
    return [{**resource, **_id(resource)} for resource in resources]


def _id(resource: Mapping[str, Any]) -> dict[str, str]:
    name = IDS.get(resource["type"])
    return {"id": name(resource["inputs"])} if name else {}


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
