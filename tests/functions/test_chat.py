"""chat: who may ask, what reaches the agent, how the stream is passed on and taken up again."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from fastapi import Response
from joserfc import jwt
from joserfc.jwk import ECKey
from msgspec import structs

from fujie import clock
from fujie.errors import SettingsError
from fujie.identity.delegation import handed_id, row_id_of, secret_from_cookie
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_signing_key
from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.encode import encode
from fujie.protocols.events import (
    ConsentRequired,
    RunCompleted,
    RunPaused,
    RunStarted,
    TextDelta,
    TextEnded,
    TextStarted,
)
from fujie.secret import Secret
from fujie.settings import AgentAbout, Settings
from functions.chat import relay, watch
from functions.chat.agent import ElsewhereAgent, ProcessAgent
from functions.chat.app import create_app
from functions.chat.conversations import question_of
from functions.chat.cookies import Cookies
from functions.chat.headers import BODY_LIMIT
from functions.chat.parts import Parts, parts_from_settings
from tests.functions.plane import ALICE, BOB, ORIGIN, SETTINGS, Plane

PRIVATE, PUBLIC = new_signing_key()
STREAM = b'data: {"sequence_number":0,"object":"response"}\n\ndata: {"sequence_number":1}\n\n'
CSRF = {"x-csrf-token": "csrf-alice-cookie"}
QUESTION = {"conversation_id": None, "message": "What time is it?", "language": "en"}


async def streamed(content):
    yield content


class Upstream:
    """An agent behind a transport: keeps what it is asked and answers as told."""

    def __init__(self):
        self.requests = []
        self.answer = lambda _request: httpx2.Response(200, content=streamed(STREAM))

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._take), trust_env=False)

    def _take(self, request):
        self.requests.append(request)
        return self.answer(request)

    @property
    def asked(self):
        return json.loads(self.requests[-1].content)


class Chat:
    """chat around a small plane and an agent."""

    def __init__(self, elsewhere=""):
        self.plane = Plane()
        self.upstream = Upstream()
        http = self.upstream.client()
        agent = ProcessAgent(http, SETTINGS.process_url, InternalMinter("chat", PRIVATE))
        if elsewhere:
            agent = ElsewhereAgent(http, self.plane.store, elsewhere, Secret("elsewhere-bearer"))
        self.parts = Parts(
            SETTINGS,
            self.plane.store,
            http,
            self.plane.sign_in,
            self.plane.desk,
            self.plane.wakes,
            agent,
            Cookies(secure=False),
        )
        self.app = create_app(self.parts)

    def browser(self, cookie=""):
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.app),
            base_url=ORIGIN,
            cookies={"fujie_session": cookie} if cookie else None,
        )


async def made(elsewhere=""):
    chat = Chat(elsewhere)
    chat.alice = await chat.plane.signed_in(ALICE, "alice-cookie")
    chat.bob = await chat.plane.signed_in(BOB, "bob-cookie")
    return chat


@pytest.fixture
async def chat():
    return await made()


@pytest.fixture
async def alice(chat):
    async with chat.browser("alice-cookie") as http:
        yield http


@pytest.fixture
async def bob(chat):
    async with chat.browser("bob-cookie") as http:
        yield http


@pytest.fixture
async def visitor(chat):
    async with chat.browser() as http:
        yield http


def events_of(text):
    return [json.loads(block[6:]) for block in text.split("\n\n") if block.startswith("data: ")]


def code_of(answer):
    return answer.json()["error"]["code"]


async def test_the_page_and_its_files_come_with_a_strict_policy(visitor):
    for path, kind in (("/", "text/html"), ("/static/js/main.js", "text/javascript"), ("/static/app.css", "text/css")):
        answer = await visitor.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/parts.py", "/openapi.json", "/docs"])
async def test_nothing_else_is_served(visitor, path):
    assert (await visitor.get(path)).status_code == 404


async def test_me_says_who_is_signed_in_and_is_never_cached(alice, visitor):
    answer = await alice.get("/api/me")
    assert answer.json()["user"] == {"id": ALICE.id, "name": "alice"}
    assert answer.json()["csrf_token"] == "csrf-alice-cookie"
    assert answer.headers["cache-control"] == "no-store"
    assert (await visitor.get("/api/me")).json()["user"] is None


async def test_me_describes_the_agent_that_answers(chat, alice, elsewhere):
    shipped = (await alice.get("/api/me")).json()["agent"]
    assert (shipped["name"], shipped["abilities"]) == ("Fujie", None)
    about = AgentAbout("Contacts", "Finds people.", ("Find a contact by name.",))
    chat.app.state.parts = replace(chat.parts, settings=structs.replace(SETTINGS, agent_about=about))
    assert (await alice.get("/api/me")).json()["agent"] == structs.asdict(about) | {"abilities": list(about.abilities)}
    settings = structs.replace(SETTINGS, agent_endpoint="https://agent.example/process")
    elsewhere.app.state.parts = replace(elsewhere.parts, settings=settings)
    async with elsewhere.browser() as http:
        said = (await http.get("/api/me")).json()["agent"]
    assert said == {"name": "agent.example", "description": "", "abilities": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/chat"),
        ("POST", "/chat"),
        ("GET", "/api/conversations"),
        ("GET", "/api/conversations/c-1"),
        ("GET", "/api/runs/r/events"),
        ("POST", "/api/runs/r/cancel"),
        ("POST", "/auth/logout"),
    ],
)
async def test_a_visitor_reaches_nothing_of_anyones(visitor, method, path):
    body = {"input": [{"role": "user", "content": [{"text": "x"}]}], **QUESTION}
    answer = await visitor.request(method, path, json=body if method == "POST" else None)
    assert answer.status_code == 401
    assert code_of(answer) == "sign_in_again"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-csrf-token": "csrf-bob-cookie"},
        CSRF | {"sec-fetch-site": "cross-site"},
        CSRF | {"sec-fetch-site": "same-site"},
        CSRF | {"origin": "https://evil.example"},
        CSRF | {"origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/api/chat", "/auth/logout", "/api/runs/run-1/cancel"])
async def test_a_forged_request_is_refused(chat, alice, headers, path):
    await chat.plane.run(chat.alice, "run-1")
    answer = await alice.post(path, json=QUESTION, headers=headers)
    assert answer.status_code == 403
    assert code_of(answer) == "forged_request"
    assert chat.upstream.requests == []


async def test_our_own_page_may_ask(chat, alice):
    answer = await alice.post(
        "/api/chat", json=QUESTION, headers=CSRF | {"sec-fetch-site": "same-origin", "origin": ORIGIN}
    )
    assert answer.status_code == 200
    assert len(chat.upstream.requests) == 1


async def test_the_agent_is_asked_with_a_token_that_names_the_delegation(chat, alice):
    answer = await alice.post("/api/chat", json=QUESTION | {"conversation_id": "c-1"}, headers=CSRF)
    assert answer.content == STREAM
    assert answer.headers["content-type"].startswith("text/event-stream")
    [request] = chat.upstream.requests
    assert request.url.path == "/process"
    token = Secret(request.headers["authorization"].removeprefix("Bearer "))
    caller = InternalVerifier("process", {"chat": PUBLIC}, ["chat"]).verify(token)
    assert (caller.function, row_id_of(caller.delegation_id)) == ("chat", "dlg-alice-cookie")
    assert caller.delegation_id == handed_id("dlg-alice-cookie", secret_from_cookie(Secret("alice-cookie")))
    claims = jwt.decode(token.reveal(), ECKey.import_key(json.loads(PUBLIC)), algorithms=["ES256"]).claims
    assert claims["exp"] - claims["iat"] <= 300
    assert chat.upstream.asked["session_id"] == "c-1"
    assert request.headers["x-agentscope-runtime-session-id"] == "c-1"  # where sessions stay with an instance
    assert chat.upstream.asked["language"] == "en"
    assert chat.upstream.asked["input"][0]["content"] == [{"type": "text", "text": "What time is it?"}]
    assert "cookie" not in request.headers
    assert "user_id" not in chat.upstream.asked


async def test_a_new_conversation_gets_an_id_that_nobody_has(chat, alice):
    for _ in range(2):
        await alice.post("/api/chat", json=QUESTION, headers=CSRF)
    first, second = (json.loads(request.content)["session_id"] for request in chat.upstream.requests)
    assert first != second


async def test_the_samples_route_asks_with_the_last_message(chat, alice):
    body = {
        "input": [{"role": "user", "content": [{"type": "text", "text": text}]} for text in ("old", "new")],
        "session_id": None,
    }
    answer = await alice.post("/chat", json=body, headers=CSRF)
    assert answer.content == STREAM
    assert chat.upstream.asked["input"][0]["content"][0]["text"] == "new"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 422),
        (b"[]", 422),
        (b'{"message": 5}', 422),
        (b'{"message": ""}', 422),
        (b'{"message": "x", "language": "fr"}', 422),
        (b'{"message": "x", "conversation_id": "../x"}', 422),
        (json.dumps({"message": "x" * 20_001}).encode(), 413),
        (json.dumps({"message": "x" * BODY_LIMIT}).encode(), 413),
    ],
)
async def test_bad_input_gets_a_typed_error_and_reaches_nobody(chat, alice, body, status):
    answer = await alice.post("/api/chat", content=body, headers=CSRF | {"content-type": "application/json"})
    assert answer.status_code == status
    assert code_of(answer) == ("too_large" if status == 413 else "invalid_input")
    assert chat.upstream.requests == []


async def test_a_message_of_exactly_the_limit_is_taken(alice):
    answer = await alice.post("/api/chat", json=QUESTION | {"message": "字" * 20_000}, headers=CSRF)
    assert answer.status_code == 200


async def test_a_body_that_grows_past_the_limit_is_refused_unannounced(chat, alice):
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(100):
            sent += 100_000
            yield b"x" * 100_000

    answer = await alice.post("/api/chat", content=endless(), headers=CSRF | {"content-type": "application/json"})
    assert answer.status_code == 413
    assert code_of(answer) == "too_large"
    assert chat.upstream.requests == []


async def test_an_agent_that_does_not_answer_is_named_so(chat, alice):
    def refuse(request):
        raise httpx2.ConnectError("refused to 10.0.0.1", request=request)

    chat.upstream.answer = refuse
    answer = await alice.post("/api/chat", json=QUESTION, headers=CSRF)
    assert (answer.status_code, code_of(answer)) == (503, "agent_unavailable")
    assert "10.0.0.1" not in answer.text


async def test_the_agents_own_refusal_comes_through(chat, alice):
    error = {"code": "conflict", "message": "busy", "repair": "wait"}
    chat.upstream.answer = lambda _request: httpx2.Response(409, json={"error": error})
    answer = await alice.post("/api/chat", json=QUESTION, headers=CSRF)
    assert (answer.status_code, answer.json()) == (409, {"error": error})


@pytest.mark.parametrize("content", [b"<html>oops</html>", b'{"error": "text"}', b"[]", b"x" * 100_000])
async def test_a_refusal_that_is_not_ours_is_not_passed_on(chat, alice, content):
    chat.upstream.answer = lambda _request: httpx2.Response(500, content=content)
    answer = await alice.post("/api/chat", json=QUESTION, headers=CSRF)
    assert (answer.status_code, code_of(answer)) == (502, "agent_error")
    assert "oops" not in answer.text


class Slow:
    """An answer that arrives piece by piece, and knows when it was closed."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.closed = False

    async def aiter_raw(self):
        for piece in self.pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif isinstance(piece, Exception):
                raise piece
            else:
                yield piece

    async def aclose(self):
        self.closed = True


