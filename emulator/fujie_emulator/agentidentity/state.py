"""Rules and state of the control plane: what may be created, and what is remembered of it.

Documents hold the wire's field names, plus secrets (APIKey, ClientSecret) that `shown` leaves out of answers.
"""

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fujie_emulator.agentidentity.callbacks import callback_id, is_callback_url
from fujie_emulator.agentidentity.entities import (
    API_KEY_PROVIDER,
    DEFAULT_VAULT,
    IDENTITY_PROVIDER,
    OAUTH2_PROVIDER,
    TOKEN_VAULT,
    WORKLOAD_IDENTITY,
    Entity,
)
from fujie_emulator.agentidentity.errors import already_exists, not_exists, platform_mismatch, quota_exceeded
from fujie_emulator.agentidentity.oauth import IDAAS_VENDOR, checked_url, without_secret
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "agentidentity"
_ROLE_ARN = re.compile(r"acs:ram::(\d{16}):role/([A-Za-z0-9.-]{1,64})")
_MOST_URLS = 50
_LARGEST_PAGE = 100


@dataclass(frozen=True)
class Page:
    """Part of a listing, ordered by name; `next_token` is "" at the end."""

    items: list[dict[str, Any]]
    next_token: str
    total: int
    size: int


def create(
    cloud: "Cloud", entity: Entity, name: str, fields: dict[str, Any], vault: str = DEFAULT_VAULT
) -> dict[str, Any]:
    """Remember a new entity and return its document; a name in use is a conflict."""
    entity.checked_name(name)
    now = iso(cloud.clock.now())
    doc = {entity.name_field: name, entity.arn_field: entity.arn(cloud, name, vault)} | fields
    doc |= {"CreateTime": now, "UpdateTime": now}
    with cloud.store.transaction():
        if cloud.store.get(SERVICE, entity.type, entity.key(name, vault)) is not None:
            raise already_exists(entity.type, name)
        if len(cloud.store.list(SERVICE, entity.type)) >= entity.limit:
            raise quota_exceeded(entity.type, entity.limit)
        cloud.store.put(SERVICE, entity.type, entity.key(name, vault), doc)
    return doc


def get(cloud: "Cloud", entity: Entity, name: str, vault: str = DEFAULT_VAULT) -> dict[str, Any]:
    """Return the document of that name; else raise EntityNotExists."""
    return by_key(cloud, entity, entity.key(name, vault))


def by_key(cloud: "Cloud", entity: Entity, key: str) -> dict[str, Any]:
    """Return the document under the store's key, as `Entity.key` makes it; else raise EntityNotExists."""
    doc = cloud.store.get(SERVICE, entity.type, key)
    if doc is None:
        raise not_exists(entity.type, key)
    return doc


def update(cloud: "Cloud", entity: Entity, name: str, changes: dict[str, Any], vault: str = DEFAULT_VAULT) -> None:
    """Replace the named fields of an entity."""
    with cloud.store.transaction():
        doc = get(cloud, entity, name, vault) | changes | {"UpdateTime": iso(cloud.clock.now())}
        cloud.store.put(SERVICE, entity.type, entity.key(name, vault), doc)


def delete(cloud: "Cloud", entity: Entity, name: str, vault: str = DEFAULT_VAULT) -> None:
    """Forget an entity; one that is not there is an error, as in the cloud."""
    if not cloud.store.delete(SERVICE, entity.type, entity.key(name, vault)):
        raise not_exists(entity.type, name)


def in_vault(cloud: "Cloud", entity: Entity, vault: str) -> list[tuple[str, dict[str, Any]]]:
    """Return name and document of the entities, of one vault when they are kept in vaults, ordered by name."""
    docs = [doc for _, doc in cloud.store.list(SERVICE, entity.type)]
    mine = [doc for doc in docs if not entity.in_vault or doc["TokenVaultName"] == vault]
    return sorted((doc[entity.name_field], doc) for doc in mine)


def page(cloud: "Cloud", entity: Entity, *, size: int, token: str, vault: str = DEFAULT_VAULT) -> Page:
    """Return up to `size` entities after the one that `token` names."""
    if not 1 <= size <= _LARGEST_PAGE:
        raise invalid_parameter("MaxResults", f"it must be 1 to {_LARGEST_PAGE}.")
    docs = in_vault(cloud, entity, vault)
    rest = [(name, doc) for name, doc in docs if name > token]
    next_token = rest[size - 1][0] if len(rest) > size else ""
    return Page([doc for _, doc in rest[:size]], next_token, len(docs), size)


