"""Rules and state of OAuth applications; the sign-in service reads them here."""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fujie_emulator.core.account import random_letters
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import invalid_parameter, missing_parameter
from fujie_emulator.ims.errors import already_exists, limit_exceeded, not_exist

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE = "ims"
IDENTITY_SCOPES = ("openid", "profile", "aliuid")
APP_TYPES = ("WebApp", "NativeApp", "ServerApp")
PROTOCOL_VERSIONS = ("2.0", "2.1")
ACCESS_TOKEN_S = (900, 10800)
REFRESH_TOKEN_S = (7200, 31536000)
_DEFAULT_REFRESH_S = {"WebApp": 90 * 86400, "NativeApp": 30 * 86400, "ServerApp": 90 * 86400}
_MOST_APPS = 100
_MOST_SECRETS = 2
_MOST_REDIRECTS = 20
_APP_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_API_SCOPE = re.compile(r"/(acs|internal)/[a-z0-9-]{1,64}")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Application:
    """An OAuth application. Validities are in seconds."""

    app_id: str
    app_name: str
    display_name: str
    app_type: str
    protocol_version: str
    secret_required: bool
    is_multi_tenant: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    required_scopes: tuple[str, ...]
    access_token_s: int
    refresh_token_s: int
    created: str = ""
    updated: str = ""

    def checked(self) -> "Application":
        """Return the application when it may be so; else raise InvalidParameter.* or MissingParameter.*."""
        if not _APP_NAME.fullmatch(self.app_name):
            raise invalid_parameter("AppName", "use 1 to 64 letters, digits, '.', '_' or '-'.")
        if not self.display_name or len(self.display_name) > 128 or not self.display_name.isprintable():
            raise invalid_parameter("DisplayName", "use 1 to 128 printable characters.")
        _check_choice("AppType", self.app_type, APP_TYPES)
        _check_choice("ProtocolVersion", self.protocol_version, PROTOCOL_VERSIONS)
        _check_range("AccessTokenValidity", self.access_token_s, ACCESS_TOKEN_S)
        _check_range("RefreshTokenValidity", self.refresh_token_s, REFRESH_TOKEN_S)
        self._check_redirects()
        self._check_scopes()
        return self

    def allows_redirect(self, uri: str) -> bool:
        """Tell whether `uri` is registered, byte for byte; a native app's loopback URI on any port (RFC 8252)."""
        if uri in self.redirect_uris:
            return True
        return self.app_type == "NativeApp" and any(_same_loopback(uri, known) for known in self.redirect_uris)

    def _check_redirects(self) -> None:
        if not self.redirect_uris and self.app_type != "ServerApp":
            raise missing_parameter("RedirectUris")
        if len(self.redirect_uris) > _MOST_REDIRECTS:
            raise invalid_parameter("RedirectUris", f"at most {_MOST_REDIRECTS} are right.")
        for uri in self.redirect_uris:
            _check_redirect(uri)

    def _check_scopes(self) -> None:
        for scope in self.scopes:
            if scope not in IDENTITY_SCOPES and not _API_SCOPE.fullmatch(scope):
                raise invalid_parameter("PredefinedScopes", f"{scope[:64]!r} is not a scope.")
        if not set(self.required_scopes) <= set(self.scopes):
            raise invalid_parameter("RequiredScopes", "each must be one of PredefinedScopes.")


def default_refresh_s(app_type: str) -> int:
    """Return how long refresh tokens of this type live unless the creator says otherwise."""
    return _DEFAULT_REFRESH_S.get(app_type, REFRESH_TOKEN_S[0])


def create(cloud: "Cloud", wanted: Application) -> Application:
    """Remember an application under a new id; its name must be free."""
    now = iso(cloud.clock.now())
    app = replace(wanted.checked(), app_id=_new_id(), created=now, updated=now)
    with cloud.store.transaction():
        present = applications(cloud)
        if any(other.app_name == app.app_name for other in present):
            raise already_exists("Application", app.app_name)
        if len(present) >= _MOST_APPS:
            raise limit_exceeded("Application", _MOST_APPS)
        _put(cloud, app)
    return app


def application(cloud: "Cloud", app_id: str) -> Application:
    """Return the application of that id; else raise EntityNotExist.Application."""
    doc = cloud.store.get(SERVICE, "application", app_id)
    if doc is None:
        raise not_exist("Application", app_id)
    return _application(doc)