async def test_bytes_are_passed_on_as_they_come_with_a_heartbeat_only_between_events():
    answer = Slow(b"data: 1\n\n", 0.05, b"data: ", 0.05, b"2\n\n")
    chunks = [chunk async for chunk in relay.relayed(answer, heartbeat_s=0.02)]
    assert b"".join(chunk for chunk in chunks if not chunk.startswith(b":")) == b"data: 1\n\ndata: 2\n\n"
    assert chunks[0] == b"data: 1\n\n"
    assert chunks[1] == relay.HEARTBEAT
    assert chunks[-2:] == [b"data: ", b"2\n\n"]
    assert answer.closed


async def test_a_reader_that_goes_away_closes_the_agents_stream():
    answer = Slow(b"data: 1\n\n", 60.0, b"data: 2\n\n")
    reader = relay.relayed(answer, heartbeat_s=0.01)
    assert await anext(reader) == b"data: 1\n\n"
    assert await anext(reader) == relay.HEARTBEAT
    await reader.aclose()
    assert answer.closed


async def test_a_stream_that_breaks_ends_without_a_traceback():
    answer = Slow(b"data: 1\n\n", httpx2.ReadError("gone"))
    assert [chunk async for chunk in relay.relayed(answer)] == [b"data: 1\n\n"]
    assert answer.closed


