"""Several agents behind one TLS address, as the clouds of PPIO and AgentCore put a front before their containers.

`/NAME/...` is an agent's own path; `/runtimes/ARN/...` is AgentCore's, whose signature the cloud checks and takes off.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
import ipaddress
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from tests.contract.runtime_world import waiting_world
from tests.functions.process_world import ID_TOKEN

KEY = "key-of-a-caller"
CONFIG = AgentConfig(api_keys=(hashlib.sha256(KEY.encode()).hexdigest(),))


def _agents(closed):
    def entrypoint(function):
        app = AgentApp(function.__name__, config=CONFIG)
        app.entrypoint(function)
        return app

    async def echo(payload, context):
        return {"echo": payload, "session": context.session_id}

    async def stream(payload):
        yield {"text": "Hel"}
        yield "lo 世界"

    async def broken(payload):
        raise RuntimeError("kaboom")

    async def midway(payload):
        yield "half"
        raise RuntimeError("died midway")

    async def slow(payload):
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            closed.set()

    thinking = AgentApp("thinking", config=CONFIG)

    @thinking.query(framework="raw")
    async def answer(msgs):
        for event in (
            ReasoningStarted("r"), ReasoningDelta("r", "hm"), ReasoningEnded("r"), ToolCalled("c", "1", "look", "{}"),
            ToolReturned("o", "1", "look", "found", True, 5), TextStarted("m"), TextDelta("m", "42"), TextEnded("m"),
        ):  # fmt: skip
            yield event

    return {app.app_name: app for app in map(entrypoint, (echo, stream, broken, midway, slow))} | {"thinking": thinking}


@dataclass
class Front:
    """Asks its agents; `/control/closed` waits for `slow` to be closed, `/control/NAME` settles the consent so."""

    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        self.agents = _agents(self.closed)
        self.waiting = {}

    async def __call__(self, scope, receive, send):
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        if first == "control":
            await self._control(rest)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        key = KEY
        if first == "runtimes":
            _, _, rest = unquote(rest).partition("/")
            name, rest = rest.split("/", 1)
            first = name.rpartition("-")[0] if "-" in name else name
        if first.startswith("consent"):
            self.waiting[first] = self.waiting.get(first) or waiting_world("noon")
            app, key = self.waiting[first].made.app, ID_TOKEN
        else:
            app = self.agents[first]
        kept = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        headers = [*kept, (b"authorization", f"Bearer {key}".encode())]
        await app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "headers": headers}, receive, send)

    async def _control(self, what):
        if what == "closed":
            async with asyncio.timeout(10):
                await self.closed.wait()
            self.closed.clear()
            return
        name, outcome = what.split("/")
        await self.waiting[name].settle(outcome)
        await self.waiting[name].wake()


@contextlib.contextmanager
def front_over_tls(folder: Path):
    """Serve in a thread; give the address without its scheme, and the file with the certificate to trust."""
    key_file, certificate = _certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = {}

        def serve():
            async def main():
                config = uvicorn.Config(
                    Front(), log_level="error", lifespan="off", ssl_keyfile=key_file, ssl_certfile=certificate
                )
                made["server"] = uvicorn.Server(config)
                await made["server"].serve(sockets=[listener])

            asyncio.run(main())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", certificate
        finally:
            made["server"].should_exit = True
            thread.join(10)


def _certificate(folder: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "front")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    certificate_file.write_bytes(certificate.public_bytes(encoding))
    return str(key_file), str(certificate_file)