def shown(doc: dict[str, Any]) -> dict[str, Any]:
    """Return the document as answers show it, without any secret."""
    public = {key: value for key, value in doc.items() if key != "APIKey"}
    if "OAuth2ProviderConfig" in public:
        public["OAuth2ProviderConfig"] = without_secret(public["OAuth2ProviderConfig"])
    return public


def checked_vault(cloud: "Cloud", name: str) -> str:
    """Return the vault's name when it is one that exists; "" means the default."""
    if name in ("", DEFAULT_VAULT):
        return DEFAULT_VAULT
    get(cloud, TOKEN_VAULT, name)
    return name


def checked_identity_provider(cloud: "Cloud", name: str) -> str:
    """Return the name of an identity provider that exists; "" binds none."""
    if name:
        get(cloud, IDENTITY_PROVIDER, name)
    return name


def checked_role_arn(cloud: "Cloud", arn: str) -> str:
    """Return a role ARN of this account; "" gives the identity no role."""
    match = _ROLE_ARN.fullmatch(arn)
    if arn and (match is None or match[1] != cloud.account_id):
        raise invalid_parameter("RoleArn", f"it must be acs:ram::{cloud.account_id}:role/NAME.")
    return arn


def checked_urls(parameter: str, urls: list[str]) -> list[str]:
    """Return return-URLs, each absolute; they are compared byte by byte later."""
    if len(urls) > _MOST_URLS:
        raise invalid_parameter(parameter, f"it holds more than {_MOST_URLS} URLs.")
    return [checked_url(parameter, url) for url in urls]


def checked_audiences(audiences: list[str]) -> list[str]:
    """Return the audiences; none would let any token of the issuer in, so none is refused."""
    if not audiences:
        raise missing_parameter("AllowedAudience")
    if not all(audience and audience.isprintable() for audience in audiences):
        raise invalid_parameter("AllowedAudience", "each audience must be a non-empty string.")
    return audiences


def checked_callback_url(cloud: "Cloud", url: str) -> str:
    """Return the provider's CallbackURL: the caller's, when the data plane can serve it, else a new one."""
    if not url:
        return f"{cloud.base_url}/oauth2/callback/{uuid.uuid4()}"
    if not is_callback_url(cloud, checked_url("CallbackURL", url)):
        raise invalid_parameter("CallbackURL", f"it must be {cloud.base_url}/oauth2/callback/ID.")
    for name, other in cloud.store.list(SERVICE, OAUTH2_PROVIDER.type):
        if callback_id(other["CallbackURL"]) == callback_id(url):
            raise invalid_parameter("CallbackURL", f"it belongs to the provider {name}.")
    return url


def check_idaas_quota(cloud: "Cloud", vendor: str) -> None:
    """Raise QuotaExceeded when the account has its one provider at IDaaS already."""
    docs = [doc for _, doc in cloud.store.list(SERVICE, OAUTH2_PROVIDER.type)]
    if vendor == IDAAS_VENDOR and any(doc["CredentialProviderVendor"] == IDAAS_VENDOR for doc in docs):
        raise quota_exceeded(OAUTH2_PROVIDER.type, 1)


def check_own(identity: dict[str, Any]) -> None:
    """Raise WorkloadIdentityPlatformMismatch for an identity that AgentRun made, and keeps."""
    if identity["SourcePlatform"].lower() == "agentrun":
        raise platform_mismatch(identity["SourcePlatform"])


def workload_identity(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return a workload identity's document, for the data plane."""
    return get(cloud, WORKLOAD_IDENTITY, name)


def role_name(identity: dict[str, Any]) -> str:
    """Return the name of the identity's role; "" when it has none."""
    match = _ROLE_ARN.fullmatch(identity["RoleArn"])
    return match[2] if match else ""


def api_key(cloud: "Cloud", provider: str, vault: str) -> str:
    """Return the key that an APIKeyCredentialProvider keeps, for the data plane."""
    return str(get(cloud, API_KEY_PROVIDER, provider, vault)["APIKey"])
