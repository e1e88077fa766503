"""What tool meets: a loopback server that is the cloud's data plane and every provider, and tokens of process."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from fujie import clock
from fujie.identity.delegation import InboundTokens, Sealer, handed_id, sha256_hex
from fujie.identity.internal import InternalMinter, arguments_hash
from fujie.identity.keys import new_sealing_key, new_signing_key
from fujie.identity.rows import Delegation, User
from fujie.secret import Secret
from fujie.sessions.rows import Conversation, Run
from fujie.settings import Settings

ALICE = User("default", "200000000000000001", "alice")
BOB = User("default", "200000000000000002", "bob")
PROCESS_KEY, PROCESS_PUBLIC = new_signing_key()
CHAT_KEY, CHAT_PUBLIC = new_signing_key()
SEALING_PRIVATE, SEALING_PUBLIC = new_sealing_key()
ID_TOKEN = "canary-id-token-of-alice"


class Loopback:
    """An HTTP server on 127.0.0.1 that answers from a script and keeps what arrived."""

    def __init__(self):
        self.requests, self.actions, self.pages = [], [], {}
        self.needs_consent = False
        world = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                action = self.headers.get("x-acs-action")
                if action:
                    status, headers, document = world.cloud(action, body)
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    world.requests.append((self.command, self.path, headers, body))
                    status, headers, document = world.pages.get(urlsplit(self.path).path, (404, {}, {"message": "no"}))
                content = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def cloud(self, action, body):
        self.actions.append((action, dict(parse_qsl(body.decode()))))
        if action == "GetResourceOAuth2Token" and self.needs_consent:
            uri = "urn:ietf:params:oauth:request_uri:1"
            url = f"{self.url}/oauth2/authorize?request_uri={uri}"
            return 200, {}, {"AuthorizationURL": url, "SessionURI": uri, "SessionStatus": "IN_PROGRESS"}
        ends = (clock.now() + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": "STS.1", "AccessKeySecret": "canary-secret", "SecurityToken": "canary-sts-token"}
        answers = {
            "GetWorkloadAccessTokenForJWT": {
                "WorkloadAccessToken": "canary-wat",
                "UserContext": {"JwtClaims": {"Subject": ALICE.id}},
            },
            "GetResourceAPIKey": {"APIKey": "canary-api-key"},
            "GetResourceOAuth2Token": {"AccessToken": "canary-access-token", "ExpiresIn": 3600},
            "AssumeRoleForWorkloadIdentity": {"Credentials": keys | {"Expiration": ends}},
        }
        return 200, {}, answers[action]


def settings_for(world, **changes):
    endpoints = {f"api.{name}.example": f"{world.url}/partners/{name}/api" for name in ("weather", "time", "dingtalk")}
    fields = {
        "function": "tool",
        "public_url": "https://stack.example",
        "workload_identity": "fujie-test-agent",
        "agentidentitydata_endpoint": world.url,
        "oss_endpoint": world.url,
        "oss_bucket": "stack-bucket",
        "mcp_server": f"{world.url}/partners/aliyun/mcp",
        "endpoints": endpoints,
        "internal_public_keys": {"process": PROCESS_PUBLIC, "chat": CHAT_PUBLIC},
        "sealing_private_key": SEALING_PRIVATE,
        "ledger_key": Secret("ledger-key-of-the-tests"),
    }
    return Settings(**fields | changes)


async def add_person(store, user, name, *, ends=timedelta(hours=1), status="running"):
    """Store a delegation `dlg-NAME` and a run `run-NAME` of one person."""
    now = clock.now()
    tokens = InboundTokens(Secret(ID_TOKEN), None, now + ends, sha256_hex("handed"))
    sealed = Sealer(SEALING_PUBLIC).seal(f"dlg-{name}", user, "", tokens)
    await store.add_delegation(Delegation(f"dlg-{name}", user, "", sealed, tokens.expires_at, now))
    await store.add_conversation(Conversation(f"talk-{name}", user, "t", now, now))
    await store.add_run(Run(f"run-{name}", f"talk-{name}", user, handed(name), "a", status, "{}", "[]", "", now, now))


def handed(name):
    """Return what acts for that person."""
    return handed_id(f"dlg-{name}", Secret("handed"))


def token_for(tool="", arguments=None, *, who="alice", call="call-1", key=PROCESS_KEY, by="process", to="tool", **more):
    named = {"delegation_id": handed(who), "run_id": f"run-{who}", "tool": tool, "call_id": call}
    digest = arguments_hash(arguments or {}) if tool else ""
    return InternalMinter(by, key).mint(to, **named | {"arguments_hash": digest} | more).reveal()
