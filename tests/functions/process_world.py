"""process over a store in memory: tokens that are really signed, an agent that plays a script, raw ASGI."""

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx2

from fujie import clock
from fujie.agents.runs import RunService
from fujie.identity.claims import VerifiedClaims
from fujie.identity.delegation import InboundTokens, Opener, Sealer
from fujie.identity.errors import TokenInvalidError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_sealing_key, new_signing_key
from fujie.identity.rows import Delegation, User
from fujie.protocols.agentscope.decode import Decoder
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from functions.process.app import create_app
from functions.process.door import Door
from functions.process.parts import Parts

ALICE = User("default", "200000000000000001", "alice")
BOB = User("default", "200000000000000002", "bob")
KEYS = {name: new_signing_key() for name in ("chat", "process", "callback", "tool")}
SEALING = new_sealing_key()
ID_TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"


class OneToken:
    """Stands for the issuer's verifier, which has its own tests: knows one token, alice's."""

    async def verify(self, unverified_token, *, nonce=None):
        if unverified_token.reveal() != ID_TOKEN:
            raise TokenInvalidError("the token's signature does not hold")
        return VerifiedClaims("issuer", ALICE.id, ("app",), clock.now(), ALICE.name)


@dataclass
class ProcessWorld:
    mind: object
    tools: object
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self):
        public = {name: pair[1] for name, pair in KEYS.items()}
        door = Door(
            self.store,
            from_chat=InternalVerifier("process", public, {"chat"}),
            from_wakers=InternalVerifier("process", public, {"callback", "chat"}),
            id_tokens=OneToken(),
            sealer=Sealer(SEALING[1]),
            tenant="default",
        )
        self.runs = RunService(self.store, self.mind, self.tools, agent="test")
        self.parts = Parts(self.store, SimpleNamespace(aclose=_nothing), self.runs, door)
        self.app = create_app(self.parts)
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://process")

    async def delegation(self, user=ALICE, id_="dlg"):
        if await self.store.delegation(id_) is None:
            tokens = InboundTokens(Secret("t"), None, clock.now(), "")
            sealed = Sealer(SEALING[1]).seal(id_, user, "", tokens)
            await self.store.add_delegation(Delegation(id_, user, "", sealed, clock.now(), clock.now()))
        return id_

    async def bearer(self, minter="chat", audience="process", user=ALICE, **claims):
        delegation_id = await self.delegation(user, f"dlg-{user.name}")
        token = InternalMinter(minter, KEYS[minter][0]).mint(audience, delegation_id=delegation_id, **claims)
        return {"authorization": f"Bearer {token.reveal()}"}

    async def ask(self, body, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = await self.bearer() if headers is None else headers
        return await self.client.post("/process", content=content, headers=headers)

    def opened(self, row, handed):
        return Opener(SEALING[0]).open(row, handed)


async def _nothing(): ...


def question(text="hello", **fields):
    return {"input": [{"role": "user", "content": [{"type": "text", "text": text}]}]} | fields


def events_of(answer):
    return Decoder().feed(answer.text)


class Connection:
    """One raw ASGI request whose client reads as the test says, and may go away."""

    def __init__(self, app, path, body, headers):
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": raw, "http_version": "1.1", "scheme": "http", "server": ("process", 80), "client": ("c", 1),
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        self._messages = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.sent = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.task = asyncio.create_task(app(self.scope, self._messages.get, self._send))

    async def _send(self, message):
        await self.reading.wait()
        self.sent.append(message)

    def go_away(self):
        self._messages.put_nowait({"type": "http.disconnect"})

    @property
    def text(self):
        return b"".join(message.get("body", b"") for message in self.sent).decode()
