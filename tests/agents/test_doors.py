"""Who is let in to an agent that is served alone."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from fujie.agents import doors
from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig, TokenIssuer
from fujie.agents.doors import ApiKeys, BearerTokens, KeysOrTokens, door_for
from fujie.agents.serving.limits import PacedInbound
from fujie.errors import SettingsError
from fujie.identity.claims import VerifiedClaims
from fujie.identity.errors import TokenInvalidError
from tests.agents.calling import client, question
from tests.agents.doubles import Clock

KEY = "a-long-random-key"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
ISSUER = TokenIssuer("https://issuer.example", "app")
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.c2ln"
"""Its payload names the issuer; the issuer's verifier has its own tests."""


class OneToken:
    def __init__(self, clock):
        self.clock, self.asked = clock, 0

    async def verify(self, unverified_token):
        self.asked += 1
        if unverified_token.reveal() != TOKEN:
            raise TokenInvalidError("the token's signature does not hold")
        return VerifiedClaims(ISSUER.issuer, "ann", ("app",), self.clock() + timedelta(minutes=2), "Ann")


def tokens():
    clock = Clock()
    door = BearerTokens([ISSUER], now=clock)
    door._verifiers[ISSUER.issuer] = OneToken(clock)
    return door, clock, door._verifiers[ISSUER.issuer]


async def test_nobody_is_let_in_until_a_way_in_is_named():
    async with client(AgentApp("Friday")) as http:
        answer = await http.post("/process", json=question())
    assert answer.status_code == 401
    assert "open_access" in answer.json()["error"]["repair"]


@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}])
async def test_a_key_is_a_user_of_its_own(headers):
    principal = await ApiKeys([HASH]).admit(headers)
    assert principal.user.id == f"key-{HASH[:16]}"


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "x"}, {"authorization": f"Bearer {HASH}"}, {"x-api-key": ""}])
async def test_without_a_key_that_is_listed_nobody_is(headers):
    with pytest.raises(TokenInvalidError):
        await ApiKeys([HASH]).admit(headers)


def test_keys_are_listed_as_hashes():
    with pytest.raises(SettingsError):
        ApiKeys([KEY])


async def test_a_token_is_its_subject_and_is_verified_once_while_it_lasts():
    door, clock, verifier = tokens()
    for _ in range(2):
        assert (await door.admit({"authorization": f"Bearer {TOKEN}"})).user.id == "ann"
    assert verifier.asked == 1
    clock.advance(minutes=3)
    await door.admit({"authorization": f"Bearer {TOKEN}"})
    assert verifier.asked == 2


async def test_a_token_that_does_not_verify_is_never_remembered():
    door, _, verifier = tokens()
    for _ in range(2):
        with pytest.raises(TokenInvalidError):
            await door.admit({"authorization": f"Bearer {TOKEN}x"})
    assert verifier.asked == 2


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwifQ.c2ln"])
async def test_a_token_of_another_issuer_is_asked_of_nobody(token):
    door, _, verifier = tokens()
    with pytest.raises(TokenInvalidError):
        await door.admit({"authorization": f"Bearer {token}"})
    assert verifier.asked == 0


async def test_tokens_beyond_the_remembered_are_forgotten(monkeypatch):
    monkeypatch.setattr(doors, "MAX_REMEMBERED", 0)
    door, _, verifier = tokens()
    for _ in range(2):
        await door.admit({"authorization": f"Bearer {TOKEN}"})
    assert verifier.asked == 2


async def test_keys_and_tokens_may_both_be_ways_in():
    door = KeysOrTokens(ApiKeys([HASH]), tokens()[0])
    assert (await door.admit({"authorization": f"Bearer {KEY}"})).user.id.startswith("key-")
    assert (await door.admit({"x-api-key": KEY, "authorization": f"Bearer {TOKEN}"})).user.id.startswith("key-")
    assert (await door.admit({"authorization": f"Bearer {TOKEN}"})).user.id == "ann"


async def test_a_token_whose_subject_is_called_like_a_key_is_not_its_user():
    """Hurt: the key's user, whose runs were those of a person who could choose a name."""
    tokens_door, clock, _ = tokens()

    class Named(OneToken):
        async def verify(self, unverified_token):
            return replace(await super().verify(unverified_token), subject=f"key-{HASH[:16]}")

    tokens_door._verifiers[ISSUER.issuer] = Named(clock)
    door = KeysOrTokens(ApiKeys([HASH]), tokens_door)
    named, key = [(await door.admit({"authorization": f"Bearer {one}"})).user for one in (TOKEN, KEY)]
    assert named.id == key.id
    assert named.tenant != key.tenant


def test_open_access_beside_another_way_in_is_a_contradiction():
    with pytest.raises(SettingsError):
        door_for(AgentConfig(open_access=True, api_keys=[HASH]))


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"peer": "192.0.2.7"}, {}),
        ({"host": "192.0.2.1"}, {}),
        ({}, {"host": "evil.example"}),
        ({}, {"origin": "https://evil.example"}),
        ({}, {"origin": "null"}),
        ({}, {"x-forwarded-for": "192.0.2.7"}),
        ({}, {"Forwarded": "for=192.0.2.7"}),
        ({}, {"x-real-ip": "192.0.2.7"}),
    ],
)
async def test_an_agent_open_on_its_machine_refuses_the_network_and_other_sites_pages(fields, headers):
    """Hurt: whose agent would act at the word of any page that is open in the same browser."""
    app = AgentApp("Friday", config=AgentConfig(open_access=True))
    async with client(app, **fields) as http:
        assert (await http.post("/process", json=question(), headers=headers)).status_code == 403


async def test_open_access_to_others_has_to_be_said():
    app = AgentApp("Friday", config=AgentConfig(open_access="anywhere"))
    async with client(app, peer="192.0.2.7", host="agent.example") as http:
        assert (await http.get("/v1/models")).status_code == 200
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0"):
        AgentApp("Friday", config=AgentConfig(open_access=True)).run(host="0.0.0.0")


async def test_a_door_that_counts_closes_the_one_within():
    class Within(BearerTokens):
        is_closed = False

        async def close(self):
            self.is_closed = True

    within = Within([ISSUER])
    await PacedInbound(within, 1).close()
    await PacedInbound(ApiKeys([HASH]), 1).close()
    assert within.is_closed