def text_events(run_id, *words):
    started = [RunStarted(run_id, f"c-{run_id}", 1), TextStarted("m")]
    return [*started, *(TextDelta("m", word) for word in words), TextEnded("m"), RunCompleted(2)]


async def test_a_runs_events_are_those_of_its_first_stream_from_where_one_left_off(chat, alice):
    run = await chat.plane.run(chat.alice, "run-1")
    log = text_events("run-1", "a", "b")
    await chat.plane.log(run, *log)
    whole = events_of(encode(log))
    for after in (-1, 0, 3, whole[-1]["sequence_number"]):
        answer = await alice.get(f"/api/runs/run-1/events?after={after}")
        assert events_of(answer.text) == [event for event in whole if event["sequence_number"] > after]


async def test_live_events_follow_the_old_ones_and_the_end_ends_it(chat, alice):
    run = await chat.plane.run(chat.alice, "run-1")
    log = text_events("run-1", "a", "b")
    await chat.plane.log(run, *log[:3])

    async def later():
        await asyncio.sleep(0.3)
        await chat.plane.log(run, *log[3:], first=3)

    answer, _ = await asyncio.gather(alice.get("/api/runs/run-1/events"), later())
    assert events_of(answer.text) == events_of(encode(log))


async def test_an_open_stream_is_bounded(chat):
    run = await chat.plane.run(chat.alice, "run-1")
    async with asyncio.timeout(2):
        chunks = [chunk async for chunk in watch.watched(chat.parts, run, -1, bound_s=0.3)]
    assert all(chunk.startswith(b":") for chunk in chunks)
    assert watch.BOUND_S <= 25


