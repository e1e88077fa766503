import json
from dataclasses import replace

import pytest

from fujie.identity.delegation import InboundTokens, Opener, Sealer, delegate
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, IdentityMisconfiguredError
from fujie.identity.keys import new_sealing_key
from fujie.secret import Secret
from tests.identity.world import ALICE, START, everything_said


@pytest.fixture
async def row(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = InboundTokens(token, Secret("the-refresh-token"), claims.expires_at)
    return await delegate(store, sealer, claims, tokens, tenant="default", session_hash="s", now=clock)


async def test_what_was_sealed_opens_for_its_row(row, opener, store, issuer):
    assert row.user == ALICE
    assert await store.delegation(row.id) == row
    tokens = opener.open(row)
    assert tokens.refresh_token == Secret("the-refresh-token")
    assert tokens.expires_at == row.expires_at


async def test_a_row_shows_nothing_of_the_tokens(row, opener):
    said = everything_said(row) + everything_said(opener.open(row))
    assert "eyJ0eXAi" not in said.replace(row.sealed, "")
    assert "the-refresh-token" not in said


async def test_two_seals_of_one_thing_differ(sealer):
    tokens = InboundTokens(Secret("t"), None, START)
    assert sealer.seal("d", ALICE, "", tokens) != sealer.seal("d", ALICE, "", tokens)


async def test_a_withdrawn_delegation_opens_for_nobody(row, opener):
    with pytest.raises(DelegationExpiredError):
        opener.open(replace(row, withdrawn_at=START))


async def test_another_private_key_does_not_open(row):
    with pytest.raises(DelegationMismatchError):
        Opener(new_sealing_key()[0]).open(row)


async def test_sealing_keys_rotate_by_a_set(sealer):
    old, new = new_sealing_key(), new_sealing_key()
    both = Secret(json.dumps({"keys": [json.loads(key.reveal()) for key, _ in (new, old)]}))
    tokens = InboundTokens(Secret("t"), None, START)
    from fujie.identity.rows import Delegation

    for _, public in (old, new):
        sealed = Sealer(public).seal("d", ALICE, "", tokens)
        assert Opener(both).open(Delegation("d", ALICE, "", sealed, START, START)) == tokens


def test_a_private_key_in_the_public_setting_is_refused():
    private, _ = new_sealing_key()
    with pytest.raises(IdentityMisconfiguredError) as refused:
        Sealer(private.reveal()).seal("d", ALICE, "", InboundTokens(Secret("t"), None, START))
    assert json.loads(private.reveal())["d"] not in everything_said(refused.value)


@pytest.mark.parametrize("key", ["", "{}", "[]", "x", '{"kty":"oct","k":"AAAA"}', '{"keys":[]}'])
def test_a_malformed_key_is_named_by_its_setting(key):
    with pytest.raises(IdentityMisconfiguredError, match="FUJIE_SEALING_PUBLIC_KEY"):
        Sealer(key).seal("d", ALICE, "", InboundTokens(Secret("t"), None, START))
