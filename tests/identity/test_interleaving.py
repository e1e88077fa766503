"""Calls of several people, tenants and workloads in any order: each ends with its own person's credential."""

import asyncio
import random

import httpx2
import pytest
from msgspec.structs import replace

from fujie.identity.consent import ConsentAsk, ConsentDesk
from fujie.identity.outbound import CredentialBroker
from fujie.identity.rows import User
from fujie.sessions.memory import MemoryStore
from tests.identity.world import KEY, SETTINGS, DataPlaneDouble, MovedClock, acting_as

PEOPLE = [
    User(tenant, f"20000000000000000{number}", f"{tenant}-{number}") for tenant in ("t1", "t2") for number in (1, 2)
]
WORKLOADS = ["wi-1", "wi-2"]
POLICY = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:GetObject", "Resource": "acs:oss:*:*:b/k"}]}


class Naming(DataPlaneDouble):
    """Says in each credential for whom and for which workload it was issued, and answers in any order."""

    def client(self):
        async def answer(request):
            for _ in range(self.order.randrange(4)):
                await asyncio.sleep(0)
            return self.answer(request)

        return httpx2.AsyncClient(transport=httpx2.MockTransport(answer), trust_env=False)

    def _usual(self, action, form):
        if action == "GetWorkloadAccessTokenForJWT":
            name = form["UserToken"].removeprefix("id-token-of-")
            subject = {"JwtClaims": {"Subject": next(user.id for user in PEOPLE if user.name == name)}}
            return {"WorkloadAccessToken": f"{form['WorkloadIdentityName']}/{name}", "UserContext": subject}
        usual, whose = super()._usual(action, form), form["WorkloadAccessToken"]
        if "Credentials" in usual:
            return {"Credentials": usual["Credentials"] | {"AccessKeyId": whose}}
        return usual | {"APIKey": whose, "AccessToken": whose}


@pytest.mark.parametrize("seed", range(3))
async def test_a_thousand_interleaved_calls_each_end_with_their_own(seed):
    order, clock = random.Random(seed), MovedClock()
    cloud = Naming(clock)
    cloud.order = order
    async with cloud.client() as http:
        store = MemoryStore()
        brokers = {
            name: CredentialBroker(
                replace(SETTINGS, workload_identity=name),
                http,
                store,
                ConsentDesk(SETTINGS, store),
                lambda: KEY,
                now=clock,
            )
            for name in WORKLOADS
        }

        async def call(number):
            user, workload = order.choice(PEOPLE), order.choice(WORKLOADS)
            broker, acting = brokers[workload], acting_as(user, f"run-{number}")
            for _ in range(order.randrange(3)):
                await asyncio.sleep(0)
            if number % 100 == 0:
                clock.advance(minutes=2)
            kind = order.randrange(3)
            if kind == 0:
                found = (await broker.api_key(acting, "weather")).secret.reveal()
            elif kind == 1:
                ask = ConsentAsk("tool", f"call-{number}")
                found = (await broker.oauth(acting, "time", ("time.read",), ask=ask)).secret.reveal()
            else:
                found = (await broker.sts(acting, POLICY, session_name=f"s-{user.id}")).access_key_id
            assert found == f"{workload}/{user.name}"

        await asyncio.gather(*[call(number) for number in range(1000)])
    assert len(cloud.calls) < 500
