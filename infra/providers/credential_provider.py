"""Credential providers of Agent Identity: OAuth clients and API keys, kept in a token vault."""

from typing import Any

from infra.providers.checks import addresses, filled, names, one_of
from infra.providers.clients import CloudClients, absent
from infra.providers.kind import Kind, Problems, Properties

CUSTOM = "CustomOAuth2"
VENDORS = ("AliyunOAuth2", "AlibabaCloudOAuth2", "DingTalkOAuth2", "FeiShuOAuth2", "IDaaS", CUSTOM)
TYPES = ("USER_FEDERATION", "M2M", "ON_BEHALF_OF")


def _find_oauth2(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    from alibabacloud_agentidentity20250901 import models

    with absent() as found:
        request = models.GetOAuth2CredentialProviderRequest(**_oauth2_named(wanted))
        found.value = clients.agentidentity.get_oauth2_credential_provider(request).body.to_map()
    if found.value is None:
        return None
    told = found.value["OAuth2CredentialProvider"]
    (config,) = [inner for inner in told["OAuth2ProviderConfig"].values() if inner]
    return {
        "name": told["OAuth2CredentialProviderName"],
        "token_vault": told.get("TokenVaultName") or wanted["token_vault"],
        "vendor": told["CredentialProviderVendor"],
        "oauth_type": told.get("OAuthType") or "USER_FEDERATION",
        "callback_url": told["CallbackURL"],
        "discovery_url": (config.get("OAuth2Discovery") or {}).get("DiscoveryURL", ""),
        "client_id": config.get("ClientId", ""),
        "description": told.get("Description") or "",
        "arn": told["CredentialProviderArn"],
    }


def _create_oauth2(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    from alibabacloud_agentidentity20250901 import models

    request = models.CreateOAuth2CredentialProviderRequest(
        credential_provider_vendor=wanted["vendor"],
        oauth_type=wanted["oauth_type"],
        oauth2_provider_config=_config(wanted),
        callback_url=wanted["callback_url"],
        description=wanted["description"],
        **_oauth2_named(wanted),
    )
    created = clients.agentidentity.create_oauth2_credential_provider(request).body.to_map()
    return {"arn": created["OAuth2CredentialProvider"]["CredentialProviderArn"]}


def _update_oauth2(clients: CloudClients, wanted: Properties, _: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    clients.agentidentity.update_oauth2_credential_provider(
        models.UpdateOAuth2CredentialProviderRequest(
            oauth2_provider_config=_config(wanted),
            callback_url=wanted["callback_url"],
            description=wanted["description"],
            **_oauth2_named(wanted),
        )
    )


def _delete_oauth2(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    with absent():
        clients.agentidentity.delete_oauth2_credential_provider(
            models.DeleteOAuth2CredentialProviderRequest(**_oauth2_named(wanted))
        )


def _oauth2_named(wanted: Properties) -> dict[str, Any]:
    return {"oauth2_credential_provider_name": wanted["name"], "token_vault_name": wanted["token_vault"]}


def _config(wanted: Properties) -> Any:
    """Return the config; a public client (PKCE) has no secret."""
    from alibabacloud_agentidentity20250901 import models

    client = {"client_id": wanted["client_id"], "client_secret": wanted.get("client_secret") or None}
    if wanted["vendor"] != CUSTOM:
        included = models.IncludedOAuth2ProviderConfig(**client)
        return models.OAuth2ProviderConfig(included_oauth2_provider_config=included)
    discovery = models.OAuth2Discovery(discovery_url=wanted["discovery_url"])
    custom = models.CustomOAuth2ProviderConfig(oauth2_discovery=discovery, **client)
    return models.OAuth2ProviderConfig(custom_oauth2_provider_config=custom)


def _check_oauth2(wanted: Properties) -> Problems:
    yield from names(wanted, "name", "token_vault")
    yield from one_of(wanted, "vendor", VENDORS)
    yield from one_of(wanted, "oauth_type", TYPES)
    yield from addresses(wanted, "callback_url")
    yield from filled(wanted, "client_id")
    if wanted.get("vendor") == CUSTOM:
        yield from addresses(wanted, "discovery_url")


def _find_api_key(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    from alibabacloud_agentidentity20250901 import models

    with absent() as found:
        request = models.GetAPIKeyCredentialProviderRequest(**_api_key_named(wanted))
        found.value = clients.agentidentity.get_apikey_credential_provider(request).body.to_map()
    if found.value is None:
        return None
    told = found.value["APIKeyCredentialProvider"]
    return {
        "name": told["APIKeyCredentialProviderName"],
        "token_vault": told.get("TokenVaultName") or wanted["token_vault"],
        "description": told.get("Description") or "",
        "arn": told["CredentialProviderArn"],
    }


def _create_api_key(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    from alibabacloud_agentidentity20250901 import models

    request = models.CreateAPIKeyCredentialProviderRequest(
        apikey=wanted["api_key"], description=wanted["description"], **_api_key_named(wanted)
    )
    created = clients.agentidentity.create_apikey_credential_provider(request).body.to_map()
    return {"arn": created["APIKeyCredentialProvider"]["CredentialProviderArn"]}


def _update_api_key(clients: CloudClients, wanted: Properties, _: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    clients.agentidentity.update_apikey_credential_provider(
        models.UpdateAPIKeyCredentialProviderRequest(
            apikey=wanted["api_key"], description=wanted["description"], **_api_key_named(wanted)
        )
    )


def _delete_api_key(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_agentidentity20250901 import models

    with absent():
        clients.agentidentity.delete_apikey_credential_provider(
            models.DeleteAPIKeyCredentialProviderRequest(**_api_key_named(wanted))
        )


def _api_key_named(wanted: Properties) -> dict[str, Any]:
    return {"apikey_credential_provider_name": wanted["name"], "token_vault_name": wanted["token_vault"]}


OAUTH2_PROVIDER = Kind(
    name="OAuth2CredentialProvider",
    key=("token_vault", "name"),
    fields=("vendor", "oauth_type", "callback_url", "discovery_url", "client_id", "client_secret", "description"),
    find=_find_oauth2,
    create=_create_oauth2,
    update=_update_oauth2,
    delete=_delete_oauth2,
    fixed=frozenset({"vendor", "oauth_type"}),
    unread=frozenset({"client_secret"}),
    outputs=("arn",),
    check=_check_oauth2,
)
API_KEY_PROVIDER = Kind(
    name="APIKeyCredentialProvider",
    key=("token_vault", "name"),
    fields=("api_key", "description"),
    find=_find_api_key,
    create=_create_api_key,
    update=_update_api_key,
    delete=_delete_api_key,
    unread=frozenset({"api_key"}),
    outputs=("arn",),
    check=lambda wanted: (*names(wanted, "name", "token_vault"), *filled(wanted, "api_key")),
)
