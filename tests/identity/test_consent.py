import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from fujie.identity.consent import (
    TTL,
    ConsentAsk,
    ConsentDesk,
    ConsentWords,
    by_language,
    in_language,
    words_from_ask,
    words_from_consent,
)
from fujie.identity.delegation import sha256_hex
from fujie.identity.errors import ConsentForeignError, ConsentNotFoundError, ConsentStateError
from fujie.identity.rows import OWN, Consent
from fujie.permission import ConsentRequest, Scope
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from tests.identity.world import ALICE, BOB, SETTINGS, START, acting_as, browser_session, everything_said

URI = "urn:ietf:params:oauth:request_uri:1"
URL = "https://data.example/oauth2/authorize?request_uri=" + URI
STATE = "state-1"
ASK = ConsentAsk(
    tool="write_document",
    call_id="call-1",
    reason={"en": "to write it down", "zh": "为了写下来"},
    provider_name="DingTalk",
    scope_words={"document.write": {"en": "write documents", "zh": "写文档"}, "document.read": "read documents"},
    language="zh",
)


async def asked_for(desk, *, acting=None, scopes=("document.read", "document.write"), state=STATE, ask=ASK, **more):
    return await desk.request(
        acting or acting_as(),
        "dingtalk",
        scopes,
        ask,
        session_uri=URI,
        authorization_url=URL,
        state=Secret(state),
        expires_at=START + TTL,
        **more,
    )


@pytest.fixture
async def request_(desk):
    return await asked_for(desk)


class Overtaken(MemoryStore):
    """A store in which somebody else gives the request its outcome just before the next step is taken."""

    async def move_consent(self, consent_id, expected, status, **more):
        await super().move_consent(consent_id, ["requested", "bound"], "cancelled")
        return await super().move_consent(consent_id, expected, status, **more)


async def test_the_user_is_shown_our_page_and_never_the_providers(request_, store):
    assert request_.connect_url == f"https://stack.example/connect/{request_.consent_id}"
    assert request_.provider_name == "DingTalk"
    assert request_.reason == "为了写下来"
    assert request_.scopes == (
        Scope("document.read", {"en": "read documents"}),
        Scope("document.write", {"en": "write documents", "zh": "写文档"}),
    )
    assert "data.example" not in everything_said(request_)


async def test_the_store_keeps_the_words_and_only_the_hash_of_the_state(request_, store):
    row = await store.consent(request_.consent_id)
    assert words_from_consent(row).reason["en"] == "to write it down"
    assert STATE not in everything_said(row)
    json.loads(row.words)


async def test_the_store_keeps_whose_request_it_is_for_what_and_in_which_browser_it_began(request_, store):
    acting = acting_as()
    assert await store.consent(request_.consent_id) == Consent(
        id=request_.consent_id,
        user=ALICE,
        run_id="run-1",
        call_id="call-1",
        delegation_id=acting.run.delegation_id,
        provider="dingtalk",
        scopes=("document.read", "document.write"),
        tool="write_document",
        reason="为了写下来",
        state_hash=sha256_hex(STATE),
        session_uri=URI,
        authorization_url=URL,
        status="requested",
        created_at=START,
        expires_at=START + TTL,
        session_hash="browser-1",
        words=words_from_ask(ASK),
    )
    assert "为了写下来" in words_from_ask(ASK)


async def test_the_user_is_shown_provider_tool_and_until_when(request_):
    assert request_ == ConsentRequest(
        consent_id=request_.consent_id,
        provider="dingtalk",
        provider_name="DingTalk",
        scopes=request_.scopes,
        tool="write_document",
        reason="为了写下来",
        connect_url=request_.connect_url,
        expires_at="2026-11-21T09:09:30+00:00",
    )


async def test_no_two_requests_have_the_same_link_and_nobody_guesses_one(desk):
    ids = {(await asked_for(desk, state=str(number))).consent_id for number in range(20)}
    assert len(ids) == 20
    assert all(len(link) >= 43 for link in ids)


async def test_a_request_that_goes_beyond_a_permission_says_what_stands_in_its_old_words(desk, store):
    known = words_from_ask(replace(ASK, scope_words={"document.list": {"en": "list documents"}}))
    request = await asked_for(desk, scopes=("document.list", "document.read"), known_words=known)
    assert request.scopes == (
        Scope("document.list", {"en": "list documents"}),
        Scope("document.read", {"en": "read documents"}),
    )


async def test_allow_then_return_then_completed(desk, request_):
    session = browser_session()
    assert await desk.allow(request_.consent_id, session) == URL
    returned = await desk.take_return(session_uri=URI, state=STATE, session=session)
    assert returned.status == "returned"
    assert (await desk.settle(request_.consent_id, "completed")).status == "completed"
    assert await desk.settle(request_.consent_id, "denied") is None


