"""No user token is believed before everything about it is checked."""

import base64
import hmac
import json

import pytest
from joserfc.jwk import KeySet, RSAKey

from fujie_emulator.core.errors import CloudError
from tests.emulator.calling import call


async def exchange(cloud, token):
    return await call(
        cloud, "agentidentitydata", "GetWorkloadAccessTokenForJWT", WorkloadIdentityName="demo", UserToken=token
    )


async def refused(cloud, token, code="InvalidParameter.JsonWebToken"):
    with pytest.raises(CloudError) as caught:
        await exchange(cloud, token)
    assert caught.value.code == code
    assert token[:20] not in caught.value.message
    return caught.value


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_a_good_token_says_who_the_user_is(world, issuer):
    answer = await exchange(world, issuer.token(world, aud=["other", "mobile"], jti="j-1"))
    assert answer["UserContext"]["JwtClaims"] == {
        "Issuer": issuer.url,
        "Subject": "alice",
        "Audiences": "other,mobile",
        "JTI": "j-1",
    }
    assert answer["WorkloadAccessToken"].count(".") == 4


async def test_a_token_without_signature_is_refused(world, issuer):
    _, payload, signature = issuer.token(world).split(".")
    for header in ({"alg": "none"}, {"alg": "none", "kid": "present"}, {"alg": "None", "kid": "present"}):
        await refused(world, f"{part(header)}.{payload}.")
        await refused(world, f"{part(header)}.{payload}.{signature}")


async def test_a_token_signed_with_the_public_key_as_hmac_secret_is_refused(world, issuer):
    _, payload, _ = issuer.token(world).split(".")
    signed = f"{part({'alg': 'HS256', 'kid': 'present', 'typ': 'JWT'})}.{payload}"
    for secret in (issuer.key.as_pem(private=False), json.dumps(issuer.key.as_dict(private=False)).encode()):
        signature = hmac.new(secret, signed.encode(), "sha256").digest()
        await refused(world, f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


async def test_an_unknown_key_and_another_keys_signature_are_refused(world, issuer):
    stranger = RSAKey.generate_key(2048, {"kid": "present"})
    await refused(world, issuer.token(world, header={"kid": "unknown"}))
    await refused(world, issuer.token(world, key=stranger))
    embedded = {"jwk": stranger.as_dict(private=False), "jku": issuer.url + "/keys", "kid": "unknown"}
    await refused(world, issuer.token(world, key=stranger, header=embedded))


async def test_a_token_that_names_no_key_is_refused(world, issuer):
    token = issuer.token(world, header={"kid": ""})
    await refused(world, token)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": []},
        {"aud": ["another", 5]},
        {"iss": "https://evil.example"},
        {"sub": ""},
        {"sub": 7},
        {"exp": "tomorrow"},
        {"exp": True},
        {"jti": 5},
    ],
)
async def test_a_claim_that_is_wrong_refuses_the_token(world, issuer, claims):
    await refused(world, issuer.token(world, **claims))


@pytest.mark.parametrize("absent", ["iss", "aud", "sub", "exp"])
async def test_a_claim_that_is_absent_refuses_the_token(world, issuer, absent):
    await refused(world, issuer.token(world, without=[absent]))


async def test_a_token_ends_on_the_second_and_begins_within_a_minute(world, issuer):
    now = int(world.clock.time())
    await refused(world, issuer.token(world, exp=now))
    await refused(world, issuer.token(world, nbf=now + 90))
    await refused(world, issuer.token(world, iat=now + 90))
    await exchange(world, issuer.token(world, nbf=now + 30, iat=now + 30))
    token = issuer.token(world)
    world.clock.advance(3601)
    assert "expired" in (await refused(world, token)).message


@pytest.mark.parametrize("token", ["not-a-jwt", "a.b", "a.b.c.d.e", "é.é.é", "..", "a" * 20_000])
async def test_what_is_no_token_is_refused(world, token):
    await refused(world, token)


async def test_a_rotated_key_is_found_and_a_withdrawn_one_is_not(world, issuer, outside):
    new = RSAKey.generate_key(2048, {"kid": "next"})
    outside.answers["/keys"] = (200, KeySet([new]).as_dict(private=False))
    await exchange(world, issuer.token(world, key=new, header={"kid": "next"}))
    await refused(world, issuer.token(world))


@pytest.mark.parametrize(
    "answer",
    [(500, {}), (200, b"<html>"), (200, []), (302, {}), (200, {"issuer": 5}), (200, b"x" * 70_000)],
)
async def test_an_identity_provider_whose_metadata_cannot_be_had_lets_no_one_in(world, issuer, outside, answer):
    outside.answers["/discovery"] = answer
    await refused(world, issuer.token(world), "InvalidOAuthDiscoveryURL")


@pytest.mark.parametrize("keys", [{}, {"keys": "x"}, {"keys": [{"kty": "??"}]}, {"keys": [5]}])
async def test_keys_that_cannot_be_read_let_no_one_in(world, issuer, outside, keys):
    outside.answers["/keys"] = (200, keys)
    await refused(world, issuer.token(world), "InvalidOAuthDiscoveryURL")


async def test_an_identity_without_provider_takes_no_user_token(world, issuer):
    await call(world, "agentidentity", "CreateWorkloadIdentity", WorkloadIdentityName="bare")
    with pytest.raises(CloudError) as caught:
        await call(
            world,
            "agentidentitydata",
            "GetWorkloadAccessTokenForJWT",
            WorkloadIdentityName="bare",
            UserToken=issuer.token(world),
        )
    assert caught.value.code == "EntityNotExists.IdentityProvider"
