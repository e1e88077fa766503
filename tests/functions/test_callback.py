"""The consent pages: whose link, what is asked, both checks, and every way it can end."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from msgspec import structs

from fujie import clock
from fujie.identity.errors import CloudRefusedError, CloudUnavailableError, DelegationExpiredError, ThrottledError
from fujie.settings import AgentAbout
from functions.callback import returning
from functions.callback.app import create_app
from functions.callback.notices import OUTCOMES
from functions.callback.parts import Parts
from functions.callback.words import WORDS, language_of
from tests.functions.plane import (
    ALICE,
    AUTHORIZATION_URL,
    BOB,
    LONG_AGO,
    ORIGIN,
    SESSION_URI,
    SETTINGS,
    STATE,
    Plane,
    secret_texts,
)


class Callback:
    """callback, with a completion that can be told what to do."""

    def __init__(self):
        self.plane = Plane()
        self.completed = []
        self.fault = None
        self.meanwhile = ""
        parts = Parts(
            SETTINGS,
            self.plane.store,
            self.plane.http,
            self.plane.sign_in,
            self.plane.desk,
            self.plane.wakes,
            self.complete,
        )
        self.app = create_app(parts)

    async def complete(self, consent):
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault == "hang":
            await asyncio.sleep(60)
        if self.meanwhile:
            await self.plane.desk.settle(consent.id, self.meanwhile)
        self.completed.append(consent.id)

    def browser(self, cookie="", **headers):
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=ORIGIN,
            cookies={"fujie_session": cookie} if cookie else None,
            headers=headers,
        )

    async def status(self):
        return (await self.plane.store.consent(self.consent.id)).status


@pytest.fixture
async def callback():
    made = Callback()
    made.session = await made.plane.signed_in(ALICE, "alice-cookie")
    await made.plane.signed_in(BOB, "bob-cookie")
    await made.plane.signed_in(ALICE, "alice-elsewhere")
    made.run = await made.plane.run(made.session, "run-1", status="waiting")
    made.consent = await made.plane.consent(made.session, made.run)
    made.link = f"/connect/{made.consent.id}"
    return made


@pytest.fixture
async def alice(callback):
    async with callback.browser("alice-cookie", **{"accept-language": "en"}) as http:
        yield http


@pytest.fixture
async def bob(callback):
    async with callback.browser("bob-cookie") as http:
        yield http


FORM = {"csrf_token": "csrf-alice-cookie"}
RETURN = {"session_uri": SESSION_URI, "state": STATE}


async def allowed(alice, callback):
    return await alice.post(callback.link, data=FORM | {"answer": "allow"})


async def test_the_page_names_what_is_asked_and_where_the_browser_goes_next(alice, callback):
    page = await alice.get(callback.link)
    assert page.status_code == 200
    for words in (
        "DingTalk &amp; Co",
        "Write to your documents",
        "document.read",
        "write_dingtalk_document",
        "To write &lt;your&gt; text",
        "alice",
        "127.0.0.1:8091",
    ):
        assert words in page.text
    assert f"{callback.consent.expires_at:%Y-%m-%d %H:%M} UTC" in page.text
    assert [*re.findall(r"<button[^>]*>([^<]*)</button>", page.text)] == ["Allow", "Deny"]
    assert await callback.status() == "requested"


async def test_the_page_says_which_agent_asks(alice, callback):
    assert "Acts for you, with your own consent." in (await alice.get(callback.link)).text
    about = AgentAbout("Contacts <b>", "Finds people.")
    parts = callback.app.state.parts
    callback.app.state.parts = replace(parts, settings=structs.replace(parts.settings, agent_about=about))
    page = (await alice.get(callback.link)).text
    assert "Contacts &lt;b&gt;<small>Finds people.</small>" in page
    assert "Acts for you" not in page


async def test_the_page_speaks_chinese(alice, callback):
    page = await alice.get(callback.link, headers={"cookie": "fujie_session=alice-cookie; fujie_lang=zh"})
    assert [*re.findall(r"<button[^>]*>([^<]*)</button>", page.text)] == ["允许", "拒绝"]
    assert "写入您的文档" in page.text
    assert 'lang="zh-CN"' in page.text


async def test_every_page_is_kept_from_frames_caches_and_scripts(alice, bob, callback):
    for page in (await alice.get(callback.link), await bob.get(callback.link), await alice.get("/callback")):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "form-action" in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in page.text


async def test_the_form_may_lead_to_the_cloud_and_not_to_any_plain_http_host(alice, callback):
    policy = (await alice.get(callback.link)).headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:8091" in policy


async def test_a_visitor_signs_in_first_and_comes_back(callback):
    async with callback.browser() as visitor:
        answer = await visitor.get(callback.link)
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/auth/login?return_to=%2Fconnect%2F{callback.consent.id}"


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_forwarded_link_is_useless_and_stores_nothing(bob, callback, method):
    before = await callback.plane.store.consent(callback.consent.id)
    form = {"data": {"csrf_token": "csrf-bob-cookie", "answer": "allow"}} if method == "post" else {}
    page = await getattr(bob, method)(callback.link, **form)
    assert page.status_code == 403
    assert "alice" not in page.text
    assert "DingTalk" not in page.text
    assert await callback.plane.store.consent(callback.consent.id) == before
    assert callback.plane.wakes.runs == []


async def test_who_has_signed_in_again_is_told_to_ask_again_and_binds_nothing(callback):
    before = await callback.plane.store.consent(callback.consent.id)
    async with callback.browser("alice-elsewhere") as http:
        page = await http.get(callback.link)
    assert page.status_code == 403
    assert "before you signed in again" in page.text
    assert "Someone else" not in page.text
    assert await callback.plane.store.consent(callback.consent.id) == before


async def test_allow_binds_this_session_and_goes_on_to_the_cloud(alice, callback):
    answer = await allowed(alice, callback)
    assert (answer.status_code, answer.headers["location"]) == (303, AUTHORIZATION_URL)
    row = await callback.plane.store.consent(callback.consent.id)
    assert (row.status, row.bound_session_hash) == ("bound", callback.session.id_hash)
    assert callback.plane.wakes.runs == []


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"answer": "allow"}, {}),
        ({"answer": "allow", "csrf_token": "csrf-bob-cookie"}, {}),
        ({"answer": "allow", "csrf_token": "ü"}, {}),
        (FORM | {"answer": "allow"}, {"sec-fetch-site": "cross-site"}),
        (FORM | {"answer": "allow"}, {"sec-fetch-site": "same-site"}),
    ],
)
async def test_a_forged_answer_changes_nothing(alice, callback, form, headers):
    page = await alice.post(callback.link, data=form, headers=headers)
    assert page.status_code == 403
    assert await callback.status() == "requested"


async def test_an_answer_that_is_neither_changes_nothing(alice, callback):
    assert (await alice.post(callback.link, data=FORM | {"answer": "maybe"})).status_code == 400
    assert await callback.status() == "requested"


async def test_deny_is_kept_and_wakes_the_run(alice, callback):
    page = await alice.post(callback.link, data=FORM | {"answer": "deny"})
    assert page.status_code == 200
    assert "Denied" in page.text
    assert 'href="/#c-run-1"' in page.text
    assert await callback.status() == "denied"
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]


async def test_a_wake_up_that_fails_does_not_take_the_answer_back(alice, callback):
    callback.plane.wakes.is_down = True
    page = await alice.post(callback.link, data=FORM | {"answer": "deny"})
    assert page.status_code == 200
    assert await callback.status() == "denied"


async def test_an_address_that_no_credential_may_travel_to_is_not_followed(alice, callback):
    session = callback.session
    run = await callback.plane.run(session, "run-2", status="waiting")
    consent = await callback.plane.consent(session, run, authorization_url="http://evil.example/x", state_hash="other")
    answer = await alice.post(f"/connect/{consent.id}", data=FORM | {"answer": "allow"})
    assert answer.status_code == 502
    assert "location" not in answer.headers


async def test_the_return_completes_then_wakes(alice, callback):
    await allowed(alice, callback)
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 200
    assert "Allowed" in page.text
    assert 'href="/#c-run-1"' in page.text
    assert callback.completed == [callback.consent.id]
    assert await callback.status() == "completed"
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]


async def test_a_replayed_return_does_nothing_more(alice, callback):
    await allowed(alice, callback)
    await alice.get("/callback", params=RETURN)
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 409
    assert "Answered already" in page.text
    assert callback.completed == [callback.consent.id]
    assert len(callback.plane.wakes.runs) == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"state": STATE}, 400),
        ({"session_uri": SESSION_URI}, 400),
        ({"session_uri": SESSION_URI, "state": "x" * 5000}, 400),
        ({"session_uri": SESSION_URI, "state": "another"}, 404),
        ({"session_uri": "urn:other", "state": STATE}, 409),
    ],
)
async def test_a_malformed_return_is_refused_and_loses_nothing(alice, callback, params, status):
    await allowed(alice, callback)
    page = await alice.get("/callback", params=params)
    assert page.status_code == status
    assert await callback.status() == "bound"
    assert callback.completed == []
    for secret in secret_texts("alice-cookie"):
        assert secret not in page.text


@pytest.mark.parametrize(("cookie", "status"), [("bob-cookie", 403), ("alice-elsewhere", 403), ("", 401)])
async def test_only_the_browser_that_allowed_may_return(alice, callback, cookie, status):
    await allowed(alice, callback)
    async with callback.browser(cookie) as other:
        page = await other.get("/callback", params=RETURN)
    assert page.status_code == status
    assert "address of this page" in page.text
    assert await callback.status() == "bound"
    assert callback.completed == []


async def test_a_return_without_allow_is_refused(alice, callback):
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 409
    assert callback.completed == []


async def test_denied_at_the_provider_is_denied_here(alice, callback):
    await allowed(alice, callback)
    page = await alice.get("/callback", params=RETURN | {"error": "access_denied"})
    assert "Denied" in page.text
    assert await callback.status() == "denied"
    assert callback.completed == []
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]


async def test_another_error_of_the_provider_leaves_it_answerable(alice, callback):
    await allowed(alice, callback)
    page = await alice.get("/callback", params=RETURN | {"error": "server_error<script>"})
    assert page.status_code == 502
    assert "server_error" not in page.text
    assert await callback.status() == "bound"
    assert (await alice.get(callback.link)).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (CloudRefusedError("no from upstream-host", cloud_code="Forbidden"), 502, "said no"),
        (ThrottledError("busy", retry_after_s=1), 503, "Try again"),
    ],
)
async def test_a_completion_that_surely_failed_says_so_and_can_be_repeated(alice, callback, fault, status, words):
    await allowed(alice, callback)
    callback.fault = fault
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == status
    assert words in page.text
    assert "upstream-host" not in page.text
    assert await callback.status() == "bound"
    assert callback.plane.wakes.runs == []
    callback.fault = None
    assert "Allowed" in (await alice.get("/callback", params=RETURN)).text
    assert await callback.status() == "completed"


async def test_where_the_sign_in_has_ended_the_run_hears_of_it_and_nobody_waits_on(alice, callback):
    await allowed(alice, callback)
    callback.fault = DelegationExpiredError("over")
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 401
    assert "Sign in again" in page.text
    assert await callback.status() == "cancelled"
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]
    callback.fault = None
    assert (await alice.get("/callback", params=RETURN)).status_code == 410
    assert callback.completed == []


UNKNOWN_ENDS = [CloudUnavailableError("503 from upstream-host"), "hang", ValueError("a fault of ours")]


@pytest.mark.parametrize("fault", UNKNOWN_ENDS)
async def test_a_completion_whose_end_nobody_knows_is_not_repeated_and_the_run_looks(
    alice, callback, monkeypatch, fault
):
    monkeypatch.setattr(returning, "COMPLETE_DEADLINE_S", 0.05)
    await allowed(alice, callback)
    callback.fault = fault
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == (500 if isinstance(fault, ValueError) else 503)
    assert "upstream-host" not in page.text
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]
    callback.fault = None
    assert (await alice.get("/callback", params=RETURN)).status_code == 409
    assert callback.completed == []


async def test_a_completion_whose_instance_died_is_another_try_then_the_runs_to_look_at(alice, callback):
    await allowed(alice, callback)
    store, consent = callback.plane.store, callback.consent
    await store.move_consent(consent.id, ["bound"], "returned", expires_at=clock.now() + timedelta(seconds=30))
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 503
    assert "try again in a moment" in page.text
    assert await callback.status() == "returned"
    await store.move_consent(consent.id, ["returned"], "returned", expires_at=clock.now() - timedelta(seconds=1))
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 409
    assert "Answered already" in page.text
    assert await callback.status() == "completed"
    assert callback.plane.wakes.runs == [("run-1", "dlg-alice-cookie")]
    assert callback.completed == []


async def test_a_consent_cancelled_meanwhile_stays_cancelled(alice, callback):
    await allowed(alice, callback)

    callback.meanwhile = "cancelled"
    page = await alice.get("/callback", params=RETURN)
    assert "No longer needed" in page.text
    assert await callback.status() == "cancelled"
    assert callback.plane.wakes.runs == []


@pytest.mark.parametrize("status", [*OUTCOMES])
async def test_a_link_that_is_over_says_how_it_ended(alice, callback, status):
    await callback.plane.store.move_consent(callback.consent.id, ["requested"], status)
    page = await alice.get(callback.link)
    assert WORDS["en"][f"{OUTCOMES[status].words}_title"] in page.text
    assert "<form" not in page.text
    assert page.status_code == max(OUTCOMES[status].status, 409)


async def test_an_expired_link_says_so_before_anyone_has_moved_it(alice, callback):
    session = callback.session
    run = await callback.plane.run(session, "run-2", status="waiting")
    past = clock.now() - timedelta(seconds=1)
    consent = await callback.plane.consent(session, run, expires_at=past, created_at=LONG_AGO, state_hash="other")
    page = await alice.get(f"/connect/{consent.id}")
    assert page.status_code == 410
    assert "expired" in page.text
    answer = await alice.post(f"/connect/{consent.id}", data=FORM | {"answer": "allow"})
    assert answer.status_code == 410


async def test_an_unknown_link_is_a_page_too(alice):
    page = await alice.get("/connect/never-made")
    assert page.status_code == 404
    assert "never-made" not in page.text


async def test_a_fault_of_ours_is_a_page_that_tells_nothing(alice, callback):
    await allowed(alice, callback)
    callback.fault = RuntimeError(f"secret {STATE}")
    page = await alice.get("/callback", params=RETURN)
    assert page.status_code == 500
    assert STATE not in page.text
    assert "RuntimeError" not in page.text


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        ("zh", "en", "zh"),
        ("en", "zh-CN", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "fr,zh;q=0.5", "zh"),
        (None, "de", "en"),
        ("<script>", "", "en"),
        (None, "", "en"),
    ],
)
def test_the_language_is_the_browsers(cookie, accept, language):
    assert language_of(cookie, accept) == language


def test_both_languages_have_every_sentence():
    assert WORDS["en"].keys() == WORDS["zh"].keys()


async def test_one_answer_wakes_every_run_of_the_person_that_waits_for_it(callback, alice):
    plane = callback.plane
    other = await plane.run(callback.session, "run-2", status="waiting")
    alike = await plane.consent(callback.session, other, scopes=("document.read",), state_hash="other")
    more = await plane.consent(callback.session, other, id="more", scopes=("admin",), state_hash="more")
    await plane.store.move_consent(
        callback.consent.id, ["requested"], "bound", bound_session_hash=callback.session.id_hash
    )
    await alice.get("/callback", params={"session_uri": SESSION_URI, "state": STATE})
    assert [run for run, _ in plane.wakes.runs] == ["run-1", "run-2"]
    assert (await plane.store.consent(alike.id)).status == "completed"
    assert (await plane.store.consent(more.id)).status == "requested"


async def test_an_answer_whose_end_nobody_knows_answers_for_one_run_alone(callback, alice):
    callback.fault = CloudUnavailableError("cut off")
    other = await callback.plane.run(callback.session, "run-2", status="waiting")
    alike = await callback.plane.consent(callback.session, other, state_hash="other")
    await callback.plane.store.move_consent(
        callback.consent.id, ["requested"], "bound", bound_session_hash=callback.session.id_hash
    )
    await alice.get("/callback", params={"session_uri": SESSION_URI, "state": STATE})
    assert [run for run, _ in callback.plane.wakes.runs] == ["run-1"]
    assert (await callback.plane.store.consent(alike.id)).status == "requested"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer "}])
async def test_a_sign_out_is_heard_from_chat_alone(alice, headers):
    assert (await alice.post("/callback/sign-out", headers=headers)).status_code == 401
