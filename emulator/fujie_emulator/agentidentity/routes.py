"""Agent Identity 2025-09-01 on the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fujie_emulator.agentidentity import state, vaults
from fujie_emulator.agentidentity.entities import (
    API_KEY_PROVIDER,
    DEFAULT_VAULT,
    IDENTITY_PROVIDER,
    OAUTH2_PROVIDER,
    TOKEN_VAULT,
    WORKLOAD_IDENTITY,
    Entity,
)
from fujie_emulator.agentidentity.oauth import checked_config, checked_type, checked_url, outbound, with_kept_secret
from fujie_emulator.agentidentity.refused import REFUSED
from fujie_emulator.agentidentity.roles import create_role
from fujie_emulator.agentidentitydata import vault as tokens
from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.iam import authorize

__all__ = ["ACTIONS", "REFUSED", "VERSION"]

VERSION = "2025-09-01"
_PAGE_SIZE = 50
_LONGEST_DESCRIPTION = 1024
_LONGEST_API_KEY = 8192


def create_workload_identity(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, WORKLOAD_IDENTITY)
    role_arn = state.checked_role_arn(cloud, call.text("RoleArn", required=False))
    if call.flag("CreateRAMRole") and role_arn:
        raise invalid_parameter("CreateRAMRole", "name a RoleArn or have a role created, not both.")
    fields = {
        "RoleArn": role_arn,
        "AllowedResourceOAuth2ReturnURLs": _urls(call, "AllowedResourceOAuth2ReturnURLs"),
        "AllowedConsentCallbackURLs": _urls(call, "AllowedConsentCallbackURLs"),
        "IdentityProviderName": state.checked_identity_provider(
            cloud, call.text("IdentityProviderName", required=False)
        ),
        "SessionBindingEnabled": call.flag("SessionBindingEnabled", default=True),
        "SourceAgentArn": call.text("SourceAgentArn", required=False),
        "SourcePlatform": call.text("SourcePlatform", required=False),
        "Description": _description(call),
    }
    with cloud.store.transaction():  # no identity without its role, and no role without its identity
        if call.flag("CreateRAMRole"):
            fields["RoleArn"] = create_role(cloud, WORKLOAD_IDENTITY.checked_name(name))
        return _created(cloud, WORKLOAD_IDENTITY, name, fields)


def update_workload_identity(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, WORKLOAD_IDENTITY)
    state.check_own(state.get(cloud, WORKLOAD_IDENTITY, name))
    read: dict[str, Callable[[], Any]] = {
        "RoleArn": lambda: state.checked_role_arn(cloud, call.params["RoleArn"]),
        "AllowedResourceOAuth2ReturnURLs": lambda: _urls(call, "AllowedResourceOAuth2ReturnURLs"),
        "AllowedConsentCallbackURLs": lambda: _urls(call, "AllowedConsentCallbackURLs"),
        "IdentityProviderName": lambda: state.checked_identity_provider(cloud, call.params["IdentityProviderName"]),
        "SessionBindingEnabled": lambda: call.flag("SessionBindingEnabled", default=True),
        "Description": lambda: _description(call),
    }
    return _updated(cloud, call, WORKLOAD_IDENTITY, name, read)


def create_identity_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, IDENTITY_PROVIDER)
    fields = {
        "DiscoveryURL": checked_url("DiscoveryURL", call.text("DiscoveryURL")),
        "AllowedAudience": state.checked_audiences(call.strings("AllowedAudience")),
        "Description": _description(call),
    }
    return _created(cloud, IDENTITY_PROVIDER, name, fields)


def update_identity_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, IDENTITY_PROVIDER)
    read: dict[str, Callable[[], Any]] = {
        "DiscoveryURL": lambda: checked_url("DiscoveryURL", call.params["DiscoveryURL"]),
        "AllowedAudience": lambda: state.checked_audiences(call.strings("AllowedAudience")),
        "Description": lambda: _description(call),
    }
    return _updated(cloud, call, IDENTITY_PROVIDER, name, read)


def create_oauth2_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, OAUTH2_PROVIDER)
    vendor = call.text("CredentialProviderVendor")
    kind, vault = checked_type(vendor, call.text("OAuthType", required=False)), _vault(cloud, call)
    fields = {
        "CredentialProviderVendor": vendor,
        "OAuth2ProviderConfig": checked_config(vendor, call.document("OAuth2ProviderConfig", required=True), kind),
        "CallbackURL": state.checked_callback_url(cloud, call.text("CallbackURL", required=False)),
        "OAuthType": kind,
        "TokenVaultName": vault,
        "Description": _description(call),
    }
    with cloud.store.transaction():
        state.check_idaas_quota(cloud, vendor)
        return _created(cloud, OAUTH2_PROVIDER, name, fields | outbound(vendor, fields), vault)


def update_oauth2_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, OAUTH2_PROVIDER)
    vault = _vault(cloud, call)
    stored = state.get(cloud, OAUTH2_PROVIDER, name, vault)
    vendor = call.text("CredentialProviderVendor", required=False) or stored["CredentialProviderVendor"]
    config = checked_config(
        vendor, call.document("OAuth2ProviderConfig") or stored["OAuth2ProviderConfig"], stored["OAuthType"]
    )
    changes = {
        "CredentialProviderVendor": vendor,
        "OAuth2ProviderConfig": with_kept_secret(config, stored["OAuth2ProviderConfig"]),
    }
    if "Description" in call.params:
        changes["Description"] = _description(call)
    if call.params.get("CallbackURL", stored["CallbackURL"]) != stored["CallbackURL"]:
        changes["CallbackURL"] = state.checked_callback_url(cloud, call.params["CallbackURL"])
    state.update(cloud, OAUTH2_PROVIDER, name, changes, vault)
    return {}


def delete_oauth2_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, OAUTH2_PROVIDER)
    vault = _vault(cloud, call)
    with cloud.store.transaction():
        state.delete(cloud, OAUTH2_PROVIDER, name, vault)
        tokens.forget_provider(cloud, OAUTH2_PROVIDER.key(name, vault))
    return {}


def create_api_key_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, API_KEY_PROVIDER)
    fields = {"APIKey": _api_key(call), "TokenVaultName": _vault(cloud, call), "Description": _description(call)}
    return _created(cloud, API_KEY_PROVIDER, name, fields, fields["TokenVaultName"])


def update_api_key_provider(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, API_KEY_PROVIDER)
    read: dict[str, Callable[[], Any]] = {
        "APIKey": lambda: _api_key(call),
        "Description": lambda: _description(call),
    }
    return _updated(cloud, call, API_KEY_PROVIDER, name, read)


def get_one(entity: Entity, cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, entity)
    return {entity.type: state.shown(state.get(cloud, entity, name, _vault_of(entity, cloud, call)))}


def delete_one(entity: Entity, cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, entity)
    state.delete(cloud, entity, name, _vault_of(entity, cloud, call))
    return {}


def list_all(entity: Entity, cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    authorize(cloud, call.caller, f"{state.SERVICE}:{call.action}", [entity.arn(cloud, "*", _vault_asked(call))])
    vault, token = _vault_of(entity, cloud, call), call.text("NextToken", required=False)
    page = state.page(cloud, entity, size=call.integer("MaxResults", _PAGE_SIZE), token=token, vault=vault)
    answer = {entity.plural: [state.shown(doc) for doc in page.items], "MaxResults": page.size}
    return answer | {"TotalCount": page.total} | ({"NextToken": page.next_token} if page.next_token else {})


def create_token_vault(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, TOKEN_VAULT)
    fields = {
        "Description": _description(call),
        "EncryptionConfig": vaults.checked_encryption(call.document("EncryptionConfig")),
        "RoleArn": state.checked_role_arn(cloud, call.text("RoleArn", required=False)),
    }
    vaults.open_default(cloud)
    return _created(cloud, TOKEN_VAULT, name, fields)


def update_token_vault(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = _allowed(cloud, call, TOKEN_VAULT)
    read: dict[str, Callable[[], Any]] = {
        "Description": lambda: _description(call),
        "RoleArn": lambda: state.checked_role_arn(cloud, call.params["RoleArn"]),
    }
    vaults.open_default(cloud)
    return _updated(cloud, call, TOKEN_VAULT, name, read)


def delete_token_vault(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    vaults.delete(cloud, _allowed(cloud, call, TOKEN_VAULT))
    return {}


def get_token_vault(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    name = call.text("TokenVaultName", required=False) or DEFAULT_VAULT
    authorize(cloud, call.caller, f"{state.SERVICE}:{call.action}", [TOKEN_VAULT.arn(cloud, name)])
    vaults.open_default(cloud)
    return {TOKEN_VAULT.type: state.get(cloud, TOKEN_VAULT, name)}


def list_token_vaults(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    vaults.open_default(cloud)
    return list_all(TOKEN_VAULT, cloud, call)


def _allowed(cloud: Cloud, call: RpcCall, entity: Entity) -> str:
    """Return the name the call is about, once the caller may do the action on it, in a vault that exists."""
    name = call.text(entity.name_field)
    authorize(cloud, call.caller, f"{state.SERVICE}:{call.action}", [entity.arn(cloud, name, _vault_asked(call))])
    _vault_of(entity, cloud, call)
    return name


def _created(
    cloud: Cloud, entity: Entity, name: str, fields: dict[str, Any], vault: str = DEFAULT_VAULT
) -> dict[str, Any]:
    return {entity.type: state.shown(state.create(cloud, entity, name, fields, vault))}


def _updated(
    cloud: Cloud, call: RpcCall, entity: Entity, name: str, read: dict[str, Callable[[], Any]]
) -> dict[str, Any]:
    """Replace the fields that the call names; the others stay."""
    vault = _vault_of(entity, cloud, call)
    state.get(cloud, entity, name, vault)
    changes = {field: value() for field, value in read.items() if field in call.params}
    state.update(cloud, entity, name, changes, vault)
    return {}


def _urls(call: RpcCall, parameter: str) -> list[str]:
    return state.checked_urls(parameter, call.strings(parameter))


def _vault_asked(call: RpcCall) -> str:
    return call.text("TokenVaultName", required=False) or DEFAULT_VAULT


def _vault(cloud: Cloud, call: RpcCall) -> str:
    return state.checked_vault(cloud, _vault_asked(call))


def _vault_of(entity: Entity, cloud: Cloud, call: RpcCall) -> str:
    """Return the vault that the call means, where the entity is kept in vaults."""
    return _vault(cloud, call) if entity.in_vault else DEFAULT_VAULT


def _description(call: RpcCall) -> str:
    text = call.text("Description", required=False)
    if len(text) > _LONGEST_DESCRIPTION:
        raise invalid_parameter("Description", f"it is longer than {_LONGEST_DESCRIPTION} characters.")
    return text


def _api_key(call: RpcCall) -> str:
    key = call.text("APIKey")
    if len(key) > _LONGEST_API_KEY or not key.isprintable():
        raise invalid_parameter("APIKey", f"it must be up to {_LONGEST_API_KEY} printable characters.")
    return key


ACTIONS: dict[str, Callable[[Cloud, RpcCall], dict[str, Any]]] = {
    "CreateWorkloadIdentity": create_workload_identity,
    "UpdateWorkloadIdentity": update_workload_identity,
    "CreateIdentityProvider": create_identity_provider,
    "UpdateIdentityProvider": update_identity_provider,
    "CreateOAuth2CredentialProvider": create_oauth2_provider,
    "UpdateOAuth2CredentialProvider": update_oauth2_provider,
    "CreateAPIKeyCredentialProvider": create_api_key_provider,
    "UpdateAPIKeyCredentialProvider": update_api_key_provider,
    "CreateTokenVault": create_token_vault,
    "UpdateTokenVault": update_token_vault,
    "DeleteTokenVault": delete_token_vault,
    "GetTokenVault": get_token_vault,
    "ListTokenVaults": list_token_vaults,
}
for _entity in (WORKLOAD_IDENTITY, IDENTITY_PROVIDER, OAUTH2_PROVIDER, API_KEY_PROVIDER):
    ACTIONS[f"Get{_entity.type}"] = partial(get_one, _entity)
    ACTIONS[f"List{_entity.plural}"] = partial(list_all, _entity)
    ACTIONS[f"Delete{_entity.type}"] = partial(delete_one, _entity)
ACTIONS["DeleteOAuth2CredentialProvider"] = delete_oauth2_provider