@pytest.mark.parametrize("path", ["/api/runs/run-1/events", "/api/conversations/c-run-1"])
async def test_what_is_anothers_is_refused(chat, bob, path):
    await chat.plane.run(chat.alice, "run-1")
    answer = await bob.get(path)
    assert (answer.status_code, code_of(answer)) == (403, "forbidden")


async def test_another_tenants_user_of_the_same_id_is_another(chat):
    await chat.plane.signed_in(structs.replace(ALICE, tenant="other"), "other-cookie")
    await chat.plane.run(chat.alice, "run-1")
    async with chat.browser("other-cookie") as http:
        assert (await http.get("/api/runs/run-1/events")).status_code == 403
        assert (await http.get("/api/conversations")).json() == {"conversations": []}


@pytest.mark.parametrize("path", ["/api/runs/none/events", "/api/conversations/none"])
async def test_what_is_not_there_is_not_found(alice, path):
    answer = await alice.get(path)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def waiting_run(chat, run_id="run-1", *, expires_in=timedelta(minutes=9)):
    run = await chat.plane.run(chat.alice, run_id)
    consent = await chat.plane.consent(chat.alice, run, expires_at=clock.now() + expires_in, state_hash=run_id)
    request = ConsentRequest(consent.id, "dingtalk", "DingTalk", (), "write", "", "", "")
    events = (RunStarted(run_id, run.conversation_id, 1), ConsentRequired("m", "call-1", request))
    await chat.plane.log(run, *events, RunPaused((consent.id,)))
    await chat.plane.store.save_run(run_id, run.fence, status="waiting", now=clock.now())
    return run, consent


