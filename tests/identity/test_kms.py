"""The key in KMS, by its documented actions: https://www.alibabacloud.com/help/en/kms, Encrypt and Decrypt."""

import asyncio
import base64
import json
from urllib.parse import parse_qsl

import httpx2
import pytest
from msgspec.structs import replace

from fujie.identity import kms as kms_module
from fujie.identity.envelope import digest, seal, unseal
from fujie.identity.errors import CloudUnavailableError, IdentityError, IdentityMisconfiguredError
from fujie.identity.kms import KmsKey
from fujie.secret import Secret
from tests.identity.world import KEY, SETTINGS

KMS = replace(SETTINGS, kms_endpoint="https://kms.example", shared_cache_kms_key="key-1")
WORDS = {"user": "alice"}
TEXT = Secret("the credential")


class Service:
    """Gives a blob for a plaintext, and the plaintext back to who names the same context."""

    def __init__(self):
        self.kept, self.asked, self.answer = {}, [], None

    def __call__(self, request):
        form = dict(parse_qsl(request.url.query.decode()))
        assert (request.method, request.url.path, request.content) == ("POST", "/", b"")
        self.asked.append((request.headers["x-acs-action"], request.headers["x-acs-version"], form))
        assert request.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=STS.key,")
        if self.answer is not None:
            return self.answer
        context = form["EncryptionContext"]
        if self.asked[-1][0] == "Encrypt":
            blob = base64.b64encode(f"blob-{len(self.kept)}".encode()).decode()
            self.kept[blob, context] = form["Plaintext"]
            return httpx2.Response(200, json={"KeyId": form["KeyId"], "CiphertextBlob": blob, "RequestId": "r"})
        plain = self.kept.get((form["CiphertextBlob"], context))
        if plain is None:
            return httpx2.Response(400, json={"Code": "InvalidCiphertext", "RequestId": "r"})
        return httpx2.Response(200, json={"KeyId": "key-1", "Plaintext": plain, "RequestId": "r"})


@pytest.fixture
def service():
    return Service()


@pytest.fixture
async def kms(service, clock):
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(service), trust_env=False) as http:
        yield KmsKey(KMS, http, lambda: KEY, now=clock)


async def test_a_data_key_goes_to_kms_and_comes_back_and_the_credential_stays_here(kms, service):
    sealed = await seal(kms, TEXT, WORDS)
    assert await unseal(kms, sealed, WORDS) == TEXT
    (_, version, wrap), (_, _, unwrap) = service.asked
    assert version == "2016-01-20"
    assert [action for action, _, _ in service.asked] == ["Encrypt", "Decrypt"]
    assert wrap["KeyId"] == "key-1"
    assert len(base64.b64decode(wrap["Plaintext"])) == 32
    assert "credential" not in json.dumps(service.asked)
    assert "alice" not in json.dumps(service.asked)
    assert wrap["EncryptionContext"] == unwrap["EncryptionContext"] == json.dumps({"fujie": digest(WORDS)})


async def test_under_other_words_kms_gives_nothing(kms):
    assert await unseal(kms, await seal(kms, TEXT, WORDS), {"user": "bob"}) is None
    assert await kms.unwrap(await kms.wrap(b"k" * 32, "one"), "other") is None


@pytest.mark.parametrize("plaintext", ["é", "AAAA", ""])
async def test_what_kms_gives_that_is_no_key_opens_nothing(kms, service, plaintext):
    sealed = await seal(kms, TEXT, WORDS)
    service.answer = httpx2.Response(200, json={"KeyId": "key-1", "Plaintext": plaintext})
    assert await unseal(kms, sealed, WORDS) is None


@pytest.mark.parametrize("other", ["key-2", "", None])
async def test_what_another_key_wrapped_is_not_ours_though_the_role_may_decrypt_it(kms, service, other):
    wrapped = await kms.wrap(b"k" * 32, "c")
    good = base64.b64encode(b"k" * 32).decode()
    service.answer = httpx2.Response(200, json={"KeyId": "key-1", "Plaintext": good})
    assert await kms.unwrap(wrapped, "c") == b"k" * 32
    service.answer = httpx2.Response(200, json={"KeyId": other, "Plaintext": good})
    assert await kms.unwrap(wrapped, "c") is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.Response(503, json={"Code": "ServiceUnavailable"}), CloudUnavailableError),
        (httpx2.Response(200, json={}), CloudUnavailableError),
        (httpx2.Response(200, text="x" * 100_000), CloudUnavailableError),
        (httpx2.Response(302, headers={"location": "https://evil.example"}), CloudUnavailableError),
        (httpx2.Response(403, json={"Code": "Forbidden.RAM"}), IdentityMisconfiguredError),
    ],
    ids=lambda value: str(getattr(value, "status_code", value.__class__.__name__)),
)
async def test_an_outage_is_a_typed_error(kms, service, answer, kind):
    service.answer = answer
    with pytest.raises(kind) as failed:
        await kms.wrap(b"k" * 32, "c")
    assert isinstance(failed.value, IdentityError)
    if kind is IdentityMisconfiguredError:
        assert "kms:Encrypt" in failed.value.repair


async def test_a_service_that_does_not_answer_is_left_at_the_deadline(clock, monkeypatch):
    async def silent(_request):
        await asyncio.Event().wait()

    monkeypatch.setattr(kms_module, "DEADLINE_S", 0.01)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(silent), trust_env=False) as http:
        with pytest.raises(CloudUnavailableError, match=r"^Encrypt: kms\.example did not answer within"):
            await KmsKey(KMS, http, lambda: KEY, now=clock).wrap(b"k" * 32, "c")


def test_the_endpoint_must_be_https():
    with pytest.raises(IdentityMisconfiguredError, match=r"^the endpoint of KMS must be an https address$"):
        KmsKey(replace(KMS, kms_endpoint="http://kms.example"), None, lambda: KEY)
