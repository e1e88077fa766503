"""What an attacker sends instead of a token, and what he gets: nothing."""

import base64
import hashlib
import hmac
import json

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fujie.identity.errors import TokenExpiredError, TokenInvalidError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_signing_key
from fujie.secret import Secret
from tests.identity.world import ALICE, BOB

CHAT, PROCESS, CALLBACK = new_signing_key(), new_signing_key(), new_signing_key()
PUBLIC = {"chat": CHAT[1], "process": PROCESS[1], "callback": CALLBACK[1]}


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header, claims, signature=b""):
    return Secret(f"{encoded(header)}.{encoded(claims)}.{encoded(signature)}")


def with_hmac(header, claims, secret):
    signing_input = f"{encoded(header)}.{encoded(claims)}"
    return Secret(f"{signing_input}.{encoded(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, "HS256", "RS512", "PS256", ["RS256"], 0])
async def test_an_id_token_with_a_foreign_algorithm_is_refused(verifier, issuer, alg):
    """Hurt: Alice, whom a token without a signature, or with a weak one, would name."""
    with pytest.raises(TokenInvalidError):
        await verifier.verify(forged({"alg": alg, "kid": issuer.keys[0].kid}, issuer.claims()))


async def test_a_public_key_is_no_shared_secret(verifier, issuer):
    """Hurt: Alice; the public key is public, and as an HMAC's secret everybody has it (algorithm confusion)."""
    key = issuer.keys[0]
    as_json = json.dumps(key.as_dict(private=False)).encode()
    for secret in (key.as_pem(private=False), key.as_der(private=False), as_json):
        for alg in ("HS256", "RS256"):
            with pytest.raises(TokenInvalidError):
                await verifier.verify(with_hmac({"alg": alg, "kid": key.kid}, issuer.claims(), secret))


async def test_a_key_that_the_token_brings_along_is_not_believed(verifier, issuer):
    """Hurt: Alice, whose name would be vouched for by a key that the attacker made."""
    own = RSAKey.generate_key(2048, auto_kid=True)
    public = own.as_dict(private=False)
    for extra in ({"jwk": public}, {"jku": "https://evil.example/keys"}, {"kid": own.kid, "jwk": public}):
        header = {"alg": "RS256", "kid": issuer.keys[0].kid} | extra
        with pytest.raises(TokenInvalidError):
            await verifier.verify(Secret(jwt.encode(header, issuer.claims(), own, ["RS256"])))
    assert set(issuer.requests) <= {"/.well-known/openid-configuration", "/v1/keys"}


async def test_a_changed_claim_breaks_the_signature(verifier, issuer):
    """Hurt: Bob, whose id Alice would write into her own good token."""
    header, _, signature = issuer.token().reveal().split(".")
    with pytest.raises(TokenInvalidError):
        await verifier.verify(Secret(f"{header}.{encoded(issuer.claims(BOB))}.{signature}"))


async def test_an_es256_key_does_not_verify_rs256_and_the_other_way_round(verifier, issuer):
    """Hurt: Alice, as in every confusion of algorithms."""
    ec = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    issuer.keys = [issuer.keys[0], ec]
    token = issuer.token(key=issuer.keys[0], header={"kid": ec.kid})
    with pytest.raises(TokenInvalidError):
        await verifier.verify(token)


async def test_unknown_critical_headers_are_refused(verifier, issuer):
    """Hurt: Alice, whose token says that it must be read in a way which we do not know."""
    header = {"alg": "RS256", "kid": issuer.keys[0].kid, "crit": ["exp"], "exp": 1}
    with pytest.raises(TokenInvalidError):
        await verifier.verify(forged(header, issuer.claims(), b"x" * 256))


@pytest.mark.parametrize("typ", ["at+jwt", "fujie-internal+jwt", "logout+jwt"])
async def test_a_token_of_another_kind_is_no_id_token(verifier, issuer, typ):
    """Hurt: Alice, whose access or logout token some other server holds."""
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(header={"typ": typ}))


@pytest.mark.parametrize(
    "changes", [{"aud": "another-app"}, {"iss": "https://evil.example"}, {"aud": ["a", "b"]}, {"azp": "other"}], ids=str
)
async def test_a_good_token_for_somebody_else_is_refused(verifier, issuer, changes):
    """Hurt: Alice, whose token for another application that application could bring here."""
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(**changes))


async def test_no_refusal_repeats_the_token(verifier, issuer, clock):
    """Hurt: Alice, whose token would be in an error, and from there in a log."""
    good = issuer.token()
    clock.advance(hours=2)
    for token in (good, Secret(good.reveal() + "x"), issuer.token(aud="x")):
        with pytest.raises(TokenInvalidError) as refused:
            await verifier.verify(token)
        said = repr(refused.value) + str(refused.value.as_dict())
        assert not any(part in said for part in token.reveal().split("."))


def process_verifier(clock):
    return InternalVerifier("process", PUBLIC, ["chat", "callback"], now=clock)


