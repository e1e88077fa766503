"""Attacks on the redirect: a stranger's state, a second use, a mix-up of issuers, a way out of the origin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.identity.errors import SignInError, TokenInvalidError
from fujie.identity.signin import local_path
from fujie.secret import Secret
from tests.identity.world import ISSUER, query_of


async def begun(sign_in, issuer, return_to="/"):
    redirect = await sign_in.begin(return_to)
    query = query_of(redirect.url)
    issuer.grants(issuer.token(nonce=query["nonce"]))
    return redirect, query["state"]


async def test_a_state_is_used_once(sign_in, issuer):
    """Hurt: Alice, whose return from the sign-in lies in a history or a log."""
    redirect, state = await begun(sign_in, issuer)
    await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)
    assert len(issuer.token_forms) == 1


@pytest.mark.parametrize("cookie", [None, Secret(""), Secret("guess")], ids=repr)
async def test_a_browser_that_did_not_begin_signs_nobody_in(sign_in, issuer, cookie):
    """Hurt: Alice, whose browser an attacker would sign in as himself, to see what she then writes (login CSRF)."""
    redirect, state = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=cookie)
    assert issuer.token_forms == []
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)


async def test_the_attackers_state_does_not_go_with_the_victims_cookie(sign_in, issuer):
    """Hurt: Alice, as above; her browser has begun a sign-in of its own."""
    attacker, attacker_state = await begun(sign_in, issuer)
    victim, _ = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=attacker_state, login_cookie=victim.login_cookie)
    assert attacker.login_cookie != victim.login_cookie


@pytest.mark.parametrize("state", ["", "guess", "x" * 100_000, "\x00", "é"])
async def test_an_unknown_state_is_refused(sign_in, issuer, state):
    """Hurt: whoever is signing in at this moment, and the log, were each odd state a crash."""
    redirect, _ = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)


async def test_an_answer_from_another_issuer_is_refused_before_the_code_leaves(sign_in, issuer):
    """Hurt: Alice, whose code at one issuer would be brought to another (mix-up, RFC 9207)."""
    redirect, state = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(
            code=Secret("c"), state=state, login_cookie=redirect.login_cookie, issuer="https://evil.example"
        )
    assert issuer.token_forms == []


async def test_an_issuer_that_promises_to_name_itself_must_do_so(sign_in, issuer):
    """Hurt: Alice, as above, by an answer from which the name was taken out."""
    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    redirect, state = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)
    redirect, state = await begun(sign_in, issuer)
    await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie, issuer=ISSUER)


async def test_a_token_of_an_earlier_sign_in_does_not_serve_a_second(sign_in, issuer):
    """Hurt: Alice, whose stolen id_token would sign a stranger's browser in."""
    redirect, state = await begun(sign_in, issuer)
    stolen = issuer.token_answer
    await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)
    redirect, state = await begun(sign_in, issuer)
    issuer.token_answer = stolen
    with pytest.raises(TokenInvalidError):
        await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)


@pytest.mark.parametrize("code", ["", "x" * 5000])
async def test_no_code_or_an_endless_one_is_refused(sign_in, issuer, code):
    """Hurt: the issuer, to which everything would be passed on."""
    redirect, state = await begun(sign_in, issuer)
    with pytest.raises(SignInError):
        await sign_in.finish(code=Secret(code), state=state, login_cookie=redirect.login_cookie)
    assert issuer.token_forms == []


@pytest.mark.parametrize(
    "return_to",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "http:/evil.example",
        "/a//evil.example",
        "/.//evil.example",
        "/\u2028/evil.example",
        "/\uff0fevil.example",
        "/%5c\\x",
        '/"><script>',
        "/" + "a" * 3000,
        "\x00/",
        "?x=1",
        "#x",
    ],
)
async def test_the_way_back_never_leaves_the_origin(sign_in, issuer, return_to):
    """Hurt: Alice, who trusts the page that she sees right after her sign-in (open redirect)."""
    redirect, state = await begun(sign_in, issuer, return_to)
    signed_in = await sign_in.finish(code=Secret("c"), state=state, login_cookie=redirect.login_cookie)
    assert signed_in.return_to == "/"


@given(st.text(alphabet="/\\.:@%?# \t\r\nabhtps\u2028", max_size=30))
def test_whatever_is_kept_is_a_path_of_this_origin(text):
    """Hurt: Alice, as above, by an address that nobody thought of."""
    from urllib.parse import urljoin, urlsplit

    kept = local_path(text)
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))
    joined = urlsplit(urljoin("https://stack.example/auth/callback", kept))
    assert (joined.scheme, joined.netloc) == ("https", "stack.example")


async def test_sign_ins_that_nobody_ends_do_not_pile_up(sign_in, store, clock):
    """Hurt: the whole stack, whose database any visitor could fill without signing in."""
    for _ in range(5):
        await sign_in.begin("/")
    clock.advance(minutes=11)
    await sign_in.begin("/")
    assert len(store._attempts) == 1
