import asyncio

import pytest

from fujie.identity.delegation import row_id_of, sha256_hex
from fujie.identity.errors import IssuerUnavailableError, SignInError, TokenInvalidError
from fujie.identity.signin import local_path, s256
from fujie.secret import Secret
from tests.identity.world import ALICE, ISSUER, everything_said, query_of


async def come_back(sign_in, issuer, redirect, **changes):
    query = query_of(redirect.url)
    issuer.grants(issuer.token(nonce=query["nonce"]), refresh_token="refresh-1")
    given = {"code": Secret("code-1"), "state": query["state"], "login_cookie": redirect.login_cookie} | changes
    return await sign_in.finish(**given)


async def test_the_browser_is_sent_with_pkce_nonce_and_state(sign_in):
    redirect = await sign_in.begin("/connect/1?x=2")
    query = query_of(redirect.url)
    assert redirect.url.startswith(ISSUER + "/authorize?")
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "https://stack.example/auth/callback"
    assert len({query["state"], query["nonce"], query["code_challenge"], redirect.login_cookie.reveal()}) == 4


async def test_coming_back_makes_a_session_and_a_delegation(sign_in, issuer, store, opener, clock):
    redirect = await sign_in.begin("/connect/1?x=2")
    signed_in = await come_back(sign_in, issuer, redirect)
    assert signed_in.return_to == "/connect/1?x=2"
    assert signed_in.session.user == ALICE
    assert signed_in.session.id_hash == sha256_hex(signed_in.session_cookie.reveal())
    assert await sign_in.session(signed_in.session_cookie) == signed_in.session
    kept = await store.browser_session(signed_in.session.id_hash)
    assert kept.delegation_id == row_id_of(signed_in.session.delegation_id) != signed_in.session.delegation_id
    row = await store.delegation(kept.delegation_id)
    assert row.session_hash == signed_in.session.id_hash
    assert opener.open(row, signed_in.session.delegation_id).refresh_token == Secret("refresh-1")


async def test_the_code_is_redeemed_with_the_verifier_of_the_challenge(sign_in, issuer):
    redirect = await sign_in.begin("/")
    await come_back(sign_in, issuer, redirect)
    [form] = issuer.token_forms
    assert s256(form["code_verifier"]) == query_of(redirect.url)["code_challenge"]
    assert form["redirect_uri"] == query_of(redirect.url)["redirect_uri"]


async def test_an_attempt_ends_after_ten_minutes(sign_in, issuer, clock):
    redirect = await sign_in.begin("/")
    clock.advance(minutes=10)
    with pytest.raises(SignInError):
        await come_back(sign_in, issuer, redirect)


async def test_of_two_at_once_one_comes_in(sign_in, issuer):
    redirect = await sign_in.begin("/")
    both = await asyncio.gather(
        come_back(sign_in, issuer, redirect), come_back(sign_in, issuer, redirect), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["SignInError", "SignedIn"]


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (400, {"error": "invalid_grant"}, SignInError),
        (200, {"access_token": "only"}, SignInError),
        (200, ["x"], IssuerUnavailableError),
        (500, {}, IssuerUnavailableError),
        (302, {}, SignInError),
    ],
)
async def test_what_the_token_endpoint_refuses_is_typed(sign_in, issuer, status, document, error):
    redirect = await sign_in.begin("/")
    issuer.token_answer = (status, document)
    with pytest.raises(error):
        await sign_in.finish(
            code=Secret("c"), state=query_of(redirect.url)["state"], login_cookie=redirect.login_cookie
        )


async def test_an_id_token_with_another_nonce_signs_nobody_in(sign_in, issuer, store):
    redirect = await sign_in.begin("/")
    issuer.grants(issuer.token(nonce="other"))
    with pytest.raises(TokenInvalidError):
        await sign_in.finish(
            code=Secret("c"), state=query_of(redirect.url)["state"], login_cookie=redirect.login_cookie
        )


async def test_a_session_ends_when_it_is_idle(sign_in, issuer, clock):
    signed_in = await come_back(sign_in, issuer, await sign_in.begin("/"))
    clock.advance(hours=11)
    assert await sign_in.session(signed_in.session_cookie) is not None
    clock.advance(hours=11)
    assert await sign_in.session(signed_in.session_cookie) is not None
    clock.advance(hours=12)
    assert await sign_in.session(signed_in.session_cookie) is None


async def test_a_session_ends_after_a_week_however_busy_it_is(sign_in, issuer, clock, store):
    signed_in = await come_back(sign_in, issuer, await sign_in.begin("/"))
    for _ in range(16):
        clock.advance(hours=10)
        assert await sign_in.session(signed_in.session_cookie) is not None
    clock.advance(hours=8)
    assert await sign_in.session(signed_in.session_cookie) is None
    assert (await store.delegation(row_id_of(signed_in.session.delegation_id))).withdrawn_at is not None


async def test_signing_out_ends_session_and_delegation(sign_in, issuer, store):
    signed_in = await come_back(sign_in, issuer, await sign_in.begin("/"))
    await sign_in.sign_out(signed_in.session)
    assert await sign_in.session(signed_in.session_cookie) is None
    assert (await store.delegation(row_id_of(signed_in.session.delegation_id))).withdrawn_at is not None


@pytest.mark.parametrize("cookie", [None, Secret(""), Secret("x"), Secret("x" * 5000)], ids=repr)
async def test_a_strange_cookie_is_nobody(sign_in, cookie):
    assert await sign_in.session(cookie) is None


async def test_nothing_secret_is_in_a_repr(sign_in, issuer):
    redirect = await sign_in.begin("/")
    signed_in = await come_back(sign_in, issuer, redirect)
    said = everything_said(signed_in)
    assert redirect.login_cookie.reveal() not in repr(redirect)
    assert signed_in.session_cookie.reveal() not in said


@pytest.mark.parametrize("path", ["/", "/a", "/connect/x?y=//z&w=http://q", "/a#b", "/a%2F%2Fb"])
def test_local_paths_are_kept(path):
    assert local_path(path) == path
