"""Rules and state of the control plane: what may be created, and what is remembered of it.

Documents hold the wire's field names, plus secrets (APIKey, ClientSecret) that `shown` leaves out of answers.
"""

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fujie_emulator.agentidentity.entities import (
    API_KEY_PROVIDER,
    DEFAULT_VAULT,
    IDENTITY_PROVIDER,
    OAUTH2_PROVIDER,
    TOKEN_VAULT,
    WORKLOAD_IDENTITY,
    Entity,
)
from fujie_emulator.agentidentity.errors import already_exists, not_exists, quota_exceeded
from fujie_emulator.agentidentity.oauth import checked_url, without_secret
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "agentidentity"
_ROLE_ARN = re.compile(r"acs:ram::(\d{16}):role/([A-Za-z0-9.-]{1,64})")
_CALLBACK_PATH = re.compile(r"/oauth2/callback/([A-Za-z0-9-]{1,64})")
_MOST_URLS = 50
_LARGEST_PAGE = 100


@dataclass(frozen=True)
class Page:
    """Part of a listing, ordered by name; `next_token` is "" at the end."""

    items: list[dict[str, Any]]
    next_token: str
    total: int
    size: int


def create(cloud: "Cloud", entity: Entity, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Remember a new entity and return its document; a name in use is a conflict."""
    entity.checked_name(name)
    now = iso(cloud.clock.now())
    doc = {entity.name_field: name, entity.arn_field: entity.arn(cloud, name)} | fields
    doc |= {"CreateTime": now, "UpdateTime": now}
    with cloud.store.transaction():
        if cloud.store.get(SERVICE, entity.type, name) is not None:
            raise already_exists(entity.type, name)
        if len(cloud.store.list(SERVICE, entity.type)) >= entity.limit:
            raise quota_exceeded(entity.type, entity.limit)
        cloud.store.put(SERVICE, entity.type, name, doc)
    return doc


def get(cloud: "Cloud", entity: Entity, name: str) -> dict[str, Any]:
    """Return the document of that name; else raise EntityNotExists."""
    doc = cloud.store.get(SERVICE, entity.type, name)
    if doc is None:
        raise not_exists(entity.type, name)
    return doc


def update(cloud: "Cloud", entity: Entity, name: str, changes: dict[str, Any]) -> None:
    """Replace the named fields of an entity."""
    with cloud.store.transaction():
        doc = get(cloud, entity, name)
        cloud.store.put(SERVICE, entity.type, name, doc | changes | {"UpdateTime": iso(cloud.clock.now())})


def delete(cloud: "Cloud", entity: Entity, name: str) -> None:
    """Forget an entity; one that is not there is an error, as in the cloud."""
    if not cloud.store.delete(SERVICE, entity.type, name):
        raise not_exists(entity.type, name)


def page(cloud: "Cloud", entity: Entity, *, size: int, token: str) -> Page:
    """Return up to `size` entities after the one that `token` names."""
    if not 1 <= size <= _LARGEST_PAGE:
        raise invalid_parameter("MaxResults", f"it must be 1 to {_LARGEST_PAGE}.")
    docs = cloud.store.list(SERVICE, entity.type)
    rest = [(key, doc) for key, doc in docs if key > token]
    next_token = rest[size - 1][0] if len(rest) > size else ""
    return Page([doc for _, doc in rest[:size]], next_token, len(docs), size)


def shown(doc: dict[str, Any]) -> dict[str, Any]:
    """Return the document as answers show it, without any secret."""
    public = {key: value for key, value in doc.items() if key != "APIKey"}
    if "OAuth2ProviderConfig" in public:
        public["OAuth2ProviderConfig"] = without_secret(public["OAuth2ProviderConfig"])
    return public


def default_vault(cloud: "Cloud") -> dict[str, Any]:
    """Return the one vault there is; it exists from the account's first day."""
    return {
        "TokenVaultName": DEFAULT_VAULT,
        "TokenVaultArn": TOKEN_VAULT.arn(cloud, DEFAULT_VAULT),
        "Description": "",
        "EncryptionConfig": {"KeyType": "SERVICE_MANAGED_KEY"},
    }


def checked_vault(name: str) -> str:
    """Return the vault's name when it is one that exists; "" means the default."""
    if name not in ("", DEFAULT_VAULT):
        raise not_exists(TOKEN_VAULT.type, name)
    return DEFAULT_VAULT


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
    parts = urlsplit(checked_url("CallbackURL", url))
    served = (cloud.base_url, f"https://agentidentitydata.{cloud.region}.aliyuncs.com")
    if f"{parts.scheme}://{parts.netloc}" not in served or parts.query or not _CALLBACK_PATH.fullmatch(parts.path):
        raise invalid_parameter("CallbackURL", f"it must be {cloud.base_url}/oauth2/callback/ID.")
    for name, other in cloud.store.list(SERVICE, OAUTH2_PROVIDER.type):
        if callback_id(other["CallbackURL"]) == callback_id(url):
            raise invalid_parameter("CallbackURL", f"it belongs to the provider {name}.")
    return url


def callback_id(url: str) -> str:
    """Return the last segment of a CallbackURL, which tells providers apart."""
    return url.rpartition("/")[2]


def workload_identity(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return a workload identity's document, for the data plane."""
    return get(cloud, WORKLOAD_IDENTITY, name)


def role_name(identity: dict[str, Any]) -> str:
    """Return the name of the identity's role; "" when it has none."""
    match = _ROLE_ARN.fullmatch(identity["RoleArn"])
    return match[2] if match else ""


def api_key(cloud: "Cloud", provider: str) -> str:
    """Return the key that an APIKeyCredentialProvider keeps, for the data plane."""
    return str(get(cloud, API_KEY_PROVIDER, provider)["APIKey"])
