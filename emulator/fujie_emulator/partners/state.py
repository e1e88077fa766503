"""Which partners there are: their scopes, clients, API keys and data."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.errors import CloudError
from fujie_emulator.partners.errors import not_found

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "partners"
RESERVED = ("aliyun",)
"""The cloud's own MCP server lives under this name; its authorization server is the cloud's sign-in."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")  # RFC 6749 3.3
Words = Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """A registered OAuth client; without a secret it is public and proves itself by PKCE alone."""

    client_id: str
    secret_sha256: str = field(repr=False)
    redirect_uris: tuple[str, ...]

    def holds(self, unverified_secret: str) -> bool:
        """Tell whether this is the client's secret."""
        return hmac.compare_digest(self.secret_sha256, digest(unverified_secret) if unverified_secret else "")


@dataclass(frozen=True)
class Partner:
    """A service outside the cloud. `scopes` are name -> words by language, `resources` path -> scope and data."""

    name: str
    display_name: str
    scopes: Mapping[str, Words]
    clients: Mapping[str, Client]
    api_keys_sha256: tuple[str, ...] = field(repr=False)
    resources: Mapping[str, Mapping[str, Any]]
    built_in: bool = False

    def knows_key(self, unverified_key: str) -> bool:
        """Tell whether the key is one that the partner gave out."""
        given = digest(unverified_key)
        return any(hmac.compare_digest(given, known) for known in self.api_keys_sha256)


_BUILT_IN: dict[str, dict[str, Any]] = {
    "weather": {"display_name": "Weather", "scopes": {}},
    "time": {
        "display_name": "Time",
        "scopes": {"time.read": {"en": "Read the current time for you", "zh": "为您读取当前时间"}},
    },
    "dingtalk": {
        "display_name": "DingTalk",
        "scopes": {
            "document.read": {"en": "Read your documents", "zh": "读取您的文档"},
            "document.write": {"en": "Write and change your documents", "zh": "写入和修改您的文档"},
        },
    },
}


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def partner(cloud: "Cloud", name: str) -> Partner:
    """Return the partner; raise PartnerError 404 when there is none of that name."""
    doc = _document(cloud, name)
    if doc is None:
        raise not_found(f"partner {name[:64]!r}")
    clients = {
        client_id: Client(client_id, entry["secret_sha256"], tuple(entry["redirect_uris"]))
        for client_id, entry in doc.get("clients", {}).items()
    }
    return Partner(
        name=name,
        display_name=doc.get("display_name") or name,
        scopes=doc.get("scopes", {}),
        clients=clients,
        api_keys_sha256=(*doc.get("api_keys_sha256", ()), *doc.get("held_api_keys_sha256", {}).values()),
        resources=doc.get("resources", {}),
        built_in=name in _BUILT_IN,
    )


def register(cloud: "Cloud", name: str, request: Mapping[str, Any]) -> Partner:
    """Make or change a partner: the fields of the request replace what was there, the others stay.

    `api_keys` is a list, or an object of holder -> key: then each of these holders has that key instead of his last.
    Raises InvalidParameter 400 (CloudError) naming the field that is wrong.
    """
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise _invalid("name", "it has 1 to 64 letters, digits, dots, dashes; `aliyun` is the cloud's own")
    with cloud.store.transaction():
        doc = _document(cloud, name) or {}
        if "display_name" in request:
            doc["display_name"] = _text(request, "display_name")
        if "scopes" in request:
            doc["scopes"] = _scopes(request["scopes"], doc.get("scopes", {}))
        if isinstance(request.get("api_keys"), dict):
            doc["held_api_keys_sha256"] = {**doc.get("held_api_keys_sha256", {}), **_held(request["api_keys"])}
        elif "api_keys" in request:
            doc["api_keys_sha256"] = [digest(key) for key in _texts(request, "api_keys")]
        if "resources" in request:
            doc["resources"] = _resources(request["resources"])
        cloud.store.put(SERVICE, "partner", name, doc)
        if "client_id" in request:
            uris = _texts(request, "redirect_uris") if "redirect_uris" in request else []
            secret = _text(request, "client_secret") if request.get("client_secret") is not None else ""
            register_client(cloud, name, _text(request, "client_id"), secret, uris)
    return partner(cloud, name)


def register_client(cloud: "Cloud", name: str, client_id: str, secret: str, redirect_uris: Sequence[str]) -> None:
    """Register an OAuth client with the partner, in place of one of the same id; "" as secret makes it public."""
    doc = _document(cloud, name)
    if doc is None:
        raise not_found(f"partner {name[:64]!r}")
    entry = {"secret_sha256": digest(secret) if secret else "", "redirect_uris": list(redirect_uris)}
    doc["clients"] = {**doc.get("clients", {}), client_id: entry}
    cloud.store.put(SERVICE, "partner", name, doc)


def summary(found: Partner) -> dict[str, Any]:
    """Return what the admin route shows: never a secret or a key."""
    return {
        "name": found.name,
        "display_name": found.display_name,
        "scopes": {name: dict(words) for name, words in found.scopes.items()},
        "clients": {client.client_id: list(client.redirect_uris) for client in found.clients.values()},
        "api_keys": len(found.api_keys_sha256),
        "resources": sorted(found.resources),
    }


def _document(cloud: "Cloud", name: str) -> dict[str, Any] | None:
    built_in = _BUILT_IN.get(name)
    stored = cloud.store.get(SERVICE, "partner", name)
    return None if built_in is None and stored is None else {**(built_in or {}), **(stored or {})}


def _scopes(value: Any, known: Mapping[str, Words]) -> dict[str, Words]:
    if not isinstance(value, dict):
        raise _invalid("scopes", "it must be an object of name -> words")
    return {name: _words(name, words, known.get(name, {})) for name, words in value.items()}


def _words(name: str, words: Any, known: Words) -> Words:
    if not _SCOPE.fullmatch(name):
        raise _invalid("scopes", "a scope's name has no spaces or quotes")
    if isinstance(words, dict) and all(isinstance(text, str) for text in words.values()):
        return {**known, **words}
    if isinstance(words, str):
        return {**known, "en": words} if words else known
    raise _invalid("scopes", "the words of a scope are text, or text by language")


def _resources(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid("resources", "it must be an object of path -> {scope, data}")
    for path, resource in value.items():
        if not path.startswith("/") or not isinstance(resource, dict) or "data" not in resource:
            raise _invalid("resources", f"{path[:64]!r} must begin with / and hold an object with data")
        if not isinstance(resource.get("scope", ""), str):
            raise _invalid("resources", f"the scope of {path[:64]!r} must be text")
    return value


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value or len(value) > 2048:
        raise _invalid(name, "it must be text")
    return value


def _held(keys: Mapping[str, Any]) -> dict[str, str]:
    """Return holder -> digest of his key."""
    if not all(isinstance(key, str) and key for key in keys.values()):
        raise _invalid("api_keys", "each holder's must be text")
    return {holder: digest(key) for holder, key in keys.items()}


def _texts(request: Mapping[str, Any], name: str) -> list[str]:
    values = request.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise _invalid(name, "it must be a list of texts")
    return values


def _invalid(name: str, problem: str) -> CloudError:
    return CloudError("InvalidParameter", 400, f"The field {name} of a partner is wrong: {problem}.")
