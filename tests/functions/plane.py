"""A small stack for chat and callback in one process: a store, signed-in people, a consent to answer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2
from msgspec.structs import replace

from fujie import clock
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.consent import ConsentDesk
from fujie.identity.delegation import Sealer, sha256_hex
from fujie.identity.errors import CloudUnavailableError
from fujie.identity.keys import new_sealing_key
from fujie.identity.rows import BrowserSession, Consent, Delegation, User
from fujie.identity.signin import SignIn
from fujie.protocols.events import event_to_json
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from fujie.sessions.rows import Conversation, Run
from fujie.settings import Settings

ORIGIN = "http://localhost:8090"
SETTINGS = Settings(
    public_url=ORIGIN,
    oidc_issuer="http://127.0.0.1:9/oauth",
    oidc_client_id="app",
    process_url="http://127.0.0.1:9",
)
ALICE = User("default", "200000000000000001", "alice")
BOB = User("default", "200000000000000002", "bob")
AUTHORIZATION_URL = "http://127.0.0.1:8091/oauth2/authorize?request_uri=urn%3Ax"
SESSION_URI = "urn:ietf:params:oauth:request_uri:1"
STATE = "state-of-the-consent-0123456789"
_SEALING = new_sealing_key()[1]


@dataclass
class Wakes:
    """A waker that keeps what it was told, and may be out of order."""

    runs: list = field(default_factory=list)
    is_down: bool = False

    async def wake(self, run_id, delegation_id):
        if self.is_down:
            raise CloudUnavailableError("Function Compute does not answer")
        self.runs.append((run_id, delegation_id))


@dataclass
class Plane:
    """The state that both functions see."""

    store: MemoryStore = field(default_factory=MemoryStore)
    wakes: Wakes = field(default_factory=Wakes)
    http: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(_nobody))
    )

    @property
    def sign_in(self):
        verifier = IdTokenVerifier(self.http, SETTINGS.oidc_issuer, "app")
        return SignIn(SETTINGS, self.http, self.store, verifier, Sealer(_SEALING))

    @property
    def desk(self):
        return ConsentDesk(SETTINGS, self.store)

    async def signed_in(self, user, cookie):
        """Return the session of a browser that holds this cookie."""
        now = clock.now()
        id_hash, later = sha256_hex(cookie), now + timedelta(hours=2)
        await self.store.add_delegation(Delegation(f"dlg-{cookie}", user, id_hash, "sealed", later, now))
        session = BrowserSession(id_hash, user, f"dlg-{cookie}", f"csrf-{cookie}", now, later, later)
        await self.store.add_browser_session(session)
        return session

    async def run(self, session, run_id, *, status="running", request="{}"):
        """Return a run of the person in a conversation of its own, held by a worker."""
        now = clock.now()
        conversation_id = f"c-{run_id}"
        await self.store.add_conversation(Conversation(conversation_id, session.user, "What time is it?", now, now))
        row = Run(
            run_id, conversation_id, session.user, session.delegation_id, "a", "running", request, "", "", now, now
        )
        await self.store.add_run(row)
        held = await self.store.lease_run(run_id, "worker", now, now + timedelta(minutes=5), ["running"])
        if status != "running":
            await self.store.save_run(run_id, held.fence, status=status, now=now)
        return replace(held, status=status)

    async def log(self, run, *events, first=0):
        await self.store.append_events(run.id, run.fence, first, [event_to_json(event) for event in events])

    async def consent(self, session, run, **changes):
        now = clock.now()
        row = Consent(
            id=f"consent-{run.id}-0123456789",
            user=session.user,
            run_id=run.id,
            call_id="call-1",
            delegation_id=session.delegation_id,
            provider="dingtalk",
            scopes=("document.read", "document.write"),
            tool="write_dingtalk_document",
            reason="To write <your> text",
            state_hash=sha256_hex(STATE),
            session_uri=SESSION_URI,
            authorization_url=AUTHORIZATION_URL,
            status="requested",
            created_at=now,
            expires_at=now + timedelta(minutes=9, seconds=30),
            session_hash=session.id_hash,
            words=WORDS,
        )
        row = replace(row, **changes)
        await self.store.add_consent(row)
        return row


WORDS = (
    '{"provider_name": "DingTalk & Co", "reason": {"en": "To write <your> text", "zh": "写入您的文字"}, "scopes":'
    ' {"document.write": {"en": "Write to your documents", "zh": "写入您的文档"}}}'
)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _nobody(request):
    raise httpx2.ConnectError("nobody is there", request=request)


def secret_texts(*cookies):
    """What no page may show."""
    return [STATE, SESSION_URI, "sealed", *cookies, *(Secret(cookie).reveal() for cookie in cookies)]