async def watch_for(chat, run, seconds):
    return [chunk async for chunk in watch.watched(chat.parts, run, -1, bound_s=seconds)]


async def test_a_consent_whose_time_is_over_expires_while_someone_watches_and_its_run_is_woken(chat):
    run, consent = await waiting_run(chat, expires_in=timedelta(seconds=-1))
    await watch_for(chat, run, 0.3)
    assert (await chat.plane.store.consent(consent.id)).status == "expired"
    assert chat.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]


async def test_a_consent_in_time_is_left_alone(chat):
    run, consent = await waiting_run(chat)
    await watch_for(chat, run, 0.3)
    assert (await chat.plane.store.consent(consent.id)).status == "requested"
    assert chat.plane.wakes.runs == []


async def test_a_wake_up_that_was_lost_is_repeated(chat, monkeypatch):
    monkeypatch.setattr(watch, "NUDGE_AFTER_S", 0.2)
    monkeypatch.setattr(watch, "CONSENT_CHECK_S", 0.05)
    run, consent = await waiting_run(chat)
    await chat.plane.desk.settle(consent.id, "denied")
    chat.plane.wakes.is_down = True
    await watch_for(chat, run, 0.6)
    assert chat.plane.wakes.runs == []
    chat.plane.wakes.is_down = False
    await watch_for(chat, run, 0.6)
    assert ("run-1", "dlg-alice-cookie") in chat.plane.wakes.runs


async def test_a_run_whose_worker_died_is_ended_for_whoever_watches(chat):
    run = await chat.plane.run(chat.alice, "run-1")
    await chat.plane.log(run, RunStarted("run-1", run.conversation_id, 1))
    past = clock.now() - timedelta(seconds=1)
    await chat.plane.store.save_run("run-1", run.fence, status="running", now=past, lease_expires_at=past)
    text = b"".join(await watch_for(chat, run, 5)).decode()
    assert events_of(text)[-1]["error"]["code"] == "lost"
    assert (await chat.plane.store.run("run-1")).status == "failed"


async def test_a_conversation_comes_back_as_it_was_the_pause_included(chat, alice):
    run, consent = await waiting_run(chat)
    answer = (await alice.get(f"/api/conversations/{run.conversation_id}")).json()
    [shown] = answer["runs"]
    assert (shown["run_id"], shown["status"]) == ("run-1", "waiting")
    assert shown["events"][-1]["status"] == "incomplete"
    assert any(consent.id in json.dumps(event) for event in shown["events"])
    listed = (await alice.get("/api/conversations")).json()["conversations"]
    assert [row["id"] for row in listed] == [run.conversation_id]


async def test_a_past_answer_comes_without_its_deltas(chat, alice):
    run = await chat.plane.run(chat.alice, "run-1")
    await chat.plane.log(run, *text_events("run-1", *"abcdef"))
    [shown] = (await alice.get(f"/api/conversations/{run.conversation_id}")).json()["runs"]
    contents = [event for event in shown["events"] if event["object"] == "content"]
    assert [event["text"] for event in contents] == ["abcdef"]


@pytest.mark.parametrize(
    ("request_text", "question"),
    [
        ('{"input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}', "hi"),
        ('{"input": []}', ""),
        ("{}", ""),
        ('{"input": [{"role": "assistant", "content": [{"type": "text", "text": "no"}]}]}', ""),
        ('{"input": [{"role": "user", "content": null}]}', ""),
    ],
)
def test_the_question_is_the_last_users_text(request_text, question):
    assert question_of(request_text) == question


async def test_cancel_is_passed_to_process_for_ones_own_run_only(chat, alice, bob):
    run_id = "0f8fad5b-d9cb-469f-a165-70867728950e"
    await chat.plane.run(chat.alice, run_id)
    chat.upstream.answer = lambda _request: httpx2.Response(202, json={"status": "canceled", "more": "x"})
    refused = await bob.post(f"/api/runs/{run_id}/cancel", headers={"x-csrf-token": "csrf-bob-cookie"})
    assert refused.status_code == 403
    assert chat.upstream.requests == []
    answer = await alice.post(f"/api/runs/{run_id}/cancel", headers=CSRF)
    assert (answer.status_code, answer.json()) == (202, {"status": "canceled"})
    assert chat.upstream.requests[0].url.path == f"/runtime/runs/{run_id}/cancel"


