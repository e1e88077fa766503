"""Two instances of a function over one store: what one obtained serves the other, and nobody else."""

import json
from dataclasses import asdict, fields, replace
from datetime import timedelta

import pytest
from msgspec import structs

from fujie.identity.consent import ConsentAsk
from fujie.identity.credential_key import CacheKey
from fujie.identity.envelope import HeldKeys, digest, seal, unseal, wrapping_keys
from fujie.identity.errors import AuthorizationRequired, CloudUnavailableError, TokenInvalidError
from fujie.identity.keys import new_wrapping_key
from fujie.identity.outbound import CredentialBroker
from fujie.identity.shared_credentials import LONGEST, SharedCredentials, SharedSecret
from fujie.secret import Secret
from fujie.sessions.errors import StoreUnavailableError
from tests.identity.world import BOB, KEY, SETTINGS, START, acting_as, needs_authorization

WRAPPING = wrapping_keys(new_wrapping_key(), setting="FUJIE_SHARED_CACHE_KEY")
OWN = CacheKey("default", "u", "wi", "p", ("s",), "oauth", "", 1)
ENDS = START + timedelta(minutes=30)
SHARED = SharedSecret(Secret("token"), ENDS, ENDS - timedelta(minutes=1))
ASK = ConsentAsk("tool", "call-1")
OAUTH = "GetResourceOAuth2Token"


@pytest.fixture
def shared(store, clock):
    return SharedCredentials(store, HeldKeys(WRAPPING), now=clock)


@pytest.fixture
def instance(cloud_http, store, desk, clock):
    """Return a function that starts one more instance."""

    def start(**changes):
        given = {"shared": SharedCredentials(store, HeldKeys(WRAPPING), now=clock)} | changes
        return CredentialBroker(SETTINGS, cloud_http, store, desk, lambda: KEY, now=clock, **given)

    return start


async def test_what_one_keeps_another_finds(shared):
    await shared.put(OWN, SHARED)
    assert await shared.get(OWN) == SHARED


@pytest.mark.parametrize("name", [field.name for field in fields(CacheKey)])
async def test_whoever_differs_in_one_thing_finds_nothing_and_cannot_open_the_row(shared, store, name):
    other = {"scopes": ("s", "t"), "kind": "api_key", "generation": 2}.get(name, "other")
    others = replace(OWN, **{name: other})
    await shared.put(OWN, SHARED)
    assert await shared.get(others) is None
    [row] = store._shared.values()
    await shared.put(others, replace(SHARED, secret=Secret("another")))
    [hash_of_others] = set(store._shared) - {row.key_hash}
    store._shared[hash_of_others] = structs.replace(row, key_hash=hash_of_others)
    assert await shared.get(others) is None


async def test_credentials_of_sts_are_never_kept(shared, store):
    await shared.put(replace(OWN, kind="sts"), SHARED)
    assert store._shared == {}
    await shared.put(OWN, SHARED)
    [row] = store._shared.values()
    words = asdict(OWN) | {"kind": "sts"}
    text = await unseal(HeldKeys(WRAPPING), row.sealed, asdict(OWN))
    row = structs.replace(row, key_hash=digest(words), sealed=await seal(HeldKeys(WRAPPING), text, words))
    await store.keep_credential(row, START, 10)
    assert await shared.get(replace(OWN, kind="sts")) is None


async def test_it_ends_when_it_says_inside_whatever_the_row_says(shared, store, clock):
    await shared.put(OWN, SHARED)
    [(key, row)] = store._shared.items()
    store._shared[key] = structs.replace(row, expires_at=START + timedelta(days=9))
    assert await shared.get(OWN, lasting=timedelta(minutes=28)) == SHARED
    assert await shared.get(OWN, lasting=timedelta(minutes=29)) is None
    clock.advance(minutes=28, seconds=59)
    assert await shared.get(OWN) == SHARED
    clock.advance(seconds=1)
    assert await shared.get(OWN) is None


async def test_nothing_is_shared_for_longer_than_an_hour_or_after_its_end(shared, store, clock):
    days = START + timedelta(days=3)
    await shared.put(OWN, SharedSecret(Secret("x"), days, days))
    found = await shared.get(OWN)
    assert (found.until, found.expires_at) == (START + LONGEST, days)
    await shared.forget(OWN)
    await shared.put(OWN, replace(SHARED, until=clock()))
    assert store._shared == {}


@pytest.mark.parametrize("sealed", ["", "broken", "{}", '{"v": 1, "key": "x", "data": "y"}'])
async def test_a_broken_row_is_a_miss(shared, store, sealed):
    await shared.put(OWN, SHARED)
    [(key, row)] = store._shared.items()
    store._shared[key] = structs.replace(row, sealed=sealed)
    assert await shared.get(OWN) is None


