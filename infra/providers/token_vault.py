"""Token vaults of Agent Identity: what keeps a stack's credential providers and the tokens they obtained."""

from typing import Any

from infra.providers.checks import names
from infra.providers.clients import CloudClients, absent
from infra.providers.kind import Kind, Properties


def _find(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    from alibabacloud_agentidentity20250901 import models

    with absent() as found:
        request = models.GetTokenVaultRequest(token_vault_name=wanted["name"])
        found.value = clients.agentidentity.get_token_vault(request).body.token_vault
    if found.value is None:
        return None
    return {
        "name": found.value.token_vault_name,
        "description": found.value.description or "",
        "arn": found.value.token_vault_arn,
    }


def _create(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    from alibabacloud_agentidentity20250901 import models

    request = models.CreateTokenVaultRequest(token_vault_name=wanted["name"], description=wanted["description"])
    return {"arn": clients.agentidentity.create_token_vault(request).body.token_vault.token_vault_arn}


def _update(clients: CloudClients, wanted: Properties, _: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    clients.agentidentity.update_token_vault(
        models.UpdateTokenVaultRequest(token_vault_name=wanted["name"], description=wanted["description"])
    )


def _delete(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    with absent():
        clients.agentidentity.delete_token_vault(models.DeleteTokenVaultRequest(token_vault_name=wanted["name"]))


TOKEN_VAULT = Kind(
    name="TokenVault",
    key=("name",),
    fields=("description",),
    find=_find,
    create=_create,
    update=_update,
    delete=_delete,
    outputs=("arn",),
    check=lambda wanted: names(wanted, "name"),
)
