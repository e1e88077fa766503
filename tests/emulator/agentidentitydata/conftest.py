"""A provider outside the cloud, small and under the test's control: authorization server and token issuer in one."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.emulator.calling import call

RETURN_URL = "http://localhost:8090/callback"


class Outside:
    """An HTTP server whose answers a test writes: path -> (status, body) or a function of the form."""

    def __init__(self):
        self.answers = {}
        self.forms = []
        self.headers = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer({})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                form = dict(parse_qsl(body))
                outside.forms.append(form)
                outside.headers.append(dict(self.headers))
                self._answer(form)

            def _answer(self, form):
                answer = outside.answers.get(self.path, (404, {}))
                status, body = answer(form) if callable(answer) else answer
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("location", outside.url + "/elsewhere")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                with suppress(BrokenPipeError):  # who gave up waiting
                    self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def outside():
    server = Outside()
    yield server
    server.close()


@pytest.fixture(scope="session")
def signing_key():
    return RSAKey.generate_key(2048, {"kid": "present"})


@pytest.fixture
def issuer(outside, signing_key):
    """An identity provider: its discovery, its keys, and `token(**claims)` that signs for alice."""
    outside.answers["/discovery"] = (200, {"issuer": outside.url, "jwks_uri": outside.url + "/keys"})
    outside.answers["/keys"] = (200, KeySet([signing_key]).as_dict(private=False))

    def token(cloud, *, header=None, key=signing_key, without=(), **claims):
        now = int(cloud.clock.time())
        wanted = {"iss": outside.url, "aud": "chat", "sub": "alice", "iat": now, "exp": now + 3600} | claims
        for name in without:
            del wanted[name]
        head = {"alg": "RS256", "kid": "present"} | (header or {})
        return jwt.encode(head, wanted, key, algorithms=[head["alg"]])

    return SimpleNamespace(token=token, key=signing_key, url=outside.url)


@pytest.fixture
async def world(cloud, outside, issuer):
    """The workload identity `demo`, bound to the issuer, and the provider `calendar` at the same server."""
    outside.answers["/token"] = (200, {"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3600})
    await call(
        cloud,
        "agentidentity",
        "CreateIdentityProvider",
        IdentityProviderName="people",
        DiscoveryURL=f"{outside.url}/discovery",
        AllowedAudience=["chat", "mobile"],
    )
    await call(
        cloud,
        "agentidentity",
        "CreateWorkloadIdentity",
        WorkloadIdentityName="demo",
        IdentityProviderName="people",
        AllowedResourceOAuth2ReturnURLs=[RETURN_URL],
    )
    await create_provider(cloud, outside, "calendar")
    return cloud


async def create_provider(cloud, outside, name, **fields):
    metadata = {
        "Issuer": outside.url,
        "AuthorizationRequest": {"Endpoint": f"{outside.url}/authorize"},
        "TokenRequest": {"Endpoint": f"{outside.url}/token"},
    }
    custom = {"ClientId": "cid", "ClientSecret": "csec", "OAuth2Discovery": {"AuthorizationServerMetadata": metadata}}
    return await call(
        cloud,
        "agentidentity",
        "CreateOAuth2CredentialProvider",
        OAuth2CredentialProviderName=name,
        CredentialProviderVendor="CustomOAuth2",
        OAuth2ProviderConfig={"CustomOAuth2ProviderConfig": custom},
        **fields,
    )


@pytest.fixture
def ask():
    """Ask for a token as the operator."""

    async def asked(cloud, wat, provider="calendar", scopes=("read",), **fields):
        wanted = {"ResourceOAuth2ReturnURL": RETURN_URL} | fields
        return await call(
            cloud,
            "agentidentitydata",
            "GetResourceOAuth2Token",
            WorkloadAccessToken=wat,
            ResourceCredentialProviderName=provider,
            Scopes=list(scopes),
            **wanted,
        )

    return asked


@pytest.fixture
def wat_of(issuer):
    """Return a workload access token for a user of the issuer, fresh on the cloud's clock."""

    async def fresh(cloud, user="alice"):
        token = issuer.token(cloud, sub=user)
        answer = await call(
            cloud, "agentidentitydata", "GetWorkloadAccessTokenForJWT", WorkloadIdentityName="demo", UserToken=token
        )
        return answer["WorkloadAccessToken"]

    return fresh
