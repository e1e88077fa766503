"""An attacker who has taken `process` over: its keys, its environment and the whole database, to read and to write."""

import json
from dataclasses import replace

import pytest
from msgspec import structs

from fujie.identity.acting import acting_for
from fujie.identity.delegation import Opener, Sealer, row_id_of
from fujie.identity.errors import DelegationExpiredError, DelegationMismatchError, TokenInvalidError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_signing_key
from fujie.identity.rows import Delegation
from fujie.secret import Secret
from tests.identity.conftest import _SEALING
from tests.identity.world import ALICE, BOB, START, add_run, everything_said, handed, inbound, query_of, run_of

KEYS = {name: new_signing_key() for name in ("chat", "process", "callback")}
PUBLIC = {name: public for name, (_, public) in KEYS.items()}


@pytest.fixture
async def stolen(store, sign_in, issuer):
    """Alice asked something, so `process` was handed her delegation; Bob only signed in."""
    people = {}
    for user in (ALICE, BOB):
        begun = await sign_in.begin("/")
        query = query_of(begun.url)
        issuer.grants(issuer.token(user, nonce=query["nonce"]), refresh_token=f"refresh-{user.name}")
        done = await sign_in.finish(code=Secret("code"), state=query["state"], login_cookie=begun.login_cookie)
        people[user.name] = done.session
    await add_run(store, run_of(ALICE, "run-alice", people["alice"].delegation_id))
    return people


@pytest.fixture
def speak(clock):
    """Return what `tool` makes of a token that the attacker minted with the key of `process`."""
    minter = InternalMinter("process", KEYS["process"][0], now=clock)
    verifier = InternalVerifier("tool", PUBLIC, ["process"], now=clock)
    return lambda run_id, dlg: verifier.verify(minter.mint("tool", delegation_id=dlg, run_id=run_id))


def read_everything(store):
    """Return every text of the database."""
    kept = vars(store).items()
    return everything_said({name: repr(value) for name, value in kept})


async def test_it_acts_for_whom_it_was_handed_which_is_its_work(stolen, speak, store, opener, clock):
    """Hurt: nobody; it shows that the refusals below are not those of a key that never worked."""
    caller = speak("run-alice", stolen["alice"].delegation_id)
    assert (await acting_for(store, opener, caller, refresh=None, now=clock())).user == ALICE


async def test_the_database_does_not_say_what_was_not_handed_over(stolen, store):
    """Hurt: Bob, who only signed in."""
    secret = stolen["bob"].delegation_id.partition(".")[2]
    assert len(secret) == 64
    assert secret not in read_everything(store)
    assert row_id_of(stolen["bob"].delegation_id) in read_everything(store)


async def test_a_run_that_it_writes_in_another_persons_name_acts_for_nobody(stolen, speak, store, opener, clock):
    """Hurt: Bob; the attacker writes a run of his with all that the database knows of his delegation."""
    known = row_id_of(stolen["bob"].delegation_id)
    alices_secret = stolen["alice"].delegation_id.partition(".")[2]
    for number, guess in enumerate([known, f"{known}.", f"{known}.{'0' * 64}", f"{known}.{alices_secret}"]):
        await add_run(store, run_of(BOB, f"run-{number}", guess))
        with pytest.raises(DelegationMismatchError):
            await acting_for(store, opener, speak(f"run-{number}", guess), refresh=None, now=clock())


async def test_what_it_was_handed_for_alice_opens_no_row_of_bob(stolen, speak, store, opener, clock):
    """Hurt: Bob, whose sealed tokens are moved under Alice's row, and hers under his."""
    bobs = await store.delegation(row_id_of(stolen["bob"].delegation_id))
    alices = await store.delegation(row_id_of(stolen["alice"].delegation_id))
    handed = stolen["alice"].delegation_id
    for forged in (
        structs.replace(bobs, id=alices.id),
        structs.replace(alices, sealed=bobs.sealed),
        structs.replace(alices, user=BOB),
    ):
        store._delegations[alices.id] = forged
        run = run_of(forged.user, f"run-{len(store._runs)}", handed)
        await add_run(store, run)
        with pytest.raises(DelegationMismatchError):
            await acting_for(store, opener, speak(run.id, handed), refresh=None, now=clock())