def mint(function, key, audience, clock, **more):
    return InternalMinter(function, key[0], now=clock).mint(audience, delegation_id="d", **more)


def test_an_internal_token_of_a_function_that_does_not_speak_here_is_refused(clock):
    """Hurt: everybody, were one taken function as good as all."""
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(mint("process", PROCESS, "process", clock))


def test_nobody_mints_in_another_functions_name(clock):
    """Hurt: everybody, as above."""
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(mint("chat", PROCESS, "process", clock))
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(mint("callback", CHAT, "process", clock))


def test_an_internal_token_for_another_function_is_refused(clock):
    """Hurt: Alice, whose question would be passed on as a call of a tool."""
    for audience in ("tool", "", "process2"):
        with pytest.raises(TokenInvalidError):
            process_verifier(clock).verify(mint("chat", CHAT, audience, clock))


def test_an_internal_token_ends_after_five_minutes(clock):
    """Hurt: Alice, whose recorded requests would work for ever."""
    token = mint("chat", CHAT, "process", clock)
    clock.advance(seconds=299)
    process_verifier(clock).verify(token)
    clock.advance(seconds=1)
    with pytest.raises(TokenExpiredError):
        process_verifier(clock).verify(token)


def internal_claims(clock, **changes):
    now = int(clock().timestamp())
    claims = {
        "iss": "chat",
        "aud": "process",
        "iat": now,
        "exp": now + 300,
        "jti": "j",
        "dlg": "d",
        "act": {"sub": "chat"},
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed_internal(claims, *, key=CHAT, header=None):
    own = ECKey.import_key(json.loads(key[0].reveal()))
    header = {"alg": "ES256", "typ": "fujie-internal+jwt", "kid": own.kid} | (header or {})
    return Secret(jwt.encode(header, claims, own, ["ES256"]))


def test_the_forge_itself_makes_good_tokens(clock):
    """Hurt: nobody; it shows that the forged tokens are refused for what is odd in them."""
    assert process_verifier(clock).verify(signed_internal(internal_claims(clock))).delegation_id == "d"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 32503680000},
        {"iat": 0},
        {"iat": None},
        {"exp": None},
        {"aud": ["process"]},
        {"aud": None},
        {"iss": None},
        {"iss": ["chat"]},
        {"jti": None},
        {"act": None},
        {"act": {"sub": "callback"}},
        {"act": {"sub": "chat", "admin": True}},
        {"act": {"sub": "chat", "act": "process"}},
        {"dlg": 7},
        {"run": {"$ne": ""}},
    ],
    ids=str,
)
def test_a_signed_internal_token_with_odd_claims_is_refused(clock, changes):
    """Hurt: whoever is named by a claim that is read in two ways."""
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(signed_internal(internal_claims(clock, **changes)))


def test_a_token_that_lives_longer_than_five_minutes_is_refused_at_any_moment(clock):
    """Hurt: everybody, were one minter's mistake (or a taken one's wish) a token for a year."""
    now = int(clock().timestamp())
    for iat, exp in ((now, now + 301), (now - 200, now + 101), (now + 50, now + 351)):
        with pytest.raises(TokenInvalidError):
            process_verifier(clock).verify(signed_internal(internal_claims(clock, iat=iat, exp=exp)))


def test_an_endless_act_chain_is_refused(clock):
    """Hurt: everybody on the instance that would walk it."""
    act = {"sub": "x"}
    for _ in range(10):
        act = {"sub": "chat", "act": act}
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(signed_internal(internal_claims(clock, act=act)))


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "jwt"}, {"kid": "other"}, {"kid": 7}], ids=str)
def test_an_internal_token_with_another_header_is_refused(clock, header):
    """Hurt: everybody, were a token read as another kind than it was signed as."""
    good = signed_internal(internal_claims(clock)).reveal().split(".")
    changed = {"alg": "ES256", "typ": "fujie-internal+jwt"} | header
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(Secret(".".join([encoded(changed), *good[1:]])))


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", ""])
def test_a_token_that_the_right_key_signed_for_another_purpose_is_refused(clock, typ):
    """Hurt: everybody, as above."""
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(signed_internal(internal_claims(clock), header={"typ": typ}))


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", None])
def test_an_internal_token_with_another_algorithm_is_refused(clock, alg):
    """Hurt: everybody, as in every confusion of algorithms."""
    header = {"alg": alg, "typ": "fujie-internal+jwt"}
    for token in (
        forged(header, internal_claims(clock)),
        with_hmac(header, internal_claims(clock), CHAT[1].encode()),
    ):
        with pytest.raises(TokenInvalidError):
            process_verifier(clock).verify(token)


def test_a_users_id_token_is_no_internal_token(clock, issuer):
    """Hurt: everybody, in whose name any signed-in user could speak as a function of ours."""
    with pytest.raises(TokenInvalidError):
        process_verifier(clock).verify(issuer.token(ALICE))
