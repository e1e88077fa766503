"""An issuer that is hostile, or an honest one whose name, keys or answers somebody else has got hold of."""

import asyncio
import gzip
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from fujie.http import http_client
from fujie.identity import issuer as issuer_module
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.errors import IssuerUnavailableError, SignInError, TokenInvalidError
from fujie.identity.signin import SignIn
from fujie.secret import Secret
from fujie_emulator.testing import running
from tests.identity.stack import Person, declared
from tests.identity.world import CLIENT_ID, query_of

# Mix-up, between two emulated issuers


@pytest.fixture(scope="module")
def issuers(tmp_path_factory):
    """An honest issuer and a hostile one, where one application is registered each; Alice has an account at both."""
    with running(tmp_path_factory.mktemp("honest")) as one, running(tmp_path_factory.mktemp("hostile")) as other:
        yield declared(one), declared(other)


@pytest.fixture
async def sign_ins(issuers, store, sealer):
    async with http_client() as http:
        yield [SignIn(stack.settings, http, store, _verifier(stack, http), sealer) for stack in issuers]


def _verifier(stack, http):
    return IdTokenVerifier(http, stack.settings.oidc_issuer, stack.settings.oidc_client_id)


def redeemed(stack):
    """Return how many codes were brought to the issuer's token endpoint."""
    return sum(row["action"] == "Token" for row in stack.running.cloud.journal.after(0))


async def led_astray(begun, issuers, person):
    """Return what comes back when the hostile issuer sends the browser on to the honest one, with our own request."""
    honest, hostile = issuers
    astray = begun.url.replace(hostile.running.url, honest.running.url)
    astray = astray.replace(hostile.settings.oidc_client_id, honest.settings.oidc_client_id)
    return query_of(await asyncio.to_thread(person.follow, astray))


@pytest.fixture
def alice():
    person = Person("alice")
    yield person
    person.close()


@pytest.mark.parametrize("says_who_answered", [True, False])
async def test_a_code_of_one_issuer_never_leaves_for_another(issuers, sign_ins, alice, says_who_answered):
    """Hurt: Alice, whose code at the honest issuer would be delivered to the hostile one's token endpoint."""
    begun = await sign_ins[1].begin("/")
    back = await led_astray(begun, issuers, alice)
    assert back["iss"] == issuers[0].settings.oidc_issuer
    before = [redeemed(stack) for stack in issuers]
    with pytest.raises(SignInError):
        await sign_ins[1].finish(
            code=Secret(back["code"]),
            state=back["state"],
            login_cookie=begun.login_cookie,
            issuer=back["iss"] if says_who_answered else "",
        )
    assert [redeemed(stack) for stack in issuers] == before


async def test_the_same_way_without_the_detour_signs_in(issuers, sign_ins, alice):
    """Hurt: nobody; it shows that the test above does not refuse whatever comes."""
    for stack, sign_in in zip(issuers, sign_ins, strict=True):
        before = redeemed(stack)
        begun = await sign_in.begin("/")
        back = query_of(await asyncio.to_thread(alice.follow, begun.url))
        done = await sign_in.finish(
            code=Secret(back["code"]), state=back["state"], login_cookie=begun.login_cookie, issuer=back["iss"]
        )
        assert done.session.user.name == "alice"
        assert redeemed(stack) == before + 1


async def test_a_token_of_one_issuer_counts_for_nothing_at_another(issuers, sign_ins, alice, store, opener):
    """Hurt: Alice, whom the hostile issuer can name as it likes: the same `sub`, and an audience that it made up."""
    begun = await sign_ins[1].begin("/")
    back = query_of(await asyncio.to_thread(alice.follow, begun.url))
    done = await sign_ins[1].finish(
        code=Secret(back["code"]), state=back["state"], login_cookie=begun.login_cookie, issuer=back["iss"]
    )
    [delegation] = store._delegations.values()
    token = opener.open(delegation, done.session.delegation_id).id_token
    honest, hostile = issuers
    audience = hostile.settings.oidc_client_id
    async with http_client() as http:
        verified = await IdTokenVerifier(http, hostile.settings.oidc_issuer, audience).verify(token)
        assert verified.subject == done.session.user.id
        with pytest.raises(TokenInvalidError):
            await IdTokenVerifier(http, honest.settings.oidc_issuer, audience).verify(token)


# DNS rebinding