def applications(cloud: "Cloud") -> list[Application]:
    """Return all applications, by id."""
    return [_application(doc) for _, doc in cloud.store.list(SERVICE, "application")]


def update(cloud: "Cloud", changed: Application) -> Application:
    """Put a changed application in the place of the stored one."""
    app = replace(changed.checked(), updated=iso(cloud.clock.now()))
    with cloud.store.transaction():
        application(cloud, app.app_id)
        _put(cloud, app)
    return app


def delete(cloud: "Cloud", app_id: str) -> None:
    """Forget an application and its secrets."""
    with cloud.store.transaction():
        if not cloud.store.delete(SERVICE, "application", app_id):
            raise not_exist("Application", app_id)
        for doc in app_secrets(cloud, app_id):
            cloud.store.delete(SERVICE, "secret", doc["AppSecretId"])


def create_secret(cloud: "Cloud", app_id: str) -> dict[str, str]:
    """Make a secret and return it, the only time it can be seen: its digest is all that is kept."""
    value = random_letters(48)
    doc = {"AppId": app_id, "AppSecretId": str(uuid.uuid4()), "CreateDate": iso(cloud.clock.now())}
    with cloud.store.transaction():
        application(cloud, app_id)
        if len(app_secrets(cloud, app_id)) >= _MOST_SECRETS:
            raise limit_exceeded("Application.AppSecret", _MOST_SECRETS)
        cloud.store.put(SERVICE, "secret", doc["AppSecretId"], doc | {"sha256": _sha256(value)})
    return doc | {"AppSecretValue": value}


def app_secrets(cloud: "Cloud", app_id: str) -> list[dict[str, str]]:
    """Return id and date of an application's secrets."""
    docs = [doc for _, doc in cloud.store.list(SERVICE, "secret") if doc["AppId"] == app_id]
    return [{key: value for key, value in doc.items() if key != "sha256"} for doc in docs]


def delete_secret(cloud: "Cloud", app_id: str, secret_id: str) -> None:
    """Forget one secret of an application."""
    with cloud.store.transaction():
        application(cloud, app_id)
        if secret_id not in [doc["AppSecretId"] for doc in app_secrets(cloud, app_id)]:
            raise not_exist("AppSecret", secret_id)
        cloud.store.delete(SERVICE, "secret", secret_id)


def secret_matches(cloud: "Cloud", app_id: str, unverified: str) -> bool:
    """Tell whether `unverified` is one of the application's secrets."""
    kept = [doc["sha256"] for _, doc in cloud.store.list(SERVICE, "secret") if doc["AppId"] == app_id]
    return any(hmac.compare_digest(digest, _sha256(unverified)) for digest in kept)


def _put(cloud: "Cloud", app: Application) -> None:
    cloud.store.put(SERVICE, "application", app.app_id, asdict(app))


def _application(doc: dict[str, object]) -> Application:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in doc.items()}
    return Application(**fields)  # type: ignore[arg-type]


def _new_id() -> str:
    return "4" + "".join(secrets.choice("0123456789") for _ in range(18))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_choice(parameter: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise invalid_parameter(parameter, f"use one of {', '.join(choices)}.")


def _check_range(parameter: str, value: int, limits: tuple[int, int]) -> None:
    if not limits[0] <= value <= limits[1]:
        raise invalid_parameter(parameter, f"it must be {limits[0]} to {limits[1]}.")


def _check_redirect(uri: str) -> None:
    problem = invalid_parameter(
        "RedirectUris", "each must be an absolute URI without fragment; http only for loopback."
    )
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise problem from error
    wrong = parts.fragment or not parts.hostname or "@" in parts.netloc or not uri.isprintable() or " " in uri
    if wrong or len(uri) > 1024 or parts.scheme not in ("http", "https"):
        raise problem
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        raise problem


def _is_this_machine(host: str) -> bool:
    """Names below localhost mean the loopback, too (RFC 6761, 6.3)."""
    return host in LOOPBACK_HOSTS or host.endswith(".localhost")


def _same_loopback(uri: str, known: str) -> bool:
    if not uri.isprintable() or " " in uri:  # a parser would forgive these
        return False
    try:
        given, registered = urlsplit(uri), urlsplit(known)
        _ = given.port
    except ValueError:
        return False
    if registered.hostname not in LOOPBACK_HOSTS or "@" in given.netloc:
        return False
    return (given.scheme, given.hostname, given.path, given.query, given.fragment) == (
        registered.scheme,
        registered.hostname,
        registered.path,
        registered.query,
        "",
    )
