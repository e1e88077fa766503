"""Import of resources from a JSON document: the same actions that a client would call, one after the other, as root."""

import inspect
from dataclasses import dataclass
from typing import Any

from fujie_emulator.core.call import Caller, RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.rpc import RpcService, written
from fujie_emulator.core.services import Service

MOST = 10_000  # resources of one document
_SHAPE = (
    'The document must be {"resources": [...]}; a resource is {"service": "ram", "action": "CreateRole", '
    '"parameters": {...}}, {"service": "oss", "bucket": ..., "key": ..., "text": ...} or '
    '{"service": "partners", "name": ..., "partner": {...}}.'
)


@dataclass(frozen=True)
class Resource:
    """One resource to make: `document` is all that was written of it."""

    number: int
    service: Service
    document: dict[str, Any]

    @property
    def words(self) -> str:
        """How a refusal names it."""
        return f"resource {self.number} ({self.service.name} {self.document.get('action', '')})".replace(" )", ")")


async def import_resources(cloud: Cloud, services: list[Service], document: dict[str, Any]) -> list[dict[str, Any]]:
    """Make the resources in their order; return what became of each, "made" or "was there".

    Raises CloudError at the first that is refused, naming it; those before it stay made, so that the corrected
    document can be imported again. Nothing is made when the document has not the right shape.
    """
    found = _resources(services, document)
    return [
        {"service": resource.service.name, "action": resource.document.get("action", ""), "result": result}
        for resource in found
        for result in [await _make(cloud, resource)]
    ]


def _resources(services: list[Service], document: dict[str, Any]) -> list[Resource]:
    entries = document.get("resources")
    by_name = {each.name: each for each in services if each.rpc is not None or each.import_resource is not None}
    if not isinstance(entries, list) or len(entries) > MOST or set(document) != {"resources"}:
        raise CloudError("InvalidParameter", 400, _SHAPE)
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("service"), str) or entry["service"] not in by_name:
            raise CloudError("InvalidParameter", 400, f"Resource {number} is not understood. {_SHAPE}")
    return [Resource(number, by_name[entry["service"]], entry) for number, entry in enumerate(entries)]


async def _make(cloud: Cloud, resource: Resource) -> str:
    try:
        if resource.service.rpc is not None:
            await _call(cloud, resource.service.rpc, resource.document)
        elif resource.service.import_resource is not None:
            await resource.service.import_resource(cloud, resource.document)
    except CloudError as error:
        if error.code.startswith("EntityAlreadyExist"):
            return "was there"
        raise CloudError(error.code, error.status, f"{resource.words}: {error.message}") from error
    return "made"


async def _call(cloud: Cloud, service: RpcService, document: dict[str, Any]) -> None:
    name, parameters = document.get("action"), document.get("parameters", {})
    if not isinstance(name, str) or name not in service.actions or not isinstance(parameters, dict):
        raise CloudError("InvalidParameter", 400, f"{service.name} has no such action to import with. {_SHAPE}")
    root = Caller("root", f"acs:ram::{cloud.account_id}:root", "root", cloud.account.access_key_id)
    params = {key: written(value) for key, value in parameters.items() if value is not None}
    answer = service.actions[name](cloud, RpcCall(service.name, name, params, root, "import"))
    if inspect.isawaitable(answer):
        await answer
