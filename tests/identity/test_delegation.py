import asyncio
import json
from contextlib import nullcontext

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from msgspec.structs import replace

from fujie.identity.delegation import ALGORITHM, ENCRYPTION, Opener, Sealer, delegate, delegate_direct, row_id_of
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, IdentityMisconfiguredError
from fujie.identity.keys import new_sealing_key
from fujie.identity.rows import Delegation
from fujie.secret import Secret
from tests.identity.conftest import _SEALING
from tests.identity.world import ALICE, BOB, START, everything_said, handed, inbound


@pytest.fixture
async def row(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = inbound(token, "the-refresh-token", claims.expires_at)
    return await delegate(store, sealer, claims, tokens, tenant="default", session_hash="s", now=clock)


async def test_what_was_sealed_opens_for_its_row(row, opener, store, issuer):
    assert row.user == ALICE
    assert await store.delegation(row.id) == row
    tokens = opener.open(row, handed(row))
    assert tokens.refresh_token == Secret("the-refresh-token")
    assert tokens.expires_at == row.expires_at


async def test_a_row_shows_nothing_of_the_tokens(row, opener):
    said = everything_said(row) + everything_said(opener.open(row, handed(row)))
    assert "eyJ0eXAi" not in said.replace(row.sealed, "")
    assert "the-refresh-token" not in said


@pytest.mark.parametrize("secret", ["", ".", ".guess"])
async def test_a_row_opens_for_nobody_without_the_secret_that_was_handed_out(row, opener, secret):
    with pytest.raises(DelegationMismatchError):
        opener.open(row, row.id + secret)


async def test_what_was_handed_with_another_row_does_not_open(row, opener):
    with pytest.raises(DelegationMismatchError):
        opener.open(row, handed(replace(row, id="another")))


@pytest.mark.parametrize(
    "inside",
    [{"exp": "soon"}, {"exp": 1e30}, {"exp": None}, {"id_token": 7}, {"id_token": None}, {"secret": None},
     {"secret": "é"}, {"refresh_token": []}],
)  # fmt: skip
def test_a_seal_that_holds_something_else_is_refused(opener, inside):
    """Whoever has the public key can make one."""
    good = {"v": 1, "dlg": "d", "tenant": ALICE.tenant, "sub": ALICE.id, "session": ""}
    good |= {"id_token": "t", "refresh_token": None, "exp": 1, "secret": inbound(Secret("t")).secret_hash}
    for made, opens in ((good, True), (good | inside, False)):
        row = Delegation("d", ALICE, "", sealed_by_hand(made), START, START)
        with nullcontext() if opens else pytest.raises(DelegationMismatchError):
            opener.open(row, handed(row))


def sealed_by_hand(inside):
    key = ECKey.import_key(json.loads(_SEALING[1]))
    return jwe.encrypt_compact(
        {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": key.kid}, json.dumps(inside), key, [ALGORITHM, ENCRYPTION]
    )


async def test_two_seals_of_one_thing_differ(sealer):
    tokens = inbound(Secret("t"))
    assert sealer.seal("d", ALICE, "", tokens) != sealer.seal("d", ALICE, "", tokens)


async def test_a_withdrawn_delegation_opens_for_nobody(row, opener):
    with pytest.raises(DelegationExpiredError):
        opener.open(replace(row, withdrawn_at=START), handed(row))


async def test_another_private_key_does_not_open(row):
    with pytest.raises(DelegationMismatchError):
        Opener(new_sealing_key()[0]).open(row, handed(row))


async def test_sealing_keys_rotate_by_a_set(sealer):
    old, new = new_sealing_key(), new_sealing_key()
    both = Secret(json.dumps({"keys": [json.loads(key.reveal()) for key, _ in (new, old)]}))
    tokens = inbound(Secret("t"))
    for _, public in (old, new):
        sealed = Sealer(public).seal("d", ALICE, "", tokens)
        row = Delegation("d", ALICE, "", sealed, START, START)
        assert Opener(both).open(row, handed(row)) == tokens


def test_a_private_key_in_the_public_setting_is_refused():
    private, _ = new_sealing_key()
    with pytest.raises(IdentityMisconfiguredError) as refused:
        Sealer(private.reveal()).seal("d", ALICE, "", inbound(Secret("t")))
    assert json.loads(private.reveal())["d"] not in everything_said(refused.value)


@pytest.mark.parametrize("key", ["", "{}", "[]", "x", '{"kty":"oct","k":"AAAA"}', '{"keys":[]}'])
def test_a_malformed_key_is_named_by_its_setting(key):
    with pytest.raises(IdentityMisconfiguredError, match="FUJIE_SEALING_PUBLIC_KEY"):
        Sealer(key).seal("d", ALICE, "", inbound(Secret("t")))


# Direct calls: one row per token


async def test_one_token_acts_by_one_row_and_by_nothing_that_the_database_knows(
    store, sealer, opener, verifier, issuer, clock
):
    token = issuer.token()
    claims = await verifier.verify(token)
    one = await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)
    row = await store.delegation(row_id_of(one))
    assert one == await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)
    assert await store.delegation(row_id_of(one)) == row
    assert opener.open(row, one).id_token == token
    assert one.partition(".")[2] not in everything_said(row)
    assert token.reveal() not in everything_said(row)


async def test_two_tokens_of_one_person_have_two_rows(store, sealer, verifier, issuer, clock):
    tokens = [issuer.token(), issuer.token(jti="another")]
    made = [
        await delegate_direct(store, sealer, await verifier.verify(token), token, tenant="default", now=clock)
        for token in tokens
    ]
    assert len({row_id_of(one) for one in made}) == len({one.partition(".")[2] for one in made}) == 2


async def test_calls_that_come_first_at_once_get_the_same_row(store, sealer, opener, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    calls = [delegate_direct(store, sealer, claims, token, tenant="default", now=clock) for _ in range(5)]
    one, *others = await asyncio.gather(*calls)
    assert {one} == set(others)
    assert opener.open(await store.delegation(row_id_of(one)), one).id_token == token


async def test_a_row_that_somebody_put_under_the_tokens_id_is_not_used(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    made = await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)
    store._delegations[row_id_of(made)] = replace(await store.delegation(row_id_of(made)), user=BOB)
    with pytest.raises(DelegationMismatchError):
        await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)


async def test_a_withdrawn_direct_delegation_is_not_begun_anew(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    made = await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)
    await store.withdraw_delegation(row_id_of(made), clock())
    with pytest.raises(DelegationExpiredError):
        await delegate_direct(store, sealer, claims, token, tenant="default", now=clock)


async def test_a_new_row_sweeps_what_ended_a_day_ago(row, store, sealer, verifier, issuer, clock):
    clock.advance(hours=24)
    await delegate_direct(store, sealer, await verifier.verify(issuer.token()), issuer.token(), tenant="d", now=clock)
    assert await store.delegation(row.id) is not None
    clock.advance(hours=2)
    token = issuer.token()
    await delegate_direct(store, sealer, await verifier.verify(token), token, tenant="default", now=clock)
    assert await store.delegation(row.id) is None
