"""A small world for identity tests: a clock that is moved, an issuer that signs, a data plane that is scripted."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fujie.identity.acting import Acting
from fujie.identity.delegation import InboundTokens, handed_id, sha256_hex
from fujie.identity.rows import BrowserSession, Delegation, User
from fujie.secret import Secret
from fujie.sessions.rows import Conversation, Run
from fujie.settings import CallerKey, Settings

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ISSUER = "https://login.example"
CLIENT_ID = "app-1"
ALICE = User("default", "200000000000000001", "alice")
BOB = User("default", "200000000000000002", "bob")
KEY = CallerKey("STS.key", Secret("key-secret"), Secret("security-token"))
SETTINGS = Settings(
    function="tool",
    public_url="https://stack.example",
    oidc_issuer=ISSUER,
    oidc_client_id=CLIENT_ID,
    workload_identity="wi",
    agentidentitydata_endpoint="https://data.example",
    fc_endpoint="https://fc.example",
)
_RSA = [RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True) for _ in range(2)]


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.moment = START

    def __call__(self):
        return self.moment

    def advance(self, **by):
        self.moment += timedelta(**by)


class Issuer:
    """An OIDC issuer behind a transport: discovery, keys, and a token endpoint."""

    def __init__(self, clock, issuer=ISSUER):
        self.clock = clock
        self.issuer = issuer
        self.keys = [_RSA[0]]
        self.requests = []
        self.is_down = False
        self.token_answer = (200, {})
        self.token_forms = []
        self.revoked, self.revoke_status = [], 200
        self.metadata = {
            "issuer": issuer,
            "authorization_endpoint": issuer + "/authorize",
            "token_endpoint": issuer + "/v1/token",
            "jwks_uri": issuer + "/v1/keys",
        }

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer), trust_env=False)

    def answer(self, request):
        path = request.url.path
        self.requests.append(path)
        if self.is_down:
            raise httpx2.ConnectError("down")
        if path == "/.well-known/openid-configuration":
            return httpx2.Response(200, json=self.metadata)
        if path == "/v1/keys":
            return httpx2.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})
        if path == "/v1/token":
            self.token_forms.append(dict(parse_qsl(request.content.decode())))
            return httpx2.Response(self.token_answer[0], json=self.token_answer[1])
        if path == "/v1/revoke":
            self.revoked.append(dict(parse_qsl(request.content.decode())))
            return httpx2.Response(self.revoke_status)
        return httpx2.Response(404)

    def rotate(self):
        self.keys = [_RSA[1]]

    def claims(self, user=ALICE, **changes):
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": user.id,
            "name": user.name,
            "iat": now,
            "exp": now + 3600,
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, user=ALICE, *, header=None, key=None, **changes):
        key = key or self.keys[0]
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        header = {"alg": algorithm, "kid": key.kid} | (header or {})
        header = {name: value for name, value in header.items() if value is not None}
        return Secret(jwt.encode(header, self.claims(user, **changes), key, ["RS256", "ES256"]))

    def grants(self, id_token, **more):
        self.token_answer = (200, {"access_token": "unused", "id_token": id_token.reveal()} | more)


class DataPlaneDouble:
    """Answers data-plane calls from a script and keeps what was asked."""

    def __init__(self, clock):
        self.clock = clock
        self.calls = []
        self.answers = {}
        self.number = 0

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer), trust_env=False)

    def actions(self):
        return [action for action, _ in self.calls]

    def script(self, action, *answers):
        """Each answer is (status, document) or (status, document, headers); the last one stays."""
        self.answers[action] = list(answers)

    def answer(self, request):
        action = request.headers["x-acs-action"]
        form = dict(parse_qsl(request.content.decode()))
        self.calls.append((action, form))
        script = self.answers.get(action)
        if not script:
            return httpx2.Response(200, json=self._usual(action, form))
        status, document, *headers = script.pop(0) if len(script) > 1 else script[0]
        return httpx2.Response(status, json=document, headers=headers[0] if headers else None)

    def _usual(self, action, form):
        self.number += 1
        if action.startswith("GetWorkloadAccessToken"):
            subject = {f"id-token-of-{user.name}": user.id for user in (ALICE, BOB)}.get(form.get("UserToken"), "?")
            claims = {"JwtClaims": {"Issuer": ISSUER, "Subject": subject}}
            return {"WorkloadAccessToken": f"wat-{self.number}", "UserContext": claims}
        if action == "GetResourceAPIKey":
            return {"APIKey": f"api-key-{self.number}"}
        if action == "GetResourceOAuth2Token":
            return {"AccessToken": f"access-{self.number}", "ExpiresIn": 3600}
        if action == "AssumeRoleForWorkloadIdentity":
            ends = (self.clock() + timedelta(seconds=900)).strftime("%Y-%m-%dT%H:%M:%SZ")
            given = {"AccessKeyId": f"STS.{self.number}", "AccessKeySecret": "s", "SecurityToken": "t"}
            return {"Credentials": given | {"Expiration": ends}}
        return {}


def needs_authorization(number):
    uri = f"urn:ietf:params:oauth:request_uri:{number}"
    url = f"https://data.example/oauth2/authorize?request_uri={uri}"
    return (200, {"AuthorizationURL": url, "SessionURI": uri, "SessionStatus": "IN_PROGRESS"})


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def browser_session(user=ALICE, id_hash="browser-1", delegation_id="dlg-1"):
    return BrowserSession(
        id_hash, user, delegation_id, "csrf", START, START + timedelta(hours=12), START + timedelta(days=7)
    )


def run_of(user=ALICE, run_id="run-1", delegation_id="dlg-1", status="running"):
    return Run(run_id, f"conversation-{run_id}", user, delegation_id, "agent", status, "{}", "[]", "", START, START)


async def add_run(store, run):
    await store.add_conversation(Conversation(run.conversation_id, run.user, "t", START, START))
    await store.add_run(run)


HANDED = Secret("what the delegation was handed with")


def inbound(id_token, refresh_token=None, expires_at=START):
    """Return tokens that act for whoever brings HANDED."""
    refresh = Secret(refresh_token) if refresh_token else None
    return InboundTokens(id_token, refresh, expires_at, sha256_hex(HANDED.reveal()))


def handed(row):
    return handed_id(row.id, HANDED)


def acting_as(user=ALICE, run_id="run-1", session_hash="browser-1"):
    tokens = inbound(Secret(f"id-token-of-{user.name}"), None, START + timedelta(hours=1))
    delegation = Delegation(f"dlg-{user.name}", user, session_hash, "sealed", tokens.expires_at, START)
    return Acting(run_of(user, run_id, delegation.id), user, delegation, tokens)


def everything_said(value):
    return json.dumps(value, default=repr) + repr(value) + str(value)
