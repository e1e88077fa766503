from datetime import timedelta

import pytest
from joserfc.jwk import ECKey

from fujie.identity.claims import IdTokenVerifier, unverified_header, unverified_payload
from fujie.identity.errors import (
    IdentityMisconfiguredError,
    IssuerUnavailableError,
    TokenExpiredError,
    TokenInvalidError,
)
from fujie.identity.rows import User
from fujie.secret import Secret
from tests.identity.world import ALICE, CLIENT_ID, ISSUER


async def test_a_good_token_names_its_user(verifier, issuer, clock):
    claims = await verifier.verify(issuer.token())
    assert claims.user("t") == User("t", ALICE.id, "alice")
    assert claims.audience == (CLIENT_ID,)
    assert claims.expires_at == clock() + timedelta(hours=1)


async def test_es256_is_accepted(verifier, issuer):
    issuer.keys = [ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)]
    assert (await verifier.verify(issuer.token())).subject == ALICE.id


async def test_the_name_falls_back_to_what_the_token_has(verifier, issuer):
    assert (await verifier.verify(issuer.token(name=None, login_name="al"))).name == "al"
    assert (await verifier.verify(issuer.token(name=None, upn="al@x"))).name == "al@x"
    assert (await verifier.verify(issuer.token(name=None))).name == ALICE.id


@pytest.mark.parametrize(
    ("name", "shown"), [("a", "a"), ("", "al"), ("x" * 255, "x" * 255), ("x" * 256, "al"), (7, "al")], ids=repr
)
async def test_a_name_is_a_text_of_one_to_255_characters_or_the_next_one_counts(verifier, issuer, name, shown):
    assert (await verifier.verify(issuer.token(name=name, login_name="al"))).name == shown


OTHER_ISSUER, OTHER_AUDIENCE = "the token was issued by another issuer", "the token is meant for another audience"
OTHER_PARTY, NO_SUBJECT = "the token was given to another party", "the token names no subject"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example"}, OTHER_ISSUER),
        ({"iss": None}, OTHER_ISSUER),
        ({"aud": "other"}, OTHER_AUDIENCE),
        ({"aud": None}, OTHER_AUDIENCE),
        ({"aud": []}, OTHER_AUDIENCE),
        ({"aud": [CLIENT_ID, "other"]}, OTHER_PARTY),
        ({"aud": [CLIENT_ID, 7], "azp": CLIENT_ID}, OTHER_AUDIENCE),
        ({"azp": "other"}, OTHER_PARTY),
        ({"sub": None}, NO_SUBJECT),
        ({"sub": ""}, NO_SUBJECT),
        ({"sub": "x" * 256}, NO_SUBJECT),
        ({"sub": "a\nb"}, NO_SUBJECT),
        ({"exp": None}, "the token has no usable exp"),
        ({"exp": "tomorrow"}, "the token has no usable exp"),
        ({"exp": True}, "the token has no usable exp"),
        ({"exp": 10**20}, "the token's exp is no moment in time"),
        ({"iat": None}, "the token has no usable iat"),
        ({"nbf": "soon"}, "the token has no usable nbf"),
        ({"nbf": 10**11}, "the token is not valid yet"),
    ],
    ids=str,
)
async def test_a_claim_that_does_not_hold_refuses_the_token_and_says_which(verifier, issuer, changes, why):
    with pytest.raises(TokenInvalidError) as refused:
        await verifier.verify(issuer.token(**changes))
    assert refused.value.message == why
    assert not isinstance(refused.value, TokenExpiredError)


async def test_several_audiences_need_us_as_the_authorized_party(verifier, issuer):
    token = issuer.token(aud=[CLIENT_ID, "other"], azp=CLIENT_ID)
    assert (await verifier.verify(token)).audience == (CLIENT_ID, "other")


async def test_an_ended_token_gets_no_grace(verifier, issuer, clock):
    token = issuer.token()
    clock.advance(seconds=3599)
    await verifier.verify(token)
    clock.advance(seconds=1)
    with pytest.raises(TokenExpiredError) as ended:
        await verifier.verify(token)
    assert ended.value.as_dict() == {
        "code": "token_expired",
        "message": "the token has expired",
        "repair": "sign in again",
    }


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_the_issuers_clock_may_run_ahead_by_a_minute_and_no_more(verifier, issuer, clock, claim):
    now = int(clock().timestamp())
    await verifier.verify(issuer.token(**{claim: now + 60}))
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(**{claim: now + 61}))


@pytest.mark.parametrize("given", ["other", None, 7])
async def test_a_sign_in_accepts_only_its_own_nonce(verifier, issuer, given):
    await verifier.verify(issuer.token(nonce="n-1"), nonce="n-1")
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(nonce=given), nonce="n-1")


