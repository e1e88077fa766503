"""Kept credentials, of several instances over one database that an attacker may write: nobody ever gets another's."""

import asyncio
import random

import pytest
from msgspec import structs

from fujie.identity.consent import ConsentAsk, ConsentDesk
from fujie.identity.envelope import HeldKeys, wrapping_keys
from fujie.identity.keys import new_wrapping_key
from fujie.identity.outbound import CredentialBroker
from fujie.identity.shared_credentials import SharedCredentials
from fujie.sessions.memory import MemoryStore
from tests.identity.test_interleaving import PEOPLE, POLICY, WORKLOADS, Naming
from tests.identity.world import KEY, SETTINGS, MovedClock, acting_as

WRAPPING = wrapping_keys(new_wrapping_key(), setting="FUJIE_SHARED_CACHE_KEY")


def shuffled(store, order):
    """Play the attacker: put every sealed credential into the row of another."""
    rows = list(store._shared.values())
    sealed = [row.sealed for row in rows]
    order.shuffle(sealed)
    store._shared = {row.key_hash: structs.replace(row, sealed=text) for row, text in zip(rows, sealed, strict=True)}


@pytest.mark.parametrize("is_written_by_an_attacker", [False, True])
async def test_a_thousand_interleaved_tasks_on_four_instances_each_end_with_their_own(is_written_by_an_attacker):
    """Hurt: every person, tenant and workload of the stack, were one of their keys, flights or rows another's."""
    order, clock, store = random.Random(7), MovedClock(), MemoryStore()
    cloud = Naming(clock)
    cloud.order = order
    async with cloud.client() as http:
        shared = SharedCredentials(store, HeldKeys(WRAPPING), now=clock)
        instances = {
            (name, number): CredentialBroker(
                structs.replace(SETTINGS, workload_identity=name),
                http,
                store,
                ConsentDesk(SETTINGS, store),
                lambda: KEY,
                shared=shared,
                now=clock,
            )
            for name in WORKLOADS
            for number in range(2)
        }

        async def task(number):
            user, (workload, one) = order.choice(PEOPLE), order.choice(list(instances))
            broker, acting = instances[workload, one], acting_as(user, f"run-{number}")
            for _ in range(order.randrange(3)):
                await asyncio.sleep(0)
            if number % 100 == 0:
                clock.advance(minutes=2)
            if is_written_by_an_attacker and number % 10 == 0:
                shuffled(store, order)
            kind = order.randrange(3)
            if kind == 0:
                found = (await broker.api_key(acting, "weather")).secret.reveal()
            elif kind == 1:
                ask = ConsentAsk("tool", f"call-{number}")
                found = (await broker.oauth(acting, "time", ("time.read",), ask=ask)).secret.reveal()
            else:
                found = (await broker.sts(acting, POLICY, session_name=f"s-{user.id}")).access_key_id
            assert found == f"{workload}/{user.name}"

        await asyncio.gather(*[task(number) for number in range(1000)])
    assert len(cloud.calls) < 600
    assert 0 < len(store._shared) <= 2 * len(PEOPLE) * len(WORKLOADS)


async def test_the_keys_of_kept_credentials_hold_no_token(broker, cloud):
    """Hurt: Alice, whose token would lie where keys are listed, counted and logged."""
    await broker.api_key(acting_as(), "weather")
    await broker.oauth(acting_as(), "p", ("a",), ask=ConsentAsk("tool", "call"))
    wats = broker._wats
    said = repr([list(cache._kept) for cache in (broker._issued, broker._roles, wats._wats, wats._proven)])
    assert acting_as().user.id in said
    for _, form in cloud.calls:
        for name in ("UserToken", "WorkloadAccessToken"):
            assert form.get(name, "id-token-of-alice") not in said


async def test_a_credential_ends_when_it_says_and_not_when_a_cache_says(broker, cloud, clock):
    """Hurt: whoever withdrew it or had it stolen: a fixed lifetime hands out what has ended."""
    ask = ConsentAsk("tool", "call")
    cloud.script("GetResourceOAuth2Token", (200, {"AccessToken": "a", "ExpiresIn": 120}), (200, {"AccessToken": "b"}))
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ask)).secret.reveal() == "a"
    clock.advance(seconds=59)
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ask)).secret.reveal() == "a"
    clock.advance(seconds=1)
    assert (await broker.oauth(acting_as(), "p", ("a",), ask=ask)).secret.reveal() == "b"
