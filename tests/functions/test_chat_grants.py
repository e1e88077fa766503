"""What a person has allowed: listed for him alone, and withdrawn by his own page alone."""

from datetime import timedelta

import pytest

from fujie import clock
from fujie.identity.rows import Grant
from tests.functions.plane import ALICE, BOB, WORDS
from tests.functions.test_chat import CSRF, made

BOBS_CSRF = {"x-csrf-token": "csrf-bob-cookie"}


@pytest.fixture
async def chat():
    chat = await made()
    now = clock.now()
    scopes = ("document.read", "document.write")
    alices = Grant("g-alice", ALICE, "dingtalk", scopes, now, now + timedelta(hours=1), words=WORDS)
    for grant in (
        alices,
        Grant("g-time", ALICE, "time", ("time.read",), now),
        Grant("g-bob", BOB, "time", ("t",), now),
    ):
        await chat.plane.store.give_grant(grant, revives=True)
    return chat


async def test_grants_are_listed_with_their_words_for_their_owner_alone(chat):
    async with chat.browser("alice-cookie") as http:
        dingtalk, time = (await http.get("/api/grants")).json()["grants"]
    assert dingtalk["provider_name"] == "DingTalk & Co"
    write = {"name": "document.write", "words": {"en": "Write to your documents", "zh": "写入您的文档"}}
    assert dingtalk["scopes"] == [{"name": "document.read", "words": {}}, write]
    assert dingtalk["granted_at"] < dingtalk["last_used_at"]
    assert (time["provider_name"], time["last_used_at"]) == ("time", None)
    async with chat.browser("bob-cookie") as http:
        assert [row["id"] for row in (await http.get("/api/grants")).json()["grants"]] == ["g-bob"]


async def test_a_visitor_sees_and_withdraws_nothing(chat):
    async with chat.browser() as http:
        assert (await http.get("/api/grants")).status_code == 401
        assert (await http.delete("/api/grants/g-alice", headers=CSRF)).status_code == 401
    assert len(await chat.plane.store.grants(ALICE)) == 2


async def test_a_withdrawn_grant_is_gone_and_marked_so_that_every_copy_hears_of_it(chat):
    async with chat.browser("alice-cookie") as http:
        gone = await http.delete("/api/grants/g-alice", headers=CSRF)
        assert (gone.status_code, gone.json()) == (200, {"at_provider": "unreached"})
        assert [row["id"] for row in (await http.get("/api/grants")).json()["grants"]] == ["g-time"]
        assert (await http.delete("/api/grants/g-alice", headers=CSRF)).status_code == 404
    kept = await chat.plane.store.grant(ALICE, "dingtalk")
    assert (kept.generation, kept.withdrawn_at is None) == (1, False)


async def test_somebody_elses_grant_is_not_found_and_stands(chat):
    async with chat.browser("bob-cookie") as http:
        assert (await http.delete("/api/grants/g-alice", headers=BOBS_CSRF)).status_code == 404
    assert len(await chat.plane.store.grants(ALICE)) == 2


@pytest.mark.parametrize("headers", [{}, BOBS_CSRF, CSRF | {"sec-fetch-site": "cross-site"}, CSRF | {"origin": "null"}])
async def test_another_page_withdraws_nothing(chat, headers):
    async with chat.browser("alice-cookie") as http:
        assert (await http.delete("/api/grants/g-alice", headers=headers)).status_code == 403
    assert len(await chat.plane.store.grants(ALICE)) == 2
