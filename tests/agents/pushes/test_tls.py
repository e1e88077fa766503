"""A notification over TLS: the connection goes to the checked address, the certificate must be the name's."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fujie.agents.pushes.sending import Sender
from tests.agents.pushes.test_guard import answering, config

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def certificate_for(host, folder):
    """Return a file with a certificate for a host, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = folder / f"{host}.pem"
    file.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + certificate.public_bytes(pem))
    return file


@asynccontextmanager
async def server_of(host, folder):
    file = certificate_for(host, folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    asked = []

    async def answer(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], ssl.create_default_context(cafile=file), asked


@pytest.mark.parametrize(("proves", "is_taken"), [("hooks.example", True), ("other.example", False)])
async def test_only_who_proves_to_be_the_name_is_told(tmp_path, proves, is_taken):
    async with server_of(proves, tmp_path) as (port, trust, asked):
        sender = Sender(
            local=True,
            http=lambda: httpx2.AsyncClient(verify=trust, trust_env=False),
            resolve=answering("127.0.0.1"),
            pause=lambda _: asyncio.sleep(0),
        )
        assert await sender.send(config(f"https://hooks.example:{port}/x"), b"{}") is is_taken
        await sender.close()
        assert [request.split(b"\r\n")[0] for request in asked] == ([b"POST /x HTTP/1.1"] if is_taken else [])
        if is_taken:
            assert f"host: hooks.example:{port}".encode() in asked[0].lower()
