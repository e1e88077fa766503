"""Inbound identity providers of Agent Identity: whose tokens name a user."""

from infra.declaration import IdentityProvider
from infra.providers.clients import CloudClients, missing


def ensure(clients: CloudClients, provider: IdentityProvider, audience: str) -> None:
    """Make the provider exist with this discovery address and audience."""
    from alibabacloud_agentidentity20250901 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    wanted = {"discovery_url": provider.discovery_url, "allowed_audience": [audience]}
    try:
        found = clients.agentidentity.get_identity_provider(
            models.GetIdentityProviderRequest(identity_provider_name=provider.name)
        ).body.identity_provider
    except ClientException as error:
        if not missing(error):
            raise
        clients.agentidentity.create_identity_provider(
            models.CreateIdentityProviderRequest(identity_provider_name=provider.name, **wanted)
        )
        return
    if found.discovery_url != provider.discovery_url or found.allowed_audience != [audience]:
        clients.agentidentity.update_identity_provider(
            models.UpdateIdentityProviderRequest(identity_provider_name=provider.name, **wanted)
        )