async def test_a_run_that_waits_gets_the_same_request_again(desk, request_, clock):
    scopes = ("document.write", "document.read")
    assert await desk.open_request(acting_as(), "dingtalk", scopes) == request_
    assert await desk.open_request(acting_as(), "dingtalk", ("document.read",)) is None
    assert await desk.open_request(acting_as(), "other", scopes) is None
    assert await desk.open_request(acting_as(run_id="run-2"), "dingtalk", scopes) is None
    assert await desk.open_request(acting_as(BOB), "dingtalk", scopes) is None
    clock.advance(minutes=9, seconds=30)
    assert await desk.open_request(acting_as(), "dingtalk", scopes) is None


async def test_allow_may_be_pressed_again_in_the_same_browser(desk, request_):
    await desk.allow(request_.consent_id, browser_session())
    assert await desk.allow(request_.consent_id, browser_session()) == URL


async def test_deny_ends_the_request(desk, request_):
    assert (await desk.deny(request_.consent_id, browser_session())).status == "denied"
    with pytest.raises(ConsentStateError, match=r"^this request is denied$"):
        await desk.allow(request_.consent_id, browser_session())


async def test_who_is_overtaken_is_told_so_and_changes_nothing(clock):
    desk = ConsentDesk(SETTINGS, Overtaken(), now=clock)
    for number, answer in enumerate((desk.allow, desk.deny)):
        request = await asked_for(desk, state=str(number))
        with pytest.raises(ConsentStateError, match=r"^this request was answered a moment ago$"):
            await answer(request.consent_id, browser_session())
        assert (await desk._store.consent(request.consent_id)).status == "cancelled"


async def test_a_return_that_is_overtaken_is_told_so(clock, store, desk, request_):
    await desk.allow(request_.consent_id, browser_session())
    hasty = Overtaken()
    await hasty.add_consent(await store.consent(request_.consent_id))
    with pytest.raises(ConsentStateError, match=r"^this request was answered a moment ago$"):
        await ConsentDesk(SETTINGS, hasty, now=clock).take_return(
            session_uri=URI, state=STATE, session=browser_session()
        )


async def test_of_deny_and_allow_at_once_one_holds(desk, request_, store):
    outcomes = await asyncio.gather(
        desk.allow(request_.consent_id, browser_session()),
        desk.deny(request_.consent_id, browser_session()),
        return_exceptions=True,
    )
    status = (await store.consent(request_.consent_id)).status
    assert status == "denied"
    assert not isinstance(outcomes[1], Exception)


async def test_a_request_that_nobody_made_is_not_found(desk):
    with pytest.raises(ConsentNotFoundError, match=r"^there is no such request for permission$"):
        await desk.look("x", browser_session())
    for state in ("x", "", "x" * 10000):
        with pytest.raises(ConsentNotFoundError):
            await desk.take_return(session_uri=URI, state=state, session=browser_session())


@pytest.mark.parametrize(("length", "is_found"), [(0, False), (1, True), (512, True), (513, False)])
async def test_a_state_has_one_to_512_characters_or_is_not_looked_for(desk, length, is_found):
    state = "x" * length
    request = await asked_for(desk, state=state)
    await desk.allow(request.consent_id, browser_session())
    returning = desk.take_return(session_uri=URI, state=state, session=browser_session())
    if is_found:
        assert (await returning).id == request.consent_id
        return
    with pytest.raises(ConsentNotFoundError):
        await returning


async def test_a_refusal_says_whose_the_request_is_and_of_which_browser(desk, request_):
    alices_other = browser_session(ALICE, "browser-2")
    for session, why in (
        (browser_session(BOB), "this request for permission belongs to somebody else"),
        (alices_other, "this request for permission was made in another browser session"),
    ):
        with pytest.raises(ConsentForeignError, match=f"^{why}$"):
            await desk.look(request_.consent_id, session)


async def test_a_return_says_what_it_does_not_belong_to(desk, request_):
    with pytest.raises(ConsentStateError, match=r"^this request is requested$"):
        await desk.take_return(session_uri=URI, state=STATE, session=browser_session())
    await desk.allow(request_.consent_id, browser_session())
    with pytest.raises(ConsentStateError, match=r"^the answer belongs to another request$"):
        await desk.take_return(session_uri=URI + "2", state=STATE, session=browser_session())


async def test_a_late_answer_is_refused_and_the_request_expires_once(desk, request_, clock):
    await desk.allow(request_.consent_id, browser_session())
    clock.advance(minutes=9, seconds=30)
    with pytest.raises(ConsentStateError, match=r"^the time to answer this request is over$"):
        await desk.look(request_.consent_id, browser_session())
    with pytest.raises(ConsentStateError):
        await desk.take_return(session_uri=URI, state=STATE, session=browser_session())
    assert [(row.id, row.status) for row in await desk.expire_due()] == [(request_.consent_id, "expired")]
    assert await desk.expire_due() == []


async def came_back(desk, request_, clock, **after):
    await desk.allow(request_.consent_id, browser_session())
    clock.advance(**after)
    return await desk.take_return(session_uri=URI, state=STATE, session=browser_session())


async def test_who_came_back_in_time_is_not_expired_while_the_cloud_is_told(desk, request_, clock):
    await came_back(desk, request_, clock, minutes=9, seconds=29)
    clock.advance(seconds=29)
    assert await desk.expire_due() == []


