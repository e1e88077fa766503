"""Rules and state of RAM's OIDC identity providers; STS reads them for AssumeRoleWithOIDC.

Documents are kept under the provider's name, in the words of the wire, but lists as lists:
OIDCProviderName, Arn, IssuerUrl, ClientIds, Fingerprints, IssuanceLimitTime (hours), Description, dates.
"""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import invalid_parameter, missing_parameter
from fujie_emulator.ims.errors import already_exists, limit_exceeded, not_exist
from fujie_emulator.ims.state import LOOPBACK_HOSTS, SERVICE

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

KIND = "oidc_provider"
ENTITY = "OIDCProvider"
DEFAULT_LIMIT_H = 12
_LIMITS_H = (1, 168)
_MOST_PROVIDERS = 100
_MOST = {"ClientIds": 50, "Fingerprints": 5}
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_MEMBER = {
    "ClientIds": re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"),
    "Fingerprints": re.compile(r"[A-Za-z0-9]{1,128}"),
}


def arn(cloud: "Cloud", name: str) -> str:
    """Return the ARN of the provider of that name."""
    return f"acs:ram::{cloud.account_id}:oidc-provider/{name}"


def create(cloud: "Cloud", name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Remember a provider and return its document; name and issuer must be free."""
    if not _NAME.fullmatch(name):
        raise invalid_parameter("OIDCProviderName", "use 1 to 128 letters, digits and inner '.', '_' or '-'.")
    now = iso(cloud.clock.now())
    doc = {"OIDCProviderName": name, "Arn": arn(cloud, name)} | _checked(fields)
    doc |= {"IssuerUrl": checked_issuer(fields["IssuerUrl"]), "CreateDate": now, "UpdateDate": now}
    with cloud.store.transaction():
        present = providers(cloud)
        if any(other["OIDCProviderName"] == name or other["IssuerUrl"] == doc["IssuerUrl"] for other in present):
            raise already_exists(ENTITY, name)
        if len(present) >= _MOST_PROVIDERS:
            raise limit_exceeded(ENTITY, _MOST_PROVIDERS)
        cloud.store.put(SERVICE, KIND, name, doc)
    return doc


def provider(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return the provider of that name; else raise EntityNotExist.OIDCProvider."""
    doc = cloud.store.get(SERVICE, KIND, name)
    if doc is None:
        raise not_exist(ENTITY, name)
    return doc


def providers(cloud: "Cloud") -> list[dict[str, Any]]:
    """Return all providers, by name."""
    return [doc for _, doc in cloud.store.list(SERVICE, KIND)]


def update(cloud: "Cloud", name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Replace the named fields and return the provider."""
    with cloud.store.transaction():
        doc = _checked(provider(cloud, name) | changes) | {"UpdateDate": iso(cloud.clock.now())}
        cloud.store.put(SERVICE, KIND, name, doc)
    return doc


def add(cloud: "Cloud", name: str, field: str, member: str) -> dict[str, Any]:
    """Add a client id or fingerprint and return the provider."""
    with cloud.store.transaction():
        present = provider(cloud, name)[field]
        if member in present:
            raise already_exists(f"{ENTITY}.{field.removesuffix('s')}", member)
        return update(cloud, name, {field: [*present, member]})


def remove(cloud: "Cloud", name: str, field: str, member: str) -> dict[str, Any]:
    """Take a client id or fingerprint away and return the provider."""
    with cloud.store.transaction():
        present = provider(cloud, name)[field]
        if member not in present:
            raise not_exist(f"{ENTITY}.{field.removesuffix('s')}", member)
        return update(cloud, name, {field: [other for other in present if other != member]})


def delete(cloud: "Cloud", name: str) -> None:
    """Forget a provider."""
    if not cloud.store.delete(SERVICE, KIND, name):
        raise not_exist(ENTITY, name)


def checked_issuer(url: str) -> str:
    """Return an issuer URL: https, or http on this machine; without query, fragment or user info."""
    problem = invalid_parameter("IssuerUrl", "it must be https (http for loopback only), without '?', '#' and '@'.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise problem from error
    strange = not url.isascii() or not url.isprintable() or any(sign in url for sign in "?#@ \\")
    if strange or len(url) > 255 or not parts.hostname or parts.scheme not in ("http", "https"):
        raise problem
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise problem
    return url


def _checked(doc: dict[str, Any]) -> dict[str, Any]:
    for field, pattern in _MEMBER.items():
        if len(doc[field]) > _MOST[field]:
            raise limit_exceeded(f"{ENTITY}.{field.removesuffix('s')}", _MOST[field])
        if not all(pattern.fullmatch(member) for member in doc[field]):
            raise invalid_parameter(field, "each has up to 128 letters and digits; client ids also inner '.-_:/'.")
    if not doc["Fingerprints"]:
        raise missing_parameter("Fingerprints")
    if not _LIMITS_H[0] <= doc["IssuanceLimitTime"] <= _LIMITS_H[1]:
        raise invalid_parameter("IssuanceLimitTime", f"it must be {_LIMITS_H[0]} to {_LIMITS_H[1]} hours.")
    if len(doc["Description"]) > 256:
        raise invalid_parameter("Description", "it is longer than 256 characters.")
    return doc
