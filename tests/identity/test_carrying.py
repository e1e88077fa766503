"""Clients that carry a credential: where it goes, where it never goes, and that nobody keeps it."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx2
import pytest

from fujie.identity import AccessTokenAuth, ApiKeyAuth, OwnAuthorizationRequired, on_behalf_of
from fujie.identity.carrying import _sync_guard
from fujie.identity.errors import DelegationRequiredError, HostUndeclaredError, IdentityMisconfiguredError
from tests.identity.own_process import own_process
from tests.identity.world import ALICE, BOB, needs_authorization

HOST = "api.weather.example"


@pytest.fixture
def own():
    with own_process() as own:
        yield own


class Provider:
    """Keeps the headers that arrived."""

    def __init__(self, *answers):
        self.arrived, self.answers = [], list(answers)

    def __call__(self, request):
        self.arrived.append(dict(request.headers))
        return self.answers.pop(0) if self.answers else httpx2.Response(200)

    def client(self, auth, **options):
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self), auth=auth, trust_env=False, **options)


def api_key_auth(own, **options):
    wanted = {"hosts": [HOST], "header": "X-Api-Key", "prefix": "", "identity": own.identity}
    return ApiKeyAuth("weather", **(wanted | options))


async def test_each_request_carries_the_credential_of_whom_the_context_names(own):
    provider = Provider()
    async with provider.client(api_key_auth(own)) as http:
        for user in (ALICE, BOB, ALICE):
            with on_behalf_of(user_token=own.token(user)):
                await http.get(f"https://{HOST}/v1")
    assert [seen["x-api-key"] for seen in provider.arrived] == [
        f"key weather wat-{user.id}" for user in (ALICE, BOB, ALICE)
    ]
    assert len(own.cloud.calls) == 4


async def test_what_the_caller_sees_afterwards_holds_nothing(own):
    provider = Provider(httpx2.Response(302, headers={"location": f"https://{HOST}/next"}))
    async with provider.client(api_key_auth(own)) as http:
        answer = await http.get(f"https://{HOST}/v1")
    assert "x-api-key" in provider.arrived[0]
    assert "x-api-key" not in answer.request.headers
    assert "x-api-key" not in answer.next_request.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        f"http://{HOST}/v1",
        f"https://{HOST}:8443/v1",
        f"https://{HOST}@evil.example/v1",
        f"https://user:word@{HOST}/v1",
        f"https://{HOST}.evil.example/",
    ],
)
async def test_another_place_gets_nothing_and_nothing_is_obtained_for_it(own, url):
    provider = Provider()
    async with provider.client(api_key_auth(own)) as http:
        with pytest.raises(HostUndeclaredError):
            await http.get(url)
    assert (provider.arrived, own.cloud.calls) == ([], [])


@pytest.mark.parametrize("hosts", [[], HOST])
def test_a_credential_for_no_host_in_particular_is_refused(own, hosts):
    with pytest.raises(IdentityMisconfiguredError):
        api_key_auth(own, hosts=hosts)


async def test_a_refused_credential_is_obtained_anew_next_time_and_nothing_is_sent_twice(own):
    provider = Provider(httpx2.Response(401))
    async with provider.client(api_key_auth(own)) as http:
        assert (await http.get(f"https://{HOST}/v1")).status_code == 401
        assert len(provider.arrived) == 1
        await http.get(f"https://{HOST}/v1")
    assert own.cloud.actions().count("GetResourceAPIKey") == 2


async def test_a_users_token_and_the_consent_it_needs(own):
    provider = Provider()
    auth = AccessTokenAuth("time", scopes=["a"], hosts=["api.time.example"], identity=own.identity)
    async with provider.client(auth) as http:
        with pytest.raises(DelegationRequiredError):
            await http.get("https://api.time.example/now")
        with on_behalf_of(user_token=own.token(ALICE)):
            await http.get("https://api.time.example/now")
            own.cloud.script("GetResourceOAuth2Token", needs_authorization(1))
            with on_behalf_of(user_token=own.token(BOB)), pytest.raises(OwnAuthorizationRequired):
                await http.get("https://api.time.example/now")
    assert [seen["authorization"] for seen in provider.arrived] == [
        f'Bearer token USER_FEDERATION ["a"] wat-{ALICE.id}'
    ]


def test_a_sync_client_carries_it_too(own):
    provider = Provider()
    with httpx2.Client(transport=httpx2.MockTransport(provider), auth=api_key_auth(own), trust_env=False) as http:
        http.get(f"https://{HOST}/v1")
    assert provider.arrived[0]["x-api-key"] == "key weather wat-workload"


@contextmanager
def server(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *args):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served.server_port
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture
def thief():
    """A server elsewhere that keeps what reaches it."""
    arrived = []

    def keep(request):
        arrived.append(dict(request.headers))
        request.send_response(200)
        request.send_header("content-length", "0")
        request.end_headers()

    with server(keep) as port:
        yield port, arrived


@pytest.fixture
def redirecting(thief):
    """A declared server that sends its callers to the thief."""

    def redirect(request):
        request.send_response(307)
        request.send_header("location", f"http://localhost:{thief[0]}/")
        request.send_header("content-length", "0")
        request.end_headers()

    with server(redirect) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization"])
async def test_a_redirect_takes_the_credential_nowhere_though_the_client_follows(own, thief, redirecting, header):
    auth = api_key_auth(own, hosts=[redirecting], header=header)
    async with httpx2.AsyncClient(auth=auth, follow_redirects=True, trust_env=False) as http:
        with pytest.raises(HostUndeclaredError):
            await http.get(f"http://{redirecting}/")
    assert thief[1] == []


@pytest.mark.parametrize(
    ("scheme", "host", "port", "is_let_through"),
    [
        (b"https", HOST.encode(), None, True),
        (b"https", HOST.encode(), 443, True),
        (b"https", HOST.encode(), 8443, False),
        (b"http", HOST.encode(), None, False),
        (b"http", HOST.encode(), 80, False),
        (b"https", b"evil.example", None, False),
        (b"http", b"127.0.0.1", 8000, True),
        (b"http", b"127.0.0.1", 8001, False),
    ],
)
def test_a_redirect_on_the_same_host_may_change_neither_port_nor_scheme(scheme, host, port, is_let_through):
    request = SimpleNamespace(url=SimpleNamespace(scheme=scheme, host=host, port=port))
    trace = _sync_guard(frozenset({HOST, "127.0.0.1:8000"}))(None)
    for event in ("http11.send_request_headers.started", "http2.send_request_headers.started"):
        if is_let_through:
            trace(event, {"request": request})
        else:
            with pytest.raises(HostUndeclaredError):
                trace(event, {"request": request})


def test_nor_through_a_sync_client(own, thief, redirecting):
    auth = api_key_auth(own, hosts=[redirecting])
    with (
        httpx2.Client(auth=auth, follow_redirects=True, trust_env=False) as http,
        pytest.raises(HostUndeclaredError),
    ):
        http.get(f"http://{redirecting}/")
    assert thief[1] == []
