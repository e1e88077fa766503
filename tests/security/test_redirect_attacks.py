"""Redirects that try to take a credential, a code or a signature along to another host."""

import httpx2
import pytest
from msgspec.structs import replace

from fujie.http import http_client
from fujie.identity.carrying import ApiKeyAuth
from fujie.identity.data_plane import DataPlane
from fujie.identity.errors import CloudUnavailableError, HostUndeclaredError, IdentityError, SignInError
from fujie.identity.kms import KmsKey
from fujie.identity.token_endpoint import ask_tokens
from fujie.secret import Secret
from tests.identity.world import KEY, SETTINGS

STATUSES = [301, 302, 303, 307, 308]
EVIL = "https://evil.example/take"


@pytest.fixture(params=STATUSES)
def led_away(request):
    """Return an HTTP client that would follow, to whom every answer is a redirect, and what it was asked."""
    asked = []

    def answer(sent):
        asked.append(sent)
        return httpx2.Response(request.param, headers={"location": EVIL})

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), follow_redirects=True, trust_env=False)
    return http, asked


def stayed(asked):
    return len(asked) == 1 and "evil" not in str(asked[0].url)


async def test_a_signed_request_and_its_sts_token_stay_with_the_cloud(led_away, clock):
    """Hurt: the stack, whose role anybody could take on with what the redirect brings him."""
    http, asked = led_away
    with pytest.raises(CloudUnavailableError):
        await DataPlane(SETTINGS, http, lambda: KEY, now=clock).get_resource_api_key(Secret("wat"), "weather")
    assert stayed(asked)


async def test_a_users_token_stays_with_the_cloud(led_away, clock):
    """Hurt: Alice, whose id_token is in the body of the question."""
    http, asked = led_away
    plane = DataPlane(SETTINGS, http, lambda: KEY, now=clock)
    with pytest.raises(CloudUnavailableError):
        await plane.get_workload_access_token_for_jwt("wi", Secret("id-token"))
    assert stayed(asked)


async def test_a_code_its_verifier_and_the_clients_secret_stay_with_the_issuer(led_away):
    """Hurt: Alice, whose code and verifier together are her sign-in."""
    http, asked = led_away
    form = {"grant_type": "authorization_code", "code": "c", "code_verifier": "v"}
    with pytest.raises((SignInError, IdentityError)):
        await ask_tokens(http, "https://login.example/v1/token", form, Secret("client-secret"))
    assert stayed(asked)


async def test_a_data_key_stays_with_kms(led_away, clock):
    """Hurt: everybody whose kept credential that key seals."""
    http, asked = led_away
    settings = replace(SETTINGS, kms_endpoint="https://kms.example", shared_cache_kms_key="k")
    with pytest.raises(CloudUnavailableError):
        await KmsKey(settings, http, lambda: KEY, now=clock).wrap(b"k" * 32, "c")
    assert stayed(asked)


async def test_our_own_client_follows_nobody_and_no_environment_leads_it(monkeypatch):
    """Hurt: everybody, whose credentials a proxy or netrc of somebody else's choice would see."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://evil.example:3128")
    async with http_client() as http:
        assert not http.follow_redirects
        assert not http.trust_env
        assert http._mounts == {}


@pytest.mark.parametrize("host", ["*", "*.example", ".example", "evil.example:443", "", "https://evil.example"])
async def test_a_pattern_of_hosts_is_no_pattern(led_away, host):
    """Hurt: whoever owns the key, which a wildcard would hand to the first redirect."""
    http, asked = led_away
    with pytest.raises(HostUndeclaredError):
        await http.get("https://evil.example/take", auth=ApiKeyAuth("weather", hosts=[host]))
    assert asked == []