class Impostor:
    """A server on this machine at which somebody else's name suddenly arrives."""

    def __init__(self, certificate=None):
        self.heard = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._context = certificate
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(5)
            try:
                if self._context:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self.heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            except OSError:
                pass
            finally:
                connection.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def own_certificate(tmp_path, name):
    """Return a TLS context with a certificate that the impostor made for the name himself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(private + certificate.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


@pytest.mark.parametrize("speaks_tls", [False, True])
async def test_a_discovery_name_that_is_rebound_to_this_machine_is_told_nothing(monkeypatch, tmp_path, speaks_tls):
    """Hurt: everybody, if whoever answers DNS for an hour could name the issuer's keys, or reach a service here."""
    impostor = Impostor(own_certificate(tmp_path, "login.example") if speaks_tls else None)
    real = socket.getaddrinfo

    def rebound(host, *arguments, **named):
        return real("127.0.0.1" if host in {"login.example", b"login.example"} else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    try:
        async with http_client() as http:
            verifier = IdTokenVerifier(http, f"https://login.example:{impostor.port}", CLIENT_ID)
            with pytest.raises(IssuerUnavailableError):
                await verifier.issuer_metadata()
    finally:
        impostor.close()
    assert not any(b"openid-configuration" in heard for heard in impostor.heard)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.rebind.example/oauth",
        "http://localhost.rebind.example/oauth",
        "http://rebind.example/oauth",
        "http://127.0.0.1@rebind.example/oauth",
        "http://0x7f.1/oauth",
        "http://100.100.100.200/oauth",
        "http://[::ffff:100.100.100.200]/oauth",
    ],
)
async def test_no_name_that_dns_decides_on_is_this_machine(issuer, verifier, clock, url):
    """Hurt: everybody; plain http is for the words `localhost` and loopback addresses alone, whatever DNS says."""
    good = issuer.metadata
    for name in ("jwks_uri", "token_endpoint", "authorization_endpoint"):
        issuer.metadata = good | {name: url}
        with pytest.raises(IssuerUnavailableError):
            await verifier.issuer_metadata()
        clock.advance(seconds=3)
    issuer.metadata = good | {"revocation_endpoint": url}
    assert (await verifier.issuer_metadata()).revocation_endpoint == ""


# Documents that are too much, or never end


class Odd(httpx2.AsyncByteStream):
    """A body that goes on as told, and counts what was taken of it."""

    def __init__(self, chunk, *, stalls=False):
        self.chunk, self.stalls, self.taken, self.closed = chunk, stalls, 0, False

    async def __aiter__(self):
        while True:
            self.taken += len(self.chunk)
            yield self.chunk
            if self.stalls:
                await asyncio.Event().wait()

    async def aclose(self):
        self.closed = True


@pytest.fixture
def keys_come_as(issuer, issuer_http, monkeypatch):
    """Return a function that has the issuer answer the question for its keys with this body from now on."""
    usual = issuer.answer

    def come_as(body, **headers):
        def answer(request):
            ours = usual(request)
            return httpx2.Response(200, headers=headers, stream=body) if request.url.path == "/v1/keys" else ours

        monkeypatch.setattr(issuer_http._transport, "handler", answer)
        return body

    return come_as


async def test_endless_keys_are_left_at_the_limit_and_the_known_ones_serve(verifier, issuer, clock, keys_come_as):
    """Hurt: everybody on the instance, whose memory an issuer (or who speaks for it) would fill."""
    await verifier.verify(issuer.token())
    endless = keys_come_as(Odd(b" " * 65536))
    clock.advance(hours=2)
    await verifier.verify(issuer.token())
    assert endless.closed
    assert endless.taken <= issuer_module.MAX_DOCUMENT_BYTES + 65536


async def test_packed_keys_are_measured_unpacked(verifier, issuer, keys_come_as):
    """Hurt: as above; a megabyte of nothing is a kilobyte on the wire."""
    keys_come_as(Odd(gzip.compress(b" " * 4_000_000)), **{"content-encoding": "gzip"})
    with pytest.raises(IssuerUnavailableError, match="more than"):
        await verifier.verify(issuer.token())


async def test_keys_that_come_drop_by_drop_are_left_at_the_deadline(verifier, issuer, clock, keys_come_as, monkeypatch):
    """Hurt: everybody who signs in, whose requests would wait for an issuer that never ends its sentence."""
    await verifier.verify(issuer.token())
    slow = keys_come_as(Odd(b'{"keys": [', stalls=True))
    monkeypatch.setattr(issuer_module, "DEADLINE_S", 0.02)
    clock.advance(hours=2)
    await verifier.verify(issuer.token())
    assert slow.closed
    clock.advance(hours=23)
    with pytest.raises(IssuerUnavailableError):
        await verifier.verify(issuer.token())


async def test_who_asks_for_an_unknown_key_keeps_nobody_else_waiting(verifier, issuer, keys_come_as):
    """Hurt: everybody else, if one forged token could make all of them wait for a slow issuer."""
    await verifier.verify(issuer.token())
    keys_come_as(Odd(b"{", stalls=True))
    stranger = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    forged = asyncio.create_task(verifier.verify(issuer.token(key=stranger)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert issuer.requests.count("/.well-known/openid-configuration") == 2
    await verifier.verify(issuer.token())
    assert not forged.done()
    forged.cancel()
    with pytest.raises(asyncio.CancelledError):
        await forged


async def test_of_ever_so_many_keys_a_bounded_number_is_read(verifier, issuer):
    """Hurt: everybody on the instance, whose processor parses keys."""
    good = issuer.keys[0]
    issuer.keys = [*[ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True) for _ in range(64)], good]
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(key=good))
    known = await verifier._issuer._current()
    assert len(known.keys) == issuer_module.MAX_KEYS


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/v1/keys"])
async def test_a_redirect_of_discovery_or_keys_leads_nowhere(issuer, issuer_http, verifier, monkeypatch, path):
    """Hurt: everybody, if an open redirect at the issuer's host were enough to name its keys."""
    usual, asked = issuer.answer, []

    def answer(request):
        asked.append(str(request.url))
        if request.url.path == path:
            return httpx2.Response(302, headers={"location": "https://evil.example/keys"})
        return usual(request)

    monkeypatch.setattr(issuer_http._transport, "handler", answer)
    with pytest.raises(IssuerUnavailableError):
        await verifier.verify(issuer.token())
    assert not any("evil" in url for url in asked)