@pytest.mark.parametrize(
    "text",
    ["", "not-a-jwt", "a.b", "a.b.c", "e30.e30.", "....", "W10.W10.x", "é.é.é", "x" * 20000],
    ids=lambda t: t[:9],
)
async def test_what_is_no_token_is_refused_without_asking_anyone(verifier, issuer, text):
    with pytest.raises(TokenInvalidError):
        await verifier.verify(Secret(text))
    assert issuer.requests == []


def test_what_nobody_vouches_for_is_read_under_a_name_that_says_so(issuer):
    token = issuer.token(name="al")
    assert unverified_payload(token)["name"] == "al"
    assert unverified_header(token)["alg"] == "RS256"
    for part in (unverified_payload, unverified_header):
        with pytest.raises(TokenInvalidError, match="not a signed JWT"):
            part(Secret("a.b.c"))


async def test_keys_are_fetched_once_for_many_tokens(verifier, issuer):
    for _ in range(5):
        await verifier.verify(issuer.token())
    assert issuer.requests == ["/.well-known/openid-configuration", "/v1/keys"]


async def test_a_token_without_a_key_id_is_verified_by_the_only_key_of_its_kind(verifier, issuer):
    rsa = issuer.keys[0]
    issuer.keys = [ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True), rsa]
    assert (await verifier.verify(issuer.token(key=rsa, header={"kid": None}))).subject == ALICE.id


async def test_a_rotated_key_is_found_by_one_refetch(verifier, issuer):
    await verifier.verify(issuer.token())
    issuer.rotate()
    await verifier.verify(issuer.token())
    assert issuer.requests.count("/v1/keys") == 2


async def test_tokens_with_unknown_keys_cannot_make_us_flood_the_issuer(verifier, issuer, clock):
    stranger = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    for _ in range(5):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(issuer.token(key=stranger))
    assert issuer.requests.count("/v1/keys") == 2
    clock.advance(seconds=30)
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.token(key=stranger))
    assert issuer.requests.count("/v1/keys") == 3


async def test_known_keys_serve_while_the_issuer_is_down_but_not_for_ever(verifier, issuer, clock):
    await verifier.verify(issuer.token())
    issuer.is_down = True
    clock.advance(hours=2)
    await verifier.verify(issuer.token())
    clock.advance(hours=23)
    with pytest.raises(IssuerUnavailableError):
        await verifier.verify(issuer.token())


async def test_an_issuer_that_was_never_reached_is_unavailable_and_asked_again_soon(verifier, issuer, clock):
    issuer.is_down = True
    for _ in range(3):
        with pytest.raises(IssuerUnavailableError):
            await verifier.verify(issuer.token())
    assert len(issuer.requests) == 1
    issuer.is_down = False
    clock.advance(seconds=2)
    await verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"issuer": ISSUER + "/"},
        {"jwks_uri": "http://login.example/v1/keys"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"token_endpoint": "https://u:p@login.example/v1/token"},
        {"token_endpoint": None},
    ],
    ids=str,
)
async def test_discovery_of_another_issuer_or_over_plain_http_is_refused(verifier, issuer, changes):
    issuer.metadata |= changes
    with pytest.raises(IssuerUnavailableError):
        await verifier.verify(issuer.token())


@pytest.mark.parametrize("keys", [None, [], ["x"], [{}], "x", [{"kty": "RSA"}], [{"kty": "oct", "k": "AAAA"}]], ids=str)
async def test_malformed_keys_refuse_and_do_not_break(issuer_http, issuer, clock, keys, monkeypatch):
    token = issuer.token()
    usual = issuer.answer

    def answer(request):
        response = usual(request)
        if request.url.path == "/v1/keys":
            import httpx2

            return httpx2.Response(200, json={"keys": keys})
        return response

    monkeypatch.setattr(issuer_http._transport, "handler", answer)
    with pytest.raises((IssuerUnavailableError, TokenInvalidError)):
        await IdTokenVerifier(issuer_http, ISSUER, CLIENT_ID, now=clock).verify(token)


@pytest.mark.parametrize("issuer_url", ["http://login.example", "", "login.example", "https://u@x.example", "ftp://x"])
async def test_an_issuer_must_be_https(issuer_http, issuer_url):
    with pytest.raises(IdentityMisconfiguredError):
        IdTokenVerifier(issuer_http, issuer_url, CLIENT_ID)


@pytest.mark.parametrize("issuer_url", ["http://127.0.0.1:9000/oauth", "http://localhost:9000", "http://[::1]:9000"])
async def test_this_machine_may_be_an_issuer_over_http(issuer_http, issuer_url):
    IdTokenVerifier(issuer_http, issuer_url, CLIENT_ID)


async def test_no_audience_verifies_nothing(issuer_http):
    with pytest.raises(IdentityMisconfiguredError):
        IdTokenVerifier(issuer_http, ISSUER, "")
