"""Credential providers of Agent Identity: OAuth clients and API keys, kept in the token vault."""

from dataclasses import dataclass
from typing import Any

from fujie.secret import Secret
from infra.declaration import APIKeyProvider, OAuth2Provider
from infra.providers.clients import CloudClients, missing


@dataclass(frozen=True)
class OAuthClient:
    """With which client the provider asks; a public client (PKCE) has no secret."""

    client_id: str
    client_secret: Secret | None = None


def ensure_oauth2(clients: CloudClients, provider: OAuth2Provider, client: OAuthClient) -> None:
    """Make the OAuth provider exist with this client; one that differs is updated in place."""
    from alibabacloud_agentidentity20250901 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    config = _config(provider, client)
    try:
        found = clients.agentidentity.get_oauth2_credential_provider(
            models.GetOAuth2CredentialProviderRequest(oauth2_credential_provider_name=provider.name)
        ).body
    except ClientException as error:
        if not missing(error):
            raise
        clients.agentidentity.create_oauth2_credential_provider(
            models.CreateOAuth2CredentialProviderRequest(
                oauth2_credential_provider_name=provider.name,
                credential_provider_vendor=provider.vendor,
                oauth2_provider_config=config,
                callback_url=provider.callback_url,
            )
        )
        return
    if _client_id(found.to_map()) != client.client_id:
        clients.agentidentity.update_oauth2_credential_provider(
            models.UpdateOAuth2CredentialProviderRequest(
                oauth2_credential_provider_name=provider.name, oauth2_provider_config=config
            )
        )


def ensure_api_key(clients: CloudClients, provider: APIKeyProvider, api_key: Secret) -> None:
    """Make the API key provider exist. The cloud never shows a key, so an existing one is given ours again."""
    from alibabacloud_agentidentity20250901 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    try:
        clients.agentidentity.get_apikey_credential_provider(
            models.GetAPIKeyCredentialProviderRequest(apikey_credential_provider_name=provider.name)
        )
    except ClientException as error:
        if not missing(error):
            raise
        clients.agentidentity.create_apikey_credential_provider(
            models.CreateAPIKeyCredentialProviderRequest(
                apikey_credential_provider_name=provider.name, apikey=api_key.reveal()
            )
        )
        return
    clients.agentidentity.update_apikey_credential_provider(
        models.UpdateAPIKeyCredentialProviderRequest(
            apikey_credential_provider_name=provider.name, apikey=api_key.reveal()
        )
    )


def _config(provider: OAuth2Provider, client: OAuthClient) -> Any:
    from alibabacloud_agentidentity20250901 import models

    secret = client.client_secret.reveal() if client.client_secret else None
    if provider.vendor != "CustomOAuth2":
        included = models.IncludedOAuth2ProviderConfig(client_id=client.client_id, client_secret=secret)
        return models.OAuth2ProviderConfig(included_oauth2_provider_config=included)
    discovery = models.OAuth2Discovery(discovery_url=f"{provider.issuer}/.well-known/oauth-authorization-server")
    custom = models.CustomOAuth2ProviderConfig(
        client_id=client.client_id, client_secret=secret, oauth2_discovery=discovery
    )
    return models.OAuth2ProviderConfig(custom_oauth2_provider_config=custom)


def _client_id(found: Any) -> str:
    """Return the client id wherever the answer holds it."""
    if isinstance(found, dict):
        return str(found.get("ClientId") or next(filter(None, map(_client_id, found.values())), ""))
    return ""
