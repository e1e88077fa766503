"""Workload identities of Agent Identity: the agent's own, each with session binding on."""

from typing import Any

from infra.providers.checks import addresses, names
from infra.providers.clients import CloudClients, absent
from infra.providers.kind import Kind, Properties


def _find(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    from alibabacloud_agentidentity20250901 import models

    request = models.GetWorkloadIdentityRequest(workload_identity_name=wanted["name"])
    with absent() as found:
        found.value = clients.agentidentity.get_workload_identity(request).body.workload_identity
    if found.value is None:
        return None
    return {
        "name": found.value.workload_identity_name,
        "role_arn": found.value.role_arn,
        "identity_provider": found.value.identity_provider_name,
        "return_urls": list(found.value.allowed_resource_oauth2_return_urls or ()),
        "description": found.value.description or "",
        "arn": found.value.workload_identity_arn,
    }


def _create(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    from alibabacloud_agentidentity20250901 import models

    request = models.CreateWorkloadIdentityRequest(
        session_binding_enabled=True, create_ramrole=False, **_fields(wanted), **_named(wanted)
    )
    created = clients.agentidentity.create_workload_identity(request).body.workload_identity
    return {"arn": created.workload_identity_arn}


def _update(clients: CloudClients, wanted: Properties, _: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    clients.agentidentity.update_workload_identity(
        models.UpdateWorkloadIdentityRequest(**_fields(wanted), **_named(wanted))
    )


def _delete(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    with absent():
        clients.agentidentity.delete_workload_identity(models.DeleteWorkloadIdentityRequest(**_named(wanted)))


def _named(wanted: Properties) -> dict[str, Any]:
    return {"workload_identity_name": wanted["name"]}


def _fields(wanted: Properties) -> dict[str, Any]:
    return {
        "role_arn": wanted["role_arn"],
        "identity_provider_name": wanted["identity_provider"],
        "allowed_resource_oauth2_return_urls": list(wanted["return_urls"]),
        "description": wanted["description"],
    }


WORKLOAD_IDENTITY = Kind(
    name="WorkloadIdentity",
    key=("name",),
    fields=("role_arn", "identity_provider", "return_urls", "description"),
    find=_find,
    create=_create,
    update=_update,
    delete=_delete,
    unordered=frozenset({"return_urls"}),
    outputs=("arn",),
    check=lambda wanted: (*names(wanted, "name"), *addresses(wanted, "return_urls")),
)