async def test_it_opens_no_seal_with_any_key_that_it_has(stolen, store):
    """Hurt: everybody; what is sealed opens with one key, which `process` does not have."""
    rows = list(store._delegations.values())
    for key in (KEYS["process"][0], Secret(_SEALING[1])):
        for row in rows:
            with pytest.raises((DelegationMismatchError, ValueError)):
                Opener(key).open(row, stolen["alice"].delegation_id)


async def test_a_seal_of_its_own_holds_no_token_of_the_person(stolen, speak, store, opener, clock):
    """Hurt: Bob, if the name on a row were believed: the forged token is what the cloud then refuses."""
    tokens = inbound(Secret("forged"), None, stolen["bob"].expires_at)
    sealed = Sealer(_SEALING[1]).seal("forged-row", BOB, "", tokens)
    row = await store.add_delegation(Delegation("forged-row", BOB, "", sealed, tokens.expires_at, START))
    await add_run(store, run_of(BOB, "run-forged", handed(row)))
    acting = await acting_for(store, opener, speak("run-forged", handed(row)), refresh=None, now=clock())
    assert acting.tokens.id_token == Secret("forged")


async def test_a_seal_without_a_secret_opens_for_nobody(stolen, speak, store, opener, clock):
    """Hurt: Bob, if leaving the secret out were a way around it."""
    tokens = replace(inbound(Secret("forged"), None, stolen["bob"].expires_at), secret_hash="")
    sealed = Sealer(_SEALING[1]).seal("forged-row", BOB, "", tokens)
    await store.add_delegation(Delegation("forged-row", BOB, "", sealed, tokens.expires_at, START))
    for number, guess in enumerate(("forged-row", "forged-row.", "forged-row.x")):
        await add_run(store, run_of(BOB, f"run-{number}", guess))
        with pytest.raises(DelegationMismatchError):
            await acting_for(store, opener, speak(f"run-{number}", guess), refresh=None, now=clock())


@pytest.mark.parametrize("name", ["chat", "callback"])
async def test_it_speaks_as_nobody_else(stolen, clock, name):
    """Hurt: whoever would be woken or asked in the name of another function."""
    minted = InternalMinter(name, KEYS["process"][0], now=clock).mint("process", delegation_id="d")
    with pytest.raises(TokenInvalidError):
        InternalVerifier("process", PUBLIC, ["chat", "callback"], now=clock).verify(minted)


async def test_after_sign_out_even_what_it_was_handed_acts_for_nobody(stolen, speak, store, opener, sign_in, clock):
    """Hurt: Alice, who signed out."""
    await sign_in.sign_out(stolen["alice"])
    caller = speak("run-alice", stolen["alice"].delegation_id)
    with pytest.raises(DelegationExpiredError):
        await acting_for(store, opener, caller, refresh=None, now=clock())


def test_a_minters_key_is_rotated_with_both_accepted_by_their_kid(clock):
    """Hurt: everybody's runs during a rotation, and, after it, whoever the old key would still speak for."""
    new_private, new_public = new_signing_key()
    old_private, old_public = KEYS["process"]
    both = json.dumps({"keys": [json.loads(new_public), json.loads(old_public)]})
    for accepted, minters in ((both, (new_private, old_private)), (new_public, (new_private,))):
        verifier = InternalVerifier("tool", {"process": accepted}, ["process"], now=clock)
        for key in minters:
            token = InternalMinter("process", key, now=clock).mint("tool", delegation_id="d")
            assert verifier.verify(token).delegation_id == "d"
    with pytest.raises(TokenInvalidError):
        verifier.verify(InternalMinter("process", old_private, now=clock).mint("tool", delegation_id="d"))
