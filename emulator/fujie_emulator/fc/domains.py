"""Custom domains: names of hosts at which functions answer, by path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fujie_emulator.core.clock import iso
from fujie_emulator.fc import certificates, versions
from fujie_emulator.fc.errors import already_exists, invalid, not_found, unsupported
from fujie_emulator.functionhost.limits import METHODS

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SERVICE, KIND = "fc", "domain"
MOST_ROUTES = 100
PROTOCOLS = ("HTTP", "HTTPS", "HTTP,HTTPS")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_KEPT = ("protocol", "routeConfig", "certConfig", "tlsConfig", "authConfig", "corsConfig", "wafConfig")


@dataclass(frozen=True)
class DomainRoute:
    """One row: what `*` at the end of `path` stands for may be anything; no methods are all methods.

    `function` is the function's address, with its qualifier.
    """

    path: str
    function: str
    methods: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Tell whether the path is this row's."""
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


def create(cloud: "Cloud", asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a domain and return it."""
    name = asked.get("domainName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("domainName", "a host name of lower-case letters, digits, - and . is right")
    now = iso(cloud.clock.now())
    domain = {"protocol": "HTTP"} | _checked(asked) | {"domainName": name, "createdTime": now, "lastModifiedTime": now}
    certificates.check(domain)
    with cloud.store.transaction():
        if cloud.store.get(SERVICE, KIND, name) is not None:
            raise already_exists("DomainName", name)
        cloud.store.put(SERVICE, KIND, name, domain)
    return shown(cloud, domain)


def update(cloud: "Cloud", name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the fields that are given and return the domain."""
    with cloud.store.transaction():
        domain = kept(cloud, name) | _checked(asked) | {"lastModifiedTime": iso(cloud.clock.now())}
        certificates.check(domain)
        cloud.store.put(SERVICE, KIND, name, domain)
    return shown(cloud, domain)


def kept(cloud: "Cloud", name: str) -> dict[str, Any]:
    """Return what is kept of the domain; raise DomainNameNotFound."""
    domain = cloud.store.get(SERVICE, KIND, name)
    if domain is None:
        raise not_found("DomainName", name)
    return domain


def shown(cloud: "Cloud", domain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the domain on the wire."""
    certificate = {"certConfig": certificates.shown(domain["certConfig"])} if domain.get("certConfig") else {}
    return {**domain, **certificate, "accountId": cloud.account_id, "apiVersion": "2023-03-30"}


def listed(cloud: "Cloud", prefix: str) -> list[dict[str, Any]]:
    """Return the domains by name."""
    return [shown(cloud, domain) for name, domain in cloud.store.list(SERVICE, KIND) if name.startswith(prefix)]


def delete(cloud: "Cloud", name: str) -> None:
    """Forget the domain."""
    with cloud.store.transaction():
        kept(cloud, name)
        cloud.store.delete(SERVICE, KIND, name)


def route_of(domain: Mapping[str, Any], path: str) -> DomainRoute | None:
    """Return the row for a decoded path: the one that is the path, else the longest that begins it."""
    fitting = [route for route in _rows(domain.get("routeConfig") or {}) if route.takes(path)]
    exact = [route for route in fitting if not route.path.endswith("*")]
    return max(exact or fitting, key=lambda route: len(route.path), default=None)


def _rows(config: Mapping[str, Any]) -> list[DomainRoute]:
    return [
        DomainRoute(
            route["path"],
            versions.address(route["functionName"], route.get("qualifier")),
            tuple(route.get("methods") or ()),
        )
        for route in config.get("routes") or ()
    ]


def _checked(asked: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: asked[name] for name in _KEPT if asked.get(name) is not None}
    if fields.get("protocol", "HTTP") not in PROTOCOLS:
        raise invalid("protocol", f"{', '.join(PROTOCOLS)} are right")
    for name in fields.keys() - {"protocol"}:
        if not isinstance(fields[name], dict):
            raise invalid(name, "an object is right")
    if fields.get("authConfig", {}).get("authType", "anonymous") != "anonymous":
        raise unsupported("domains that check tokens themselves")
    _check_routes(fields.get("routeConfig", {}).get("routes") or [])
    return fields


def _check_routes(routes: Any) -> None:
    if not isinstance(routes, list) or len(routes) > MOST_ROUTES:
        raise invalid("routeConfig", f"at most {MOST_ROUTES} routes are right")
    for route in routes:
        if not isinstance(route, dict):
            raise invalid("routeConfig", "routes are objects")
        path, function = route.get("path"), route.get("functionName")
        if not isinstance(path, str) or not path.startswith("/") or "*" in path[:-1]:
            raise invalid("routeConfig", "a path begins with / and has a * at its end at most")
        if not isinstance(function, str) or not function:
            raise invalid("routeConfig", "a route names its function")
        if not set(route.get("methods") or ()) <= METHODS:
            raise invalid("routeConfig", f"methods among {', '.join(sorted(METHODS))} are right")
        rewriting = route.get("rewriteConfig") or {}  # the published provider sends its three lists empty
        if not isinstance(rewriting, dict) or any(rewriting.values()):
            raise unsupported("routes that rewrite the path")
        if not isinstance(route.get("qualifier", ""), str):
            raise invalid("routeConfig", "a route's qualifier is text")
