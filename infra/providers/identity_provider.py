"""Inbound identity providers of Agent Identity: whose tokens name a user."""

from typing import Any

from infra.providers.checks import addresses, filled, names
from infra.providers.clients import CloudClients, absent
from infra.providers.kind import Kind, Properties


def _find(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    from alibabacloud_agentidentity20250901 import models

    request = models.GetIdentityProviderRequest(identity_provider_name=wanted["name"])
    with absent() as found:
        found.value = clients.agentidentity.get_identity_provider(request).body.identity_provider
    if found.value is None:
        return None
    return {
        "name": found.value.identity_provider_name,
        "discovery_url": found.value.discovery_url,
        "allowed_audience": list(found.value.allowed_audience or ()),
        "description": found.value.description or "",
        "arn": found.value.identity_provider_arn,
    }


def _create(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    from alibabacloud_agentidentity20250901 import models

    request = models.CreateIdentityProviderRequest(**_request(wanted))
    created = clients.agentidentity.create_identity_provider(request).body.identity_provider
    return {"arn": created.identity_provider_arn}


def _update(clients: CloudClients, wanted: Properties, _: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    clients.agentidentity.update_identity_provider(models.UpdateIdentityProviderRequest(**_request(wanted)))


def _delete(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    with absent():
        clients.agentidentity.delete_identity_provider(
            models.DeleteIdentityProviderRequest(identity_provider_name=wanted["name"])
        )


def _request(wanted: Properties) -> dict[str, Any]:
    return {
        "identity_provider_name": wanted["name"],
        "discovery_url": wanted["discovery_url"],
        "allowed_audience": list(wanted["allowed_audience"]),
        "description": wanted["description"],
    }


IDENTITY_PROVIDER = Kind(
    name="IdentityProvider",
    key=("name",),
    fields=("discovery_url", "allowed_audience", "description"),
    find=_find,
    create=_create,
    update=_update,
    delete=_delete,
    unordered=frozenset({"allowed_audience"}),
    outputs=("arn",),
    check=lambda wanted: (
        *names(wanted, "name"),
        *addresses(wanted, "discovery_url"),
        *filled(wanted, "allowed_audience"),
    ),
)