async def test_sign_out_ends_session_and_delegation(chat, alice):
    answer = await alice.post("/auth/logout", headers=CSRF)
    assert answer.status_code == 204
    assert 'fujie_session=""' in answer.headers["set-cookie"]
    assert (await chat.plane.store.delegation("dlg-alice-cookie")).withdrawn_at is not None
    assert (await alice.get("/api/conversations")).status_code == 401


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=never", "?error=access_denied&state=s"])
async def test_a_sign_in_that_was_not_begun_here_is_refused_typed_and_as_a_page(visitor, query):
    answer = await visitor.get(f"/auth/callback{query}")
    assert (answer.status_code, code_of(answer)) == (400, "sign_in_failed")
    page = await visitor.get(f"/auth/callback{query}", headers={"accept": "text/html"})
    assert page.status_code == 400
    assert "登录未成功" in page.text
    assert "set-cookie" not in page.headers


async def test_sign_in_while_the_issuer_is_away_is_a_typed_error(visitor):
    answer = await visitor.get("/auth/login")
    assert (answer.status_code, code_of(answer)) == (503, "issuer_unavailable")


@pytest.mark.parametrize("body", [{}, {"code": "x"}, {"code": 5, "state": "s"}, {"code": "", "state": "s"}])
async def test_the_samples_return_checks_its_input(visitor, body):
    assert (await visitor.post("/callback_for_oauth", json=body)).status_code == 422


async def test_the_samples_return_is_refused_from_another_site(visitor):
    answer = await visitor.post(
        "/callback_for_oauth", json={"code": "x", "state": "s"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


@pytest.fixture
async def elsewhere():
    return await made("https://agent.example/process")


async def test_an_agent_elsewhere_gets_its_own_bearer_and_the_verified_user(elsewhere):
    async with elsewhere.browser("alice-cookie") as alice:
        answer = await alice.post("/api/chat", json=QUESTION | {"conversation_id": "c-1"}, headers=CSRF)
    assert answer.content == STREAM
    [request] = elsewhere.upstream.requests
    assert str(request.url) == "https://agent.example/process"
    assert request.headers["authorization"] == "Bearer elsewhere-bearer"
    assert elsewhere.upstream.asked["user_id"] == ALICE.id


async def test_behind_a_shared_bearer_conversations_stay_apart(elsewhere):
    async with elsewhere.browser("alice-cookie") as alice, elsewhere.browser("bob-cookie") as bob:
        await alice.post("/api/chat", json=QUESTION | {"conversation_id": "c-1"}, headers=CSRF)
        answer = await bob.post(
            "/api/chat",
            json=QUESTION | {"conversation_id": "c-1"},
            headers={"x-csrf-token": "csrf-bob-cookie"},
        )
    assert (answer.status_code, code_of(answer)) == (403, "forbidden")
    assert len(elsewhere.upstream.requests) == 1


def test_cookies_are_host_bound_and_secure_on_https():
    assert Cookies(secure=True).session_name == "__Host-fujie_session"
    assert Cookies(secure=False).session_name == "fujie_session"


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_for_this_site_and_no_script(secure):

    response = Response()
    Cookies(secure=secure).set_session(response, Secret("value"), 60)
    session, login = response.headers.getlist("set-cookie")
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Path=/" in session
    assert ("Secure" in session) is secure
    assert "Max-Age=0" in login


@pytest.mark.parametrize("missing", ["public_url", "oidc_issuer", "process_url"])
def test_a_missing_setting_is_named(missing):
    whole = Settings(
        public_url=ORIGIN,
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="app",
        process_url="http://127.0.0.1:9",
        sealing_public_key="{}",
        internal_signing_key=PRIVATE,
        database_url="sqlite+aiosqlite:///x",
    )
    with pytest.raises(SettingsError) as caught:
        parts_from_settings(structs.replace(whole, **{missing: ""}))
    assert missing.upper() in caught.value.repair
