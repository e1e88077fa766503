import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from fujie.identity.consent import TTL, ConsentAsk, words_from_consent
from fujie.identity.errors import ConsentForeignError, ConsentNotFoundError, ConsentStateError
from fujie.permission import Scope
from fujie.secret import Secret
from tests.identity.world import ALICE, BOB, acting_as, browser_session, everything_said

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


@pytest.fixture
async def request_(desk, clock):
    return await desk.request(
        acting_as(),
        "dingtalk",
        ("document.read", "document.write"),
        ASK,
        session_uri=URI,
        authorization_url=URL,
        state=Secret(STATE),
        expires_at=clock() + TTL,
    )


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
    clock.advance(minutes=10)
    assert await desk.open_request(acting_as(), "dingtalk", scopes) is None


async def test_allow_may_be_pressed_again_in_the_same_browser(desk, request_):
    await desk.allow(request_.consent_id, browser_session())
    assert await desk.allow(request_.consent_id, browser_session()) == URL


async def test_deny_ends_the_request(desk, request_):
    assert (await desk.deny(request_.consent_id, browser_session())).status == "denied"
    with pytest.raises(ConsentStateError):
        await desk.allow(request_.consent_id, browser_session())


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
    with pytest.raises(ConsentNotFoundError):
        await desk.look("x", browser_session())
    for state in ("x", "", "x" * 10000):
        with pytest.raises(ConsentNotFoundError):
            await desk.take_return(session_uri=URI, state=state, session=browser_session())


async def test_a_late_answer_is_refused_and_the_request_expires_once(desk, request_, clock):
    await desk.allow(request_.consent_id, browser_session())
    clock.advance(minutes=9, seconds=30)
    with pytest.raises(ConsentStateError):
        await desk.look(request_.consent_id, browser_session())
    with pytest.raises(ConsentStateError):
        await desk.take_return(session_uri=URI, state=STATE, session=browser_session())
    assert [consent.id for consent in await desk.expire_due()] == [request_.consent_id]
    assert await desk.expire_due() == []


async def test_who_came_back_in_time_is_not_expired_while_the_cloud_is_told(desk, request_, clock):
    await desk.allow(request_.consent_id, browser_session())
    clock.advance(minutes=9, seconds=29)
    await desk.take_return(session_uri=URI, state=STATE, session=browser_session())
    clock.advance(seconds=30)
    assert await desk.expire_due() == []
    clock.advance(minutes=1)
    assert len(await desk.expire_due()) == 1


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
    with pytest.raises(ConsentForeignError):
        await desk.allow(request.consent_id, second)
    with pytest.raises(ConsentForeignError):
        await desk.take_return(session_uri=URI, state=STATE, session=second)
    await desk.take_return(session_uri=URI, state=STATE, session=first)
