"""Who is who: planted cookies, ids taken in advance, names said in headers, other sites' scripts."""

import httpx2
import pytest

from tests.agents.doubles import FakeTools, ScriptedMind
from tests.functions import plane, test_callback, test_chat
from tests.functions.plane import ALICE, BOB, ORIGIN, Plane
from tests.functions.process_world import ID_TOKEN, ProcessWorld, question
from tests.identity.world import Issuer, query_of

EVIL = {"origin": "https://evil.example", "access-control-request-method": "POST"}
PLANTED = "planted-by-the-attacker"


class OAuthIssuer(Issuer):
    """The issuer of the plane's settings, which lives below a path and says in each answer who it is."""

    def __init__(self):
        super().__init__(plane.clock.now, plane.SETTINGS.oidc_issuer)
        self.metadata |= {"authorization_response_iss_parameter_supported": True}

    def answer(self, request):
        path = request.url.path.removeprefix("/oauth")
        return super().answer(httpx2.Request(request.method, f"http://127.0.0.1:9{path}", content=request.content))


@pytest.fixture
def issuer():
    return OAuthIssuer()


@pytest.fixture
def chat(issuer, monkeypatch):
    """chat whose people sign in at that issuer; the attacker is signed in with a cookie that he planted elsewhere."""
    monkeypatch.setattr(test_chat, "Plane", lambda: Plane(http=issuer.client()))
    return test_chat.Chat()


async def back_from_sign_in(http, issuer):
    """Return the query with which the browser comes back from signing in as Alice."""
    begun = query_of((await http.get("/auth/login")).headers["location"])
    issuer.grants(issuer.token(ALICE, aud="app", nonce=begun["nonce"]))
    return {"code": "c", "state": begun["state"], "iss": issuer.issuer}


async def who(chat, cookie):
    async with chat.browser(cookie) as http:
        return (await http.get("/api/me")).json()["user"]


@pytest.mark.parametrize("bobs_own", [False, True])
async def test_a_planted_cookie_does_not_become_the_victims_session(chat, issuer, bobs_own):
    """Hurt: Alice, in whose session the attacker would sit: he knows the cookie that her browser had before."""
    if bobs_own:
        await chat.plane.signed_in(BOB, PLANTED)
    before = await who(chat, PLANTED)
    async with chat.browser(PLANTED) as http:
        back = await http.get("/auth/callback", params=await back_from_sign_in(http, issuer))
    own = back.cookies["fujie_session"]
    assert own != PLANTED
    assert len(own) >= 43
    assert await who(chat, own) == {"id": ALICE.id, "name": "alice"}
    assert await who(chat, PLANTED) == before != await who(chat, own)


async def test_each_sign_in_has_a_session_of_its_own(chat, issuer):
    """Hurt: Alice, whose older session on a borrowed machine would live on in the new one."""
    cookies = []
    for _ in range(2):
        async with chat.browser() as http:
            back = await http.get("/auth/callback", params=await back_from_sign_in(http, issuer))
            cookies.append(back.cookies["fujie_session"])
    assert len(set(cookies)) == 2
    assert len({(await chat.plane.store.browser_session(key)).delegation_id for key in chat.plane.store._sessions}) == 2


async def test_the_samples_return_believes_an_issuer_that_promises_to_name_itself_only_with_its_name(chat, issuer):
    """Hurt: Alice, whose code a second issuer would get; and everybody, were the right name refused as well."""
    for name, status in (("", 400), ("https://evil.example", 400), (issuer.issuer, 200)):
        async with chat.browser() as http:
            back = await back_from_sign_in(http, issuer)
            answer = await http.post("/callback_for_oauth", json=back | {"iss": name})
            assert answer.status_code == status
    assert len(issuer.token_forms) == 1


async def test_no_script_reads_the_session(chat, issuer):
    """Hurt: Alice, whose session any script on the page (or a hole in one) would carry away."""
    async with chat.browser() as http:
        login = await http.get("/auth/login")
        begun = query_of(login.headers["location"])
        issuer.grants(issuer.token(ALICE, aud="app", nonce=begun["nonce"]))
        query = {"code": "c", "state": begun["state"], "iss": issuer.issuer}
        back = await http.get("/auth/callback", params=query)
    for answer in (login, back):
        for line in answer.headers.get_list("set-cookie"):
            assert "httponly" in line.lower(), line
            assert "samesite=lax" in line.lower(), line
    assert back.cookies["fujie_session"] not in back.text


