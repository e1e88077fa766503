"""Certificates of custom domains: checked as they are given, and shown to whoever connects by TLS."""

import ssl
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from fujie_emulator.core.cloud import ORIGINS
from fujie_emulator.fc.errors import invalid
from fujie_emulator.functionhost.errors import RequestRefusedError
from fujie_emulator.functionhost.exchange import refuse
from fujie_emulator.functionhost.servers import LoopbackServer

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

PART = "tls-origins"
SECURE = ("HTTPS", "HTTP,HTTPS")
_NAMES = ("certName", "certificate", "privateKey")


def check(domain: Mapping[str, Any]) -> None:
    """Raise InvalidArgument when a domain that is to answer by TLS has no certificate that is its own."""
    if domain["protocol"] not in SECURE:
        return
    config = domain.get("certConfig") or {}
    if not all(isinstance(config.get(name), str) and config[name] for name in _NAMES):
        raise invalid("certConfig", "certName, certificate and privateKey are needed for HTTPS")
    try:
        context(config["certificate"], config["privateKey"])
        names = _names(config["certificate"])
    except (ssl.SSLError, ValueError) as error:
        raise invalid("certConfig", "a chain in PEM and the key that belongs to it are right") from error
    if not any(_covers(name, domain["domainName"]) for name in names):
        raise invalid("certConfig", f"the certificate is for {', '.join(names)[:128]}, not for this domain")


@lru_cache(maxsize=32)
def context(certificate: str, key: str) -> ssl.SSLContext:
    """Return what shows the certificate; raise ssl.SSLError or ValueError when the key is not its own."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # the standard library loads from files alone; only we may read them
        chain, private = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate)
        private.write_text(key)
        made.load_cert_chain(chain, private)
    return made


def shown(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a certificate's configuration without its key, which the cloud never tells."""
    return {name: value for name, value in config.items() if name != "privateKey"}


def listen_if_needed(cloud: "Cloud") -> None:
    """Answer by TLS on a port of its own, unless that is so already; a client says which domain it means (SNI)."""
    if PART not in cloud.parts and _is_needed(cloud):
        base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        base.sni_callback = lambda connection, name, _: _choose(cloud, connection, name)
        cloud.parts[PART] = LoopbackServer.listen(_application(cloud), 0, tls=base)


def address(cloud: "Cloud") -> str:
    """Return where domains answer by TLS, "" while none does."""
    return f"https://127.0.0.1:{cloud.parts[PART].port}" if PART in cloud.parts and _is_needed(cloud) else ""


def _is_needed(cloud: "Cloud") -> bool:
    return any(domain["protocol"] in SECURE for _, domain in cloud.store.list("fc", "domain"))


async def close(cloud: "Cloud") -> None:
    """Stop answering."""
    server = cloud.parts.pop(PART, None)
    if server is not None:
        await server.close()


def _choose(cloud: "Cloud", connection: ssl.SSLObject, name: str | None) -> int | None:
    domain = cloud.store.get("fc", "domain", (name or "").lower())
    if domain is None or domain["protocol"] not in SECURE:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    connection.context = context(domain["certConfig"]["certificate"], domain["certConfig"]["privateKey"])
    return None


def _application(cloud: "Cloud") -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        origins = cloud.parts.get(ORIGINS)
        if origins is not None and scope["type"] == "http" and origins.knows(named):
            await origins(named, scope, receive, send)
        elif scope["type"] == "http":
            await refuse(send, RequestRefusedError("DomainNameNotFound", 404, "no custom domain has this name"))

    return application


def _names(certificate: str) -> list[str]:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in found.get_values_for_type(x509.DNSName)]


def _covers(pattern: str, domain: str) -> bool:
    return pattern == domain or (pattern.startswith("*.") and domain.partition(".")[2] == pattern[2:])