async def test_an_outage_of_the_key_or_of_the_store_costs_no_credential(store, clock, caplog, monkeypatch):
    class Away(HeldKeys):
        async def wrap(self, data_key, context):
            raise CloudUnavailableError("away")

        async def unwrap(self, wrapped, context):
            raise CloudUnavailableError("away")

    await SharedCredentials(store, HeldKeys(WRAPPING), now=clock).put(OWN, SHARED)
    away = SharedCredentials(store, Away(WRAPPING), now=clock)
    assert await away.get(OWN) is None
    await away.put(replace(OWN, user="v"), SHARED)
    assert len(store._shared) == 1

    async def refuse(*_):
        raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(store, "kept_credential", refuse)
    monkeypatch.setattr(store, "keep_credential", refuse)
    monkeypatch.setattr(store, "drop_credential", refuse)
    here = SharedCredentials(store, HeldKeys(WRAPPING), now=clock)
    assert await here.get(OWN) is None
    await here.put(OWN, SHARED)
    await here.forget(OWN)
    assert [record.getMessage() for record in caplog.records] == [
        "a shared credential could not be read: cloud_unavailable",
        "a credential could not be shared: cloud_unavailable",
        "a shared credential could not be read: store_unavailable",
        "a credential could not be shared: store_unavailable",
        "a shared credential could not be dropped: store_unavailable",
    ]


async def test_of_too_many_the_table_keeps_those_that_last_longest(shared, store, monkeypatch):
    monkeypatch.setattr("fujie.identity.shared_credentials.MAX_ROWS", 2)
    for minutes in (30, 10, 20):
        until = START + timedelta(minutes=minutes)
        await shared.put(replace(OWN, user=str(minutes)), SharedSecret(Secret("x"), until, until))
    found = [await shared.get(replace(OWN, user=user)) is not None for user in ("10", "20", "30")]
    assert found == [False, True, True]


async def test_what_is_too_long_for_a_row_is_not_kept(shared, store):
    await shared.put(OWN, replace(SHARED, secret=Secret("x" * 70_000)))
    assert store._shared == {}


async def test_a_new_instance_asks_the_cloud_only_who_the_user_is(instance, cloud):
    first = await instance().oauth(acting_as(), "p", ("b", "a"), ask=ASK)
    key = await instance().api_key(acting_as(), "weather")
    asked = len(cloud.calls)
    second = instance()
    assert await second.oauth(acting_as(run_id="run-2"), "p", ("a", "b"), ask=ASK) == first
    assert await second.api_key(acting_as(), "weather") == key
    assert cloud.actions()[asked:] == ["GetWorkloadAccessTokenForJWT"]


async def test_a_warm_call_does_not_look_at_the_store(instance, store, monkeypatch):
    warm = instance()
    first = await warm.oauth(acting_as(), "p", ("a",), ask=ASK)
    monkeypatch.setattr(store, "kept_credential", None)
    assert await warm.oauth(acting_as(), "p", ("a",), ask=ASK) == first


async def test_without_a_key_nothing_is_kept_and_nothing_looked_for(instance, store):
    alone = instance(shared=None)
    await alone.oauth(acting_as(), "p", ("a",), ask=ASK)
    await alone.api_key(acting_as(), "weather")
    assert store._shared == {}


async def test_bob_is_asked_though_alices_token_is_kept(instance, cloud):
    await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    cloud.script(
        "GetWorkloadAccessTokenForJWT",
        (200, {"WorkloadAccessToken": "w", "UserContext": {"JwtClaims": {"Subject": BOB.id}}}),
    )
    cloud.script(OAUTH, needs_authorization(1))
    with pytest.raises(AuthorizationRequired):
        await instance().oauth(acting_as(BOB), "p", ("a",), ask=ASK)


async def test_nobody_finds_a_kept_token_whose_own_user_token_the_cloud_refuses(instance, cloud):
    await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    cloud.script("GetWorkloadAccessTokenForJWT", (400, {"Code": "InvalidParameter.JsonWebToken"}))
    with pytest.raises(TokenInvalidError):
        await instance().oauth(acting_as(), "p", ("a",), ask=ASK)


async def test_a_withdrawn_permission_is_asked_for_anew_though_its_token_is_kept(instance, store, cloud, clock):
    await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    grant = await store.grant(acting_as().user, "p")
    await store.withdraw_grant(grant.id, grant.user, clock())
    cloud.script(OAUTH, needs_authorization(1))
    with pytest.raises(AuthorizationRequired):
        await instance().oauth(acting_as(), "p", ("a",), ask=ASK)


async def test_what_its_receiver_refused_is_found_by_nobody(instance, cloud):
    one = instance()
    refused = await one.oauth(acting_as(), "p", ("a",), ask=ASK)
    await one.forget(acting_as(), refused)
    fresh = await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    assert fresh.secret != refused.secret
    assert await one.oauth(acting_as(), "p", ("a",), ask=ASK) == fresh


async def test_a_longer_call_gets_a_token_that_lasts_though_a_shorter_one_is_kept(instance, cloud, clock):
    cloud.script(
        OAUTH, (200, {"AccessToken": "short", "ExpiresIn": 600}), (200, {"AccessToken": "long", "ExpiresIn": 3600})
    )
    await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    longer = await instance().oauth(acting_as(), "p", ("a",), ask=ASK, lasting=timedelta(minutes=11))
    assert longer.secret == Secret("long")


async def test_the_rows_hold_no_credential_and_no_name(instance, store):
    issued = await instance().oauth(acting_as(), "p", ("a",), ask=ASK)
    key = await instance().api_key(acting_as(), "weather")
    said = json.dumps([[row.key_hash, row.sealed] for row in store._shared.values()])
    assert len(store._shared) == 2
    for word in (issued.secret.reveal(), key.secret.reveal(), acting_as().user.id, "weather"):
        assert word not in said
