"""Rows to try a store with; each call may change what matters to the test."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from fujie.identity.rows import (
    BrowserSession,
    Consent,
    Delegation,
    Grant,
    LedgerEntry,
    LoginAttempt,
    SealedCredential,
    User,
)
from fujie.sessions.rows import Conversation, PushAddress, Run

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
ALICE = User("default", "200000000000000001", "alice")
BOB = User("default", "200000000000000002", "bob")

ATTEMPT = LoginAttempt("state", "browser", "verifier", "nonce", "/", LATER)
SESSION = BrowserSession("cookie", ALICE, "dlg-1", "csrf", NOW, LATER, NOW + timedelta(days=1))
DELEGATION = Delegation("dlg-1", ALICE, "cookie", "sealed.jwe", LATER, NOW)
CONVERSATION = Conversation("talk", ALICE, "天气", NOW, NOW)
RUN = Run("run-1", "talk", ALICE, "dlg-1", "fujie", "running", '{"input": "今天"}', "[]", "", NOW, NOW)
CONSENT = Consent(
    id="consent-1",
    user=ALICE,
    run_id="run-1",
    call_id="call-1",
    delegation_id="dlg-1",
    provider="time",
    scopes=("time.read", "time.write"),
    tool="get_current_time",
    reason="to tell the time",
    state_hash="state-1",
    session_uri="urn:session:1",
    authorization_url="https://cloud.example/authorize",
    status="requested",
    created_at=NOW,
    expires_at=LATER,
    session_hash="cookie",
    words='{"provider_name": "时间"}',
)

GRANT = Grant("grant-1", ALICE, "time", ("time.read",), NOW, words='{"provider_name": "时间"}')
ENTRY = LedgerEntry(
    NOW, "process < chat", ALICE, "run-1", "call-1", "tell_time", "oauth", "time", ("time.read",), "issued", "ok", "f"
)
ADDRESS = PushAddress("run-1", "a", "sealed.jwe")
SEALED = SealedCredential("whose-and-for-what", '{"v": 1}', LATER)


async def with_run(store, run: Run = RUN, **changes) -> Run:
    """Store the run and, the first time, its conversation."""
    run = replace(run, **changes)
    if await store.conversation(run.conversation_id) is None:
        await store.add_conversation(replace(CONVERSATION, id=run.conversation_id, user=run.user))
    await store.add_run(run)
    return run
