import pytest
from msgspec.structs import replace

from fujie.identity.acting import Refresher, acting_for
from fujie.identity.delegation import delegate
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, DelegationRequiredError
from fujie.identity.internal import InternalCaller
from fujie.secret import Secret
from tests.identity.world import ALICE, BOB, SETTINGS, add_run, handed, inbound, run_of


@pytest.fixture
def refresher(issuer_http, verifier, sealer):
    return Refresher(SETTINGS, issuer_http, verifier, sealer)


@pytest.fixture
async def row(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = inbound(token, "refresh-1", claims.expires_at)
    row = await delegate(store, sealer, claims, tokens, tenant="default", session_hash="s", now=clock)
    await add_run(store, run_of(delegation_id=handed(row)))
    return row


def caller_for(delegation_id, run_id="run-1"):
    return InternalCaller("process", {"sub": "process"}, delegation_id, run_id)


async def test_a_run_and_its_delegation_act_for_their_owner(store, opener, row, clock):
    acting = await acting_for(store, opener, caller_for(handed(row)), refresh=None, now=clock())
    assert acting.user == ALICE
    assert acting.run.id == "run-1"


async def test_a_run_without_a_user_needs_one(store, opener, clock):
    await add_run(store, run_of(delegation_id=""))
    with pytest.raises(DelegationRequiredError):
        await acting_for(store, opener, caller_for(""), refresh=None, now=clock())


@pytest.mark.parametrize("run_id", ["", "run-unknown"])
async def test_an_unknown_run_acts_for_nobody(store, opener, row, clock, run_id):
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller_for(handed(row), run_id), refresh=None, now=clock())


@pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
async def test_a_run_that_has_ended_acts_for_nobody(store, opener, row, clock, status):
    await add_run(store, run_of(run_id="run-2", delegation_id=handed(row), status=status))
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller_for(handed(row), "run-2"), refresh=None, now=clock())


async def test_a_run_of_somebody_else_does_not_take_this_delegation(store, opener, row, clock):
    await add_run(store, run_of(BOB, "run-bob", handed(row)))
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller_for(handed(row), "run-bob"), refresh=None, now=clock())


async def test_one_user_in_two_tenants_is_two_people(store, opener, row, clock):
    await add_run(store, run_of(replace(ALICE, tenant="other"), "run-other", handed(row)))
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller_for(handed(row), "run-other"), refresh=None, now=clock())


async def test_a_caller_with_another_delegation_is_refused(store, opener, row, clock):
    for other in ("", "dlg-other", "é"):
        with pytest.raises(DelegationMismatchError):
            await acting_for(store, opener, caller_for(other), refresh=None, now=clock())


async def test_an_ended_delegation_without_refresh_asks_for_a_new_sign_in(store, opener, row, clock):
    clock.advance(hours=1)
    with pytest.raises(DelegationExpiredError) as ended:
        await acting_for(store, opener, caller_for(handed(row)), refresh=None, now=clock())
    assert ended.value.code == "sign_in_again"


async def test_a_withdrawn_delegation_is_not_refreshed(store, opener, row, clock, refresher, issuer):
    await store.withdraw_delegation(row.id, clock())
    with pytest.raises(DelegationExpiredError):
        await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())
    assert issuer.token_forms == []


async def test_an_ended_delegation_is_refreshed_and_sealed_anew(store, opener, row, clock, refresher, issuer):
    clock.advance(hours=2)
    issuer.grants(issuer.token(), refresh_token="refresh-2")
    acting = await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())
    assert issuer.token_forms[0]["refresh_token"] == "refresh-1"
    assert acting.tokens.expires_at > clock()
    again = await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())
    assert again.tokens.refresh_token == Secret("refresh-2")
    assert len(issuer.token_forms) == 1


async def test_a_refresh_token_that_stays_is_kept(store, opener, row, clock, refresher, issuer):
    clock.advance(hours=2)
    issuer.grants(issuer.token())
    acting = await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())
    assert acting.tokens.refresh_token == Secret("refresh-1")


async def test_a_refused_refresh_asks_for_a_new_sign_in(store, opener, row, clock, refresher, issuer):
    clock.advance(hours=2)
    issuer.token_answer = (400, {"error": "invalid_grant"})
    with pytest.raises(DelegationExpiredError):
        await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())


async def test_a_refresh_that_names_somebody_else_is_refused(store, opener, row, clock, refresher, issuer):
    clock.advance(hours=2)
    issuer.grants(issuer.token(BOB))
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())


async def test_who_loses_the_race_for_a_rotating_refresh_token_takes_what_the_winner_sealed(
    store, opener, row, clock, refresher, issuer, sealer
):
    clock.advance(hours=2)
    winner = inbound(issuer.token(), "refresh-2", clock().replace(hour=13))
    issuer.token_answer = (400, {"error": "invalid_grant"})
    ask = refresher.refresh

    async def ask_late(*args):
        await store.reseal_delegation(row.id, sealer.seal(row.id, row.user, "s", winner), winner.expires_at)
        return await ask(*args)

    refresher.refresh = ask_late
    acting = await acting_for(store, opener, caller_for(handed(row)), refresh=refresher, now=clock())
    assert acting.tokens.id_token == winner.id_token
