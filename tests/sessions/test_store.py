"""One contract, every adapter: memory, SQLite, PostgreSQL."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from msgspec.structs import replace

from fujie.sessions.errors import ConflictError, FencedError
from fujie.sessions.port import RunEnd
from fujie.sessions.rows import AgentState, Claim, Conversation, Deed
from tests.sessions.rows import (
    ADDRESS,
    ALICE,
    ATTEMPT,
    BOB,
    CONSENT,
    CONVERSATION,
    DELEGATION,
    ENTRY,
    GRANT,
    LATER,
    NOW,
    RUN,
    SEALED,
    SESSION,
    with_run,
)

# Sign-in


async def test_a_login_attempt_is_taken_once(store):
    await store.add_login_attempt(ATTEMPT)
    assert await store.take_login_attempt("state") == ATTEMPT
    assert await store.take_login_attempt("state") is None


async def test_of_many_who_take_a_login_attempt_at_once_one_gets_it(rivals):
    await rivals[0].add_login_attempt(ATTEMPT)
    taken = await asyncio.gather(*(rivals[turn % 2].take_login_attempt("state") for turn in range(12)))
    assert [attempt for attempt in taken if attempt] == [ATTEMPT]


async def test_login_attempts_whose_time_is_over_are_forgotten_and_no_others(store):
    await store.add_login_attempt(ATTEMPT)
    await store.add_login_attempt(
        replace(ATTEMPT, state_hash="old", expires_at=ATTEMPT.expires_at - timedelta(hours=1))
    )
    await store.forget_login_attempts(ATTEMPT.expires_at - timedelta(minutes=1))
    assert await store.take_login_attempt("old") is None
    assert await store.take_login_attempt("state") == ATTEMPT


async def test_a_login_state_cannot_be_added_twice(store):
    await store.add_login_attempt(ATTEMPT)
    with pytest.raises(ConflictError):
        await store.add_login_attempt(replace(ATTEMPT, nonce="another"))


async def test_a_browser_session_comes_back_as_it_was_until_deleted(store):
    await store.add_browser_session(SESSION)
    assert await store.browser_session("cookie") == SESSION
    await store.delete_browser_session("cookie")
    assert await store.browser_session("cookie") is None


async def test_touching_a_browser_session_moves_only_its_idle_end(store):
    await store.add_browser_session(SESSION)
    await store.touch_browser_session("cookie", LATER + timedelta(hours=1))
    assert await store.browser_session("cookie") == replace(SESSION, idle_expires_at=LATER + timedelta(hours=1))


# Delegations


async def test_a_delegation_comes_back_and_can_be_resealed(store):
    await store.add_delegation(DELEGATION)
    await store.reseal_delegation("dlg-1", "other.jwe", LATER + timedelta(hours=1))
    expected = replace(DELEGATION, sealed="other.jwe", expires_at=LATER + timedelta(hours=1))
    assert await store.delegation("dlg-1") == expected


async def test_a_withdrawn_delegation_stays_withdrawn_at_its_first_time_and_is_not_resealed(store):
    await store.add_delegation(DELEGATION)
    await store.withdraw_delegation("dlg-1", NOW)
    await store.withdraw_delegation("dlg-1", LATER)
    await store.reseal_delegation("dlg-1", "other.jwe", LATER + timedelta(hours=1))
    assert await store.delegation("dlg-1") == replace(DELEGATION, withdrawn_at=NOW)


async def test_a_delegation_nobody_added_is_not_there(store):
    assert await store.delegation("nobody") is None


async def test_a_delegation_is_there_once_and_who_adds_it_second_gets_the_first(rivals):
    others = [replace(DELEGATION, sealed=f"{number}.jwe") for number in range(6)]
    added = await asyncio.gather(*(rivals[turn % 2].add_delegation(row) for turn, row in enumerate(others)))
    assert set(added) == {await rivals[0].delegation("dlg-1")}


async def test_what_ended_before_is_forgotten_save_a_delegation_whose_session_is_there(store):
    await store.add_browser_session(SESSION)
    await store.add_browser_session(replace(SESSION, id_hash="fresh", idle_expires_at=LATER + timedelta(hours=1)))
    for id_, session in (("of-ended", "cookie"), ("of-fresh", "fresh"), ("direct", "")):
        await store.add_delegation(replace(DELEGATION, id=id_, session_hash=session))
    await store.add_delegation(replace(DELEGATION, id="young", session_hash="", expires_at=LATER + timedelta(hours=1)))
    await store.forget_ended_sign_ins(LATER, 10)
    assert await store.browser_session("cookie") is None
    assert await store.browser_session("fresh") is not None
    kept = [id_ for id_ in ("of-ended", "of-fresh", "direct", "young") if await store.delegation(id_)]
    assert kept == ["of-fresh", "young"]


async def test_no_more_is_forgotten_at_once_than_was_said(store):
    for number in range(5):
        await store.add_delegation(replace(DELEGATION, id=f"d{number}"))
        await store.add_browser_session(replace(SESSION, id_hash=f"s{number}"))
    await store.forget_ended_sign_ins(LATER, 2)
    assert len([n for n in range(5) if await store.delegation(f"d{n}")]) == 3
    assert len([n for n in range(5) if await store.browser_session(f"s{n}")]) == 3


# Conversations and runs


async def test_a_conversation_id_exists_once(store):
    await store.add_conversation(CONVERSATION)
    with pytest.raises(ConflictError):
        await store.add_conversation(replace(CONVERSATION, user=BOB))
    assert await store.conversation("talk") == CONVERSATION


async def test_conversations_are_the_users_own_newest_first(store):
    for index, user in enumerate((ALICE, BOB, ALICE, replace(ALICE, tenant="other"))):
        at = NOW + timedelta(seconds=index)
        await store.add_conversation(replace(CONVERSATION, id=f"talk-{index}", user=user, updated_at=at))
    renamed = replace(ALICE, name="Alice L.")
    assert [row.id for row in await store.conversations(renamed)] == ["talk-2", "talk-0"]
    assert [row.id for row in await store.conversations(ALICE, limit=1)] == ["talk-2"]


async def test_a_new_run_makes_its_conversation_the_newest(store):
    await with_run(store, created_at=LATER)
    assert (await store.conversation("talk")).updated_at == LATER


@pytest.mark.parametrize("status", ["running", "waiting"])
async def test_a_conversation_with_an_unfinished_run_takes_no_other(store, status):
    await with_run(store, status=status)
    with pytest.raises(ConflictError):
        await with_run(store, id="run-2")
    assert [row.id for row in await store.runs("talk")] == ["run-1"]


async def test_of_many_questions_at_once_in_one_conversation_one_becomes_a_run(rivals):
    await rivals[0].add_conversation(CONVERSATION)
    runs = [replace(RUN, id=f"run-{turn}") for turn in range(10)]
    adding = (rivals[turn % 2].add_run(run) for turn, run in enumerate(runs))
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, ConflictError) for outcome in outcomes)


async def test_a_conversation_goes_on_after_its_run_ended_and_runs_are_oldest_first(store):
    await with_run(store, id="run-b", status="completed", created_at=LATER)
    await with_run(store, id="run-a", status="failed", created_at=NOW)
    await with_run(store, id="run-c", created_at=LATER + timedelta(seconds=1))
    assert [row.id for row in await store.runs("talk")] == ["run-a", "run-b", "run-c"]


async def test_a_run_enters_no_conversation_of_somebody_else(store):
    await store.add_conversation(CONVERSATION)
    with pytest.raises(ConflictError):
        await store.add_run(replace(RUN, user=BOB))
    with pytest.raises(ConflictError):
        await store.add_run(replace(RUN, conversation_id="nowhere"))
    assert await store.run("run-1") is None


async def test_a_persons_runs_are_listed_over_all_conversations_the_last_that_changed_first(store):
    await with_run(store, status="completed")
    await with_run(store, id="run-2", conversation_id="other", updated_at=LATER)
    await with_run(store, id="run-3", conversation_id="bobs", user=BOB)
    assert [run.id for run in await store.runs_of(ALICE)] == ["run-2", "run-1"]
    assert [run.id for run in await store.runs_of(ALICE, limit=1)] == ["run-2"]


async def test_an_address_is_kept_for_its_run_until_it_is_dropped(store):
    await with_run(store)
    await with_run(store, id="run-2", conversation_id="other")
    for address in (ADDRESS, replace(ADDRESS, id="b"), replace(ADDRESS, run_id="run-2")):
        await store.put_push_address(address)
    await store.put_push_address(replace(ADDRESS, sealed="newer"))
    found = await store.push_addresses("run-1")
    assert [(address.id, address.sealed) for address in found] == [("a", "newer"), ("b", ADDRESS.sealed)]
    await store.drop_push_addresses("run-1", "b")
    assert [address.id for address in await store.push_addresses("run-1")] == ["a"]
    await store.drop_push_addresses("run-1")
    assert await store.push_addresses("run-1") == []
    assert len(await store.push_addresses("run-2")) == 1


async def test_what_an_agent_keeps_of_a_session_is_numbered_and_its_own_alone(store):
    states = [AgentState(ALICE, "s", "plan", number, f"[{number}]") for number in (1, 2, 10)]
    for state in [*states, replace(states[0], name="other"), replace(states[0], session_id="s2")]:
        await store.put_agent_state(state)
    assert await store.agent_states(ALICE, "s", "plan") == states
    assert await store.agent_states(ALICE, "s", "plan", limit=1) == [states[-1]]
    assert await store.agent_states(replace(ALICE, tenant="elsewhere"), "s", "plan") == []
    assert await store.agent_states(BOB, "s", "plan") == []
    assert await store.agent_state_sessions(ALICE, "plan") == ["s", "s2"]
    assert await store.agent_state_sessions(BOB, "plan") == []


async def test_an_agents_older_states_go_and_a_number_is_written_anew(store):
    for number in range(5):
        await store.put_agent_state(AgentState(ALICE, "s", "plan", number, "old"), keep=2)
    await store.put_agent_state(AgentState(ALICE, "s", "plan", 4, "new"), keep=2)
    kept = await store.agent_states(ALICE, "s", "plan")
    assert [(state.number, state.value) for state in kept] == [(3, "old"), (4, "new")]
    await store.drop_agent_states(ALICE, "s", "plan")
    assert await store.agent_states(ALICE, "s", "plan") == []


async def test_a_run_comes_back_as_it_was(store):
    run = await with_run(store, lease_owner="one", lease_expires_at=LATER, fence=3, error="说明")
    assert await store.run("run-1") == run


async def test_leasing_sets_a_run_to_running_with_a_raised_fence(store):
    run = await with_run(store, status="waiting")
    leased = await store.lease_run("run-1", "one", LATER, LATER + timedelta(minutes=1), ["waiting"])
    until = LATER + timedelta(minutes=1)
    expected = replace(run, status="running", fence=1, lease_owner="one", lease_expires_at=until, updated_at=LATER)
    assert leased == expected
    assert await store.run("run-1") == expected


@pytest.mark.parametrize(
    ("owner", "at", "expected", "gets_it"),
    [
        ("two", NOW, ["running"], False),
        ("one", NOW, ["running"], True),
        ("two", LATER, ["running"], True),
        ("two", LATER, ["waiting"], False),
        ("two", LATER, [], False),
    ],
    ids=["held by another", "its own holder", "the lease ended", "another status", "no status"],
)
async def test_a_held_run_is_leased_only_when_free_and_as_expected(store, owner, at, expected, gets_it):
    await with_run(store, lease_owner="one", lease_expires_at=LATER)
    leased = await store.lease_run("run-1", owner, at, LATER + timedelta(minutes=1), expected)
    assert (leased is not None) is gets_it


async def test_of_many_workers_at_once_one_leases_the_run(rivals):
    await with_run(rivals[0], status="waiting")
    until = LATER + timedelta(minutes=1)
    leasing = (rivals[turn % 2].lease_run("run-1", f"worker-{turn}", NOW, until, ["waiting"]) for turn in range(12))
    leased = [run for run in await asyncio.gather(*leasing) if run]
    assert len(leased) == 1
    assert leased[0].fence == 1
    assert (await rivals[1].run("run-1")).lease_owner == leased[0].lease_owner


async def test_nobody_leases_a_run_that_is_not_there(store):
    assert await store.lease_run("nobody", "one", NOW, LATER, ["waiting"]) is None


async def test_saving_writes_what_changed_and_keeps_the_rest(store):
    run = await with_run(store, lease_owner="one", lease_expires_at=NOW, error="old")
    await store.save_run("run-1", 0, status="running", now=LATER, history="[1]", lease_expires_at=LATER)
    expected = replace(run, history="[1]", updated_at=LATER, lease_expires_at=LATER)
    assert await store.run("run-1") == expected


async def test_saving_another_status_ends_the_lease(store):
    await with_run(store, lease_owner="one", lease_expires_at=LATER)
    await store.save_run(
        "run-1", 0, status="waiting", now=NOW, pending='{"call": "c"}', error="", lease_expires_at=LATER
    )
    run = await store.run("run-1")
    assert (run.status, run.pending, run.lease_owner, run.lease_expires_at) == ("waiting", '{"call": "c"}', "", None)


async def test_a_worker_with_an_older_fence_writes_nothing(store):
    await with_run(store, status="waiting")
    await store.lease_run("run-1", "one", NOW, LATER, ["waiting"])
    await store.lease_run("run-1", "two", LATER, LATER + timedelta(minutes=1), ["running"])
    with pytest.raises(FencedError):
        await store.save_run("run-1", 1, status="completed", now=LATER)
    with pytest.raises(FencedError):
        await store.append_events("run-1", 1, 0, ["{}"])
    assert (await store.run("run-1")).status == "running"
    assert await store.events("run-1") == []


async def test_a_run_begins_with_its_conversation_which_may_be_new(store):
    await store.begin_run(replace(RUN, created_at=NOW, updated_at=NOW), "Hello")
    assert await store.run(RUN.id) == replace(RUN, created_at=NOW, updated_at=NOW)
    talk = Conversation(RUN.conversation_id, RUN.user, "Hello", NOW, NOW)
    assert await store.conversation(RUN.conversation_id) == talk
    await store.save_run(RUN.id, RUN.fence, status="completed", now=NOW)
    await store.begin_run(replace(RUN, id="run-2", created_at=LATER, updated_at=LATER), "Another")
    assert await store.conversation(RUN.conversation_id) == replace(talk, updated_at=LATER)


@pytest.mark.parametrize(
    "second",
    [
        replace(RUN, id="another"),
        replace(RUN, conversation_id="another"),
        replace(RUN, id="another", status="completed", user=BOB),
    ],
    ids=["the conversation is busy", "the id is taken", "the conversation is somebody else's"],
)
async def test_a_run_does_not_begin_where_another_is_in_its_place(store, second):
    await store.begin_run(RUN, "Hello")
    with pytest.raises(ConflictError):
        await store.begin_run(second, "Hello")
    assert await store.run(RUN.id) == RUN
    assert (await store.conversation(RUN.conversation_id)).user == RUN.user


async def test_of_two_that_begin_with_one_id_at_once_in_two_conversations_one_does(store):
    runs = [RUN, replace(RUN, conversation_id="another", user=BOB)]
    outcomes = await asyncio.gather(*(store.begin_run(run, "Hello") for run in runs), return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], ConflictError)
    assert await store.run(RUN.id) == RUN


async def test_of_many_that_begin_in_one_conversation_at_once_one_does(rivals):
    begin = (rivals[turn % 2].begin_run(replace(RUN, id=f"run-{turn}"), "Hello") for turn in range(8))
    outcomes = await asyncio.gather(*begin, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, ConflictError) for outcome in outcomes if outcome is not None)
    assert len(await rivals[0].runs(RUN.conversation_id)) == 1


async def test_runs_that_write_at_once_do_not_keep_each_other_from_it(store):
    runs = [replace(RUN, id=f"run-{turn}", conversation_id=f"talk-{turn}") for turn in range(9)]
    await asyncio.gather(*(store.begin_run(run, "Hello") for run in runs))
    await store.lease_run("run-3", "one", LATER, LATER + timedelta(minutes=1), ["running"])
    await store.append_events("run-5", RUN.fence, 0, ["{}"])
    end = RunEnd("completed", LATER, history="[1]", pending="", error="")
    ending = (store.append_events(run.id, RUN.fence, 0, ['{"a": "\\u0000说"}', "{}"], end) for run in runs)
    outcomes = await asyncio.gather(*ending, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [
        {3: FencedError, 5: ConflictError}.get(turn, type(None)) for turn in range(9)
    ]
    assert await store.events("run-8") == [(0, '{"a": "\\u0000说"}'), (1, "{}")]
    done = replace(runs[8], status="completed", updated_at=LATER, history="[1]", lease_owner="", lease_expires_at=None)
    assert await store.run("run-8") == done
    assert await store.events("run-3") == []
    assert (await store.run("run-5")).status == "running"


async def test_a_run_that_is_not_there_is_fenced(store):
    with pytest.raises(FencedError):
        await store.save_run("nobody", 0, status="completed", now=NOW)
    with pytest.raises(FencedError):
        await store.append_events("nobody", 0, 0, [])


async def test_events_come_back_in_order_after_a_number(store):
    await with_run(store)
    await store.append_events("run-1", 0, 0, ["zero", "一"])
    await store.append_events("run-1", 0, 2, ["two"])
    await store.append_events("run-1", 0, 3, [])
    assert list(await store.events("run-1")) == [(0, "zero"), (1, "一"), (2, "two")]
    assert list(await store.events("run-1", after=1)) == [(2, "two")]


async def test_an_event_number_is_given_once_and_a_refused_batch_leaves_nothing(store):
    await with_run(store)
    await store.append_events("run-1", 0, 0, ["zero", "one"])
    with pytest.raises(ConflictError):
        await store.append_events("run-1", 0, 1, ["other", "more"])
    assert list(await store.events("run-1")) == [(0, "zero"), (1, "one")]


# Consents


async def test_a_consent_is_found_by_id_and_by_state(store):
    await store.add_consent(CONSENT)
    assert await store.consent("consent-1") == CONSENT
    assert await store.consent_by_state("state-1") == CONSENT
    assert await store.consent_by_state("state-2") is None


async def test_neither_a_consents_id_nor_its_state_is_used_twice(store):
    await store.add_consent(CONSENT)
    for again in (replace(CONSENT, state_hash="other"), replace(CONSENT, id="other")):
        with pytest.raises(ConflictError):
            await store.add_consent(again)


async def test_open_consents_are_those_of_the_run_that_are_not_settled(store):
    for index, status in enumerate(("requested", "bound", "returned", "completed", "denied", "expired", "cancelled")):
        await store.add_consent(replace(CONSENT, id=f"c{index}", state_hash=f"s{index}", status=status))
    await store.add_consent(replace(CONSENT, id="foreign", state_hash="foreign", run_id="run-2"))
    assert [row.id for row in await store.open_consents("run-1")] == ["c0", "c1", "c2"]


async def test_expired_consents_are_open_and_past_their_time(store):
    ends = (LATER, NOW, NOW - timedelta(seconds=1), NOW - timedelta(seconds=2))
    for index, end in enumerate(ends):
        status = "denied" if index == 3 else "bound"
        await store.add_consent(replace(CONSENT, id=f"c{index}", state_hash=f"s{index}", status=status, expires_at=end))
    assert [row.id for row in await store.expired_consents(NOW)] == ["c2", "c1"]
    assert [row.id for row in await store.expired_consents(NOW, limit=1)] == ["c2"]


async def test_moving_a_consent_compares_and_sets(store):
    await store.add_consent(CONSENT)
    moved = await store.move_consent("consent-1", ["requested"], "bound", bound_session_hash="browser")
    assert moved == replace(CONSENT, status="bound", bound_session_hash="browser")
    assert await store.move_consent("consent-1", ["requested"], "bound", bound_session_hash="thief") is None
    assert await store.consent("consent-1") == moved
    assert await store.move_consent("nobody", ["requested"], "bound") is None


async def test_moving_a_consent_without_a_browser_keeps_the_one_it_has(store):
    await store.add_consent(replace(CONSENT, status="bound", bound_session_hash="browser"))
    moved = await store.move_consent("consent-1", ["bound"], "returned", expires_at=NOW)
    assert moved.expires_at == NOW
    assert moved.bound_session_hash == "browser"


async def test_of_many_returns_at_once_one_moves_the_consent(rivals):
    await rivals[0].add_consent(replace(CONSENT, status="bound"))
    moving = (rivals[turn % 2].move_consent("consent-1", ["bound"], "returned") for turn in range(12))
    moved = [row for row in await asyncio.gather(*moving) if row]
    assert [row.status for row in moved] == ["returned"]


async def test_what_a_person_is_asked_for_at_a_provider_is_found_in_every_run(store):
    for number, changes in enumerate([{}, {"run_id": "run-2"}, {"user": BOB}, {"provider": "p"}, {"status": "denied"}]):
        await store.add_consent(replace(CONSENT, id=f"c{number}", state_hash=f"s{number}", **changes))
    assert [row.id for row in await store.open_consents_of(ALICE, "time")] == ["c0", "c1"]
    assert await store.open_consents_of(replace(ALICE, tenant="other"), "time") == []


# Grants


async def test_a_person_has_one_grant_per_provider_which_comes_back_as_it_was(store):
    await store.give_grant(GRANT, revives=True)
    await store.give_grant(replace(GRANT, id="other", scopes=("a", "b"), granted_at=LATER), revives=False)
    expected = replace(GRANT, scopes=("a", "b"), granted_at=LATER)
    assert await store.grant(replace(ALICE, name="renamed"), "time") == expected
    assert await store.grants(ALICE) == [expected]
    assert await store.grant(BOB, "time") is None
    assert await store.grants(replace(ALICE, tenant="other")) == []


async def test_a_grant_is_withdrawn_once_by_its_owner_alone_and_stands_again_only_when_revived(store):
    await store.give_grant(GRANT, revives=True)
    assert await store.withdraw_grant("grant-1", BOB, LATER) is None
    assert await store.withdraw_grant("grant-1", replace(ALICE, tenant="other"), LATER) is None
    withdrawn = await store.withdraw_grant("grant-1", ALICE, LATER)
    assert withdrawn == replace(GRANT, withdrawn_at=LATER, generation=1)
    assert await store.withdraw_grant("grant-1", ALICE, LATER) is None
    assert await store.grants(ALICE) == []
    await store.give_grant(replace(GRANT, scopes=("more",)), revives=False)
    assert await store.grant(ALICE, "time") == withdrawn
    await store.give_grant(replace(GRANT, id="new", granted_at=LATER), revives=True)
    assert await store.grant(ALICE, "time") == replace(GRANT, granted_at=LATER, generation=1)


async def test_the_last_use_of_a_grant_is_kept(store):
    await store.give_grant(GRANT, revives=True)
    await store.touch_grant("grant-1", LATER)
    assert (await store.grant(ALICE, "time")).last_used_at == LATER


async def test_many_who_give_a_grant_at_once_leave_one(rivals):
    gifts = (rivals[n % 2].give_grant(replace(GRANT, id=f"g{n}"), revives=True) for n in range(8))
    await asyncio.gather(*gifts)
    assert len(await rivals[0].grants(ALICE)) == 1


# Internal tokens


async def test_a_token_is_spent_once_and_forgotten_when_it_has_ended(store):
    assert await store.spend_token("t", NOW, LATER)
    assert not await store.spend_token("t", NOW, LATER)
    assert await store.spend_token("u", LATER - timedelta(seconds=1), LATER)
    assert not await store.spend_token("t", LATER - timedelta(seconds=1), LATER)
    assert await store.spend_token("t", LATER, LATER + timedelta(minutes=5))


async def test_of_many_who_spend_a_token_at_once_one_may(rivals):
    spent = await asyncio.gather(*(rivals[n % 2].spend_token("t", NOW, LATER) for n in range(12)))
    assert sorted(spent) == [False] * 11 + [True]


# Credentials that instances share


async def test_a_shared_credential_is_found_by_every_instance_until_it_is_dropped(rivals):
    assert await rivals[1].kept_credential(SEALED.key_hash) is None
    await rivals[0].keep_credential(SEALED, NOW, 10)
    assert await rivals[1].kept_credential(SEALED.key_hash) == SEALED
    assert await rivals[1].kept_credential("other") is None
    await rivals[1].drop_credential("other")
    await rivals[1].drop_credential(SEALED.key_hash)
    assert await rivals[0].kept_credential(SEALED.key_hash) is None


async def test_a_newer_shared_credential_takes_the_older_ones_place(store):
    newer = replace(SEALED, sealed="newer", expires_at=NOW + timedelta(minutes=1))
    for row in (SEALED, newer):
        await store.keep_credential(row, NOW, 10)
    assert await store.kept_credential(SEALED.key_hash) == newer


async def test_shared_credentials_that_have_ended_go_with_the_next_that_comes(store):
    for minutes in (1, 2, 3):
        row = replace(SEALED, key_hash=f"k{minutes}", expires_at=NOW + timedelta(minutes=minutes))
        await store.keep_credential(row, NOW, 10)
    await store.keep_credential(SEALED, NOW + timedelta(minutes=2), 10)
    found = [await store.kept_credential(key) is not None for key in ("k1", "k2", "k3", SEALED.key_hash)]
    assert found == [False, False, True, True]


async def test_of_too_many_shared_credentials_those_that_end_first_go(store):
    for minutes in (4, 1, 3, 2):
        row = replace(SEALED, key_hash=f"k{minutes}", expires_at=NOW + timedelta(minutes=minutes))
        await store.keep_credential(row, NOW, 2)
    assert [await store.kept_credential(f"k{n}") is not None for n in (1, 2, 3, 4)] == [False, False, True, True]


async def test_many_who_share_the_same_credential_at_once_leave_one(rivals):
    keeping = (rivals[n % 2].keep_credential(replace(SEALED, sealed=f"s{n}"), NOW, 10) for n in range(8))
    await asyncio.gather(*keeping)
    assert (await rivals[0].kept_credential(SEALED.key_hash)).sealed in {f"s{n}" for n in range(8)}


# Ledger


def sealed(entry):
    return f"{entry.previous}/{entry.seq}"


async def test_ledger_entries_are_numbered_chained_and_come_back_as_they_were(store):
    assert await store.ledger_head() == (0, "")
    first = await store.append_ledger(ENTRY, sealed)
    second = await store.append_ledger(replace(ENTRY, seq=77, previous="x", outcome="timeout"), sealed)
    assert first == replace(ENTRY, seq=1, seal="/1")
    assert second == replace(ENTRY, seq=2, outcome="timeout", previous="/1", seal="/1/2")
    assert await store.ledger() == [first, second]
    assert await store.ledger(1) == [second]
    assert await store.ledger(limit=1) == [first]
    assert await store.ledger_head() == (2, "/1/2")


async def test_writers_at_once_make_one_chain(rivals):
    await asyncio.gather(*(rivals[n % 2].append_ledger(replace(ENTRY, call_id=f"c{n}"), sealed) for n in range(16)))
    entries = await rivals[0].ledger()
    assert [entry.seq for entry in entries] == list(range(1, 17))
    assert len({entry.call_id for entry in entries}) == 16
    assert all(later.previous == earlier.seal for earlier, later in itertools.pairwise(entries))
    assert await rivals[1].ledger_head() == (16, entries[-1].seal)


# What must happen once

DEED = Deed("oss:1", "running", NOW + timedelta(minutes=1), NOW + timedelta(days=8))
AFTER = NOW + timedelta(minutes=2)


@pytest.mark.parametrize(("outcome", "found"), [("done", "done"), ("unknown", "unknown"), ("failed", "new")])
async def test_a_deed_is_begun_again_only_after_a_failure(store, outcome, found):
    assert await store.claim_deed(DEED, NOW) == Claim("new")
    assert await store.claim_deed(DEED, NOW) == Claim("held")
    await store.end_deed(DEED.id, outcome)
    assert await store.claim_deed(DEED, NOW) == Claim(found)


async def test_who_asks_again_hears_what_came_of_a_deed(store):
    await store.claim_deed(DEED, NOW)
    await store.end_deed(DEED.id, "done", '{"length": 5}')
    assert await store.claim_deed(DEED, NOW) == Claim("done", '{"length": 5}')


async def test_a_deed_whose_worker_is_gone_is_another_ones(store):
    assert await store.claim_deed(DEED, NOW) == Claim("new")
    assert await store.claim_deed(replace(DEED, held_until=AFTER + timedelta(minutes=1)), AFTER) == Claim("lost")
    assert await store.claim_deed(DEED, AFTER) == Claim("held")


async def test_deeds_are_forgotten_when_no_repetition_can_come(store):
    await store.claim_deed(DEED, NOW)
    await store.end_deed(DEED.id, "done")
    assert await store.claim_deed(replace(DEED, id="other"), DEED.expires_at) == Claim("new")
    assert await store.claim_deed(DEED, DEED.expires_at) == Claim("new")


async def test_of_many_who_want_a_deed_at_once_one_gets_it(rivals):
    claims = await asyncio.gather(*(rivals[n % 2].claim_deed(DEED, NOW) for n in range(8)))
    assert sorted(claim.state for claim in claims) == ["held"] * 7 + ["new"]
    await rivals[0].end_deed(DEED.id, "failed")
    claims = await asyncio.gather(*(rivals[n % 2].claim_deed(DEED, NOW) for n in range(8)))
    assert sorted(claim.state for claim in claims) == ["held"] * 7 + ["new"]
