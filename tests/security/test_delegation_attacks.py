"""Who can write the database cannot act for anybody: sealed tokens are bound to their row."""

import pytest
from msgspec.structs import replace

from fujie.identity.acting import acting_for
from fujie.identity.delegation import Sealer, delegate
from fujie.identity.errors import DelegationMismatchError
from fujie.identity.internal import InternalCaller
from fujie.identity.keys import new_sealing_key
from fujie.identity.rows import Delegation
from tests.identity.world import ALICE, BOB, START, add_run, handed, inbound, run_of


@pytest.fixture
async def alices(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = inbound(token, None, claims.expires_at)
    return await delegate(store, sealer, claims, tokens, tenant="default", session_hash="s-alice", now=clock)


async def test_a_sealed_row_that_is_moved_opens_for_nobody(alices, opener):
    """Hurt: Alice, whose sealed tokens whoever writes the database puts into a row of his own."""
    for moved in (
        replace(alices, id="another-row"),
        replace(alices, user=BOB),
        replace(alices, user=replace(ALICE, tenant="other")),
        replace(alices, session_hash="s-bob"),
        replace(alices, session_hash=""),
    ):
        with pytest.raises(DelegationMismatchError):
            opener.open(moved, handed(moved))
    assert opener.open(alices, handed(alices)).expires_at == alices.expires_at


async def test_alices_seal_in_bobs_row_lets_bobs_run_act_for_nobody(alices, store, opener, clock):
    """Hurt: Alice, for whom Bob's run would act."""
    bobs = Delegation("dlg-bob", BOB, "", alices.sealed, alices.expires_at, START)
    await store.add_delegation(bobs)
    await add_run(store, run_of(BOB, "run-bob", handed(bobs)))
    caller = InternalCaller("process", {"sub": "process"}, handed(bobs), "run-bob")
    with pytest.raises(DelegationMismatchError):
        await acting_for(store, opener, caller, refresh=None, now=clock())


@pytest.mark.parametrize("spoil", ["", "x", "a.b.c.d.e", "....", "é", "e30..a.b.c"])
async def test_what_is_no_seal_is_refused(alices, opener, spoil):
    """Hurt: everybody on the instance, were a broken row a crash, or an open one a token."""
    with pytest.raises(DelegationMismatchError):
        opener.open(replace(alices, sealed=spoil), handed(alices))


async def test_a_flipped_bit_is_noticed_in_every_part(alices, opener):
    """Hurt: Alice, whose tokens would be changed into something that still opens."""
    parts = alices.sealed.split(".")
    for index, part in enumerate(parts):
        middle = len(part) // 2
        flipped = part[:middle] + ("A" if part[middle] != "A" else "B") + part[middle + 1 :]
        spoilt = replace(alices, sealed=".".join([*parts[:index], flipped, *parts[index + 1 :]]))
        with pytest.raises(DelegationMismatchError):
            opener.open(spoilt, handed(alices))


async def test_an_attackers_seal_with_his_own_key_is_refused(alices, opener):
    """Hurt: Bob, in whose name an attacker would seal tokens with a key of his own making."""
    tokens = inbound(opener.open(alices, handed(alices)).id_token)
    forged = Sealer(new_sealing_key()[1]).seal(alices.id, ALICE, "s-alice", tokens)
    with pytest.raises(DelegationMismatchError):
        opener.open(replace(alices, sealed=forged), handed(alices))