async def test_what_came_back_and_nobody_completed_counts_as_completed_so_that_the_run_asks_the_cloud(
    desk, request_, clock, store
):
    await came_back(desk, request_, clock, minutes=1)
    clock.advance(seconds=30)
    assert [(row.id, row.status) for row in await desk.expire_due()] == [(request_.consent_id, "completed")]
    assert await desk.expire_due() == []
    assert await store.grants(ALICE) == [], "nobody knows what the cloud has"
    assert await store.ledger_head() == (0, "")


async def test_what_surely_was_not_completed_may_be_answered_for_as_long_as_before(desk, request_, clock):
    await desk.reopen(await came_back(desk, request_, clock, minutes=1))
    clock.advance(minutes=8, seconds=29)
    assert (await desk.look(request_.consent_id, browser_session())).status == "bound"
    clock.advance(seconds=1)
    assert [row.status for row in await desk.expire_due()] == ["expired"]


@pytest.mark.parametrize("outcome", ["denied", "expired", "cancelled"])
async def test_a_request_that_did_not_come_back_is_never_completed(desk, request_, outcome):
    assert await desk.settle(request_.consent_id, "completed") is None
    assert (await desk.settle(request_.consent_id, outcome)).status == outcome


async def test_a_direct_call_is_answered_by_any_browser_of_its_user_and_then_only_that_one(desk, clock):
    request = await desk.request(
        acting_as(session_hash=""),
        "dingtalk",
        ("document.read",),
        replace(ASK, reason="plain"),
        session_uri=URI,
        authorization_url=URL,
        state=Secret(STATE),
        expires_at=clock() + timedelta(minutes=9),
    )
    assert request.reason == "plain"
    first, second = browser_session(ALICE, "one"), browser_session(ALICE, "two")
    await desk.allow(request.consent_id, first)
    with pytest.raises(ConsentForeignError, match=r"^this request is being answered in another browser$"):
        await desk.allow(request.consent_id, second)
    with pytest.raises(ConsentForeignError, match=r"^this request was allowed in another browser$"):
        await desk.take_return(session_uri=URI, state=STATE, session=second)
    await desk.take_return(session_uri=URI, state=STATE, session=first)


async def test_one_answer_completes_what_else_the_person_is_asked_for_that_it_covers(desk, store):
    given = await asked_for(desk, scopes=("document.read", "document.write"), state="0")
    covered = await asked_for(desk, acting=acting_as(run_id="run-2"), scopes=("document.read",), state="1")
    bound = await asked_for(desk, acting=acting_as(run_id="run-3"), state="2")
    beyond = await asked_for(desk, scopes=("document.read", "document.delete"), state="3")
    bobs = await asked_for(desk, acting=acting_as(BOB), scopes=("document.read",), state="4")
    back = await asked_for(desk, acting=acting_as(run_id="run-4"), state="5")
    kept = await store.consent(covered.consent_id)
    own = structs.replace(kept, id="own", run_id="run-5", scopes=(), state_hash=f"{OWN}own")
    await store.add_consent(own)
    for request in (given, bound, back):
        await desk.allow(request.consent_id, browser_session())
    for state in ("0", "5"):
        await desk.take_return(session_uri=URI, state=state, session=browser_session())
    completed = await desk.settle(given.consent_id, "completed")
    assert {row.id for row in await desk.answer_alike(completed)} == {covered.consent_id, bound.consent_id}
    statuses = [(await store.consent(row.consent_id)).status for row in (covered, bound, beyond, bobs, back)]
    assert statuses == ["completed", "completed", "requested", "requested", "returned"]
    assert await store.consent("own") == own, "what another workload needs was not allowed by this"


async def test_an_answer_that_was_given_meanwhile_is_not_given_again(clock):
    store = Overtaken()
    desk = ConsentDesk(SETTINGS, store, now=clock)
    await asked_for(desk)
    asked = await store.consent_by_state(sha256_hex(STATE))
    assert await desk.answer_alike(structs.replace(asked, id="other", status="completed")) == []


async def test_a_request_kept_without_words_is_shown_by_its_names(store, request_):
    row = await store.consent(request_.consent_id)
    for words in ("", "{}"):
        assert words_from_consent(structs.replace(row, words=words)) == ConsentWords(
            "dingtalk", {"en": "为了写下来"}, (Scope("document.read", {}), Scope("document.write", {}))
        )
    odd = words_from_consent(structs.replace(row, words='{"scopes": {"document.read": {"en": "read"}}}'))
    assert odd.scopes == (Scope("document.read", {"en": "read"}), Scope("document.write", {}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"en": "one", "zh": "二"}, "二"),
        ({"de": "drei", "en": "one"}, "one"),
        ({"de": "drei"}, "drei"),
        ({}, ""),
    ],
)
def test_words_are_said_in_the_language_else_in_english_else_in_any(words, said):
    assert in_language(words, "zh") == said


def test_a_plain_text_counts_as_english_and_none_as_nothing():
    assert by_language("one") == {"en": "one"}
    assert by_language("") == {}
    assert by_language({"zh": "二"}) == {"zh": "二"}