async def test_a_chat_id_that_somebody_took_in_advance_gets_nothing_of_its_victim():
    """Hurt: Alice, whose questions and answers would land in a conversation that Bob reads, or run as his."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    await process.ask(question("Bob was here first", session_id="talk-of-alice"), await process.bearer(user=BOB))
    process.mind.script.append("forherself")
    answer = await process.ask(question("my secret", session_id="talk-of-alice"), await process.bearer(user=ALICE))
    assert (answer.status_code, "forherself" in answer.text) == (200, True)
    assert list(process.mind.seen[-1].prior) == [], "Bob's words are none of hers"
    [run] = await process.store.runs("talk-of-alice")
    assert run.user == BOB
    assert [place.id for place in await process.store.conversations(BOB)] == ["talk-of-alice"]
    [place] = await process.store.conversations(ALICE)
    assert [run.user for run in await process.store.runs(place.id)] == [ALICE]


async def test_nobody_writes_into_somebody_elses_chat():
    """Hurt: Alice, into whose conversation Bob would put words, and get the answers of her credentials."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    await process.ask(question("hi", session_id="talk"), await process.bearer(user=ALICE))
    process.mind.script.append("to bob")
    await process.ask(question("and now as Bob", session_id="talk"), await process.bearer(user=BOB))
    assert [run.user for run in await process.store.runs("talk")] == [ALICE]


async def test_the_id_of_a_new_chat_is_not_guessed_in_advance():
    """Hurt: Alice, whose first question would be refused because Bob took its id, as one takes a time of day."""
    chat, ids = await test_chat.made(), set()
    async with chat.browser("alice-cookie") as http:
        for _ in range(20):
            answer = await http.post("/api/chat", json=test_chat.QUESTION, headers=test_chat.CSRF)
            assert answer.status_code == 200
            ids.add(chat.upstream.asked["session_id"])
    assert len(ids) == 20
    assert all(len(new.replace("-", "")) >= 32 for new in ids)
    assert len({new[:6] for new in ids}) > 15


SAID = {
    "x-user-id": BOB.id,
    "x-user-name": "bob",
    "x-agentscope-user-id": BOB.id,
    "x-forwarded-user": BOB.id,
    "x-fc-access-key-id": "evil",
    "x-fc-account-id": "evil",
    "x-fc-security-token": "evil",
}


async def test_who_one_is_no_header_and_no_body_says():
    """Hurt: Bob, in whose name whoever knows his id would ask."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    assert (await process.ask(question("hi", user_id=BOB.id), SAID)).status_code == 401
    bearer = await process.bearer(user=ALICE)
    assert (await process.ask(question("hi", session_id="s", user_id=BOB.id), SAID | bearer)).status_code == 200
    assert [run.user for run in await process.store.runs("s")] == [ALICE]


async def test_a_users_token_is_nobodys_id_and_no_key_of_anything():
    """Hurt: Alice, whose raw id_token as a user's id would lie in every table, and change at each sign-in."""
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    answer = await process.ask(question("hi", session_id="s"), {"authorization": f"Bearer {ID_TOKEN}"})
    assert answer.status_code == 200
    [run] = await process.store.runs("s")
    assert run.user.id == ALICE.id
    assert ID_TOKEN not in str(vars(process.store))
    assert ID_TOKEN not in answer.text


async def test_nor_in_the_browser():
    """Hurt: Bob, as above."""
    chat = await test_chat.made()
    async with chat.browser("alice-cookie") as http:
        assert (await http.get("/api/me", headers=SAID)).json()["user"]["id"] == ALICE.id
    async with chat.browser() as http:
        assert (await http.get("/api/me", headers=SAID)).json()["user"] is None


def as_alice(app):
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN, cookies={"fujie_session": "alice-cookie"})


async def every_app():
    chat, callback = await test_chat.made(), test_callback.Callback()
    await callback.plane.signed_in(ALICE, "alice-cookie")
    process = ProcessWorld(ScriptedMind("hello"), FakeTools())
    return {
        "chat": (chat.app, "/api/me"),
        "callback": (callback.app, "/connect/x"),
        "process": (process.app, "/health"),
    }


@pytest.mark.parametrize("function", ["chat", "callback", "process"])
async def test_no_other_site_may_read_our_answers(function):
    """Hurt: Alice, whose conversations a page that she visits would read with her own cookie."""
    app, path = (await every_app())[function]
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN, cookies={"fujie_session": "alice-cookie"}
    ) as http:
        for method, where in (("GET", path), ("OPTIONS", path), ("OPTIONS", "/api/chat"), ("OPTIONS", "/process")):
            answer = await http.request(method, where, headers=EVIL)
            assert not [name for name in answer.headers if name.startswith("access-control-allow")]


async def test_a_fault_of_ours_tells_the_browser_nothing():
    """Hurt: Alice, whose token or text a traceback on a page would show to whoever looks over her shoulder."""
    chat = await test_chat.made()

    async def broken(*_arguments, **_named):
        raise RuntimeError("canary-of-a-traceback")

    chat.plane.store.conversations = broken
    transport = httpx2.ASGITransport(chat.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN, cookies={"fujie_session": "alice-cookie"}
    ) as http:
        answer = await http.get("/api/conversations")
    assert answer.status_code == 500
    for word in ("canary", "Traceback", "RuntimeError", ".py"):
        assert word not in answer.text
