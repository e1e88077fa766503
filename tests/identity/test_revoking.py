"""After sign-out the refresh token is revoked where it came from; nothing that fails there keeps anybody signed in."""

import httpx2
import pytest

from fujie.identity.delegation import row_id_of
from fujie.identity.errors import DelegationMismatchError, TokenInvalidError
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.identity.keys import new_signing_key
from fujie.identity.revoking import PATH, Revoker, SignOutTeller, revoke_quietly
from tests.identity.test_signin import come_back
from tests.identity.world import ISSUER, SETTINGS

PRIVATE, PUBLIC = new_signing_key()
ENDPOINT = ISSUER + "/v1/revoke"


@pytest.fixture
def revoked(issuer):
    """What the issuer's revocation endpoint was sent."""
    issuer.metadata["revocation_endpoint"] = ENDPOINT
    return issuer.revoked


@pytest.fixture
async def session(revoked, sign_in, issuer):
    return (await come_back(sign_in, issuer, await sign_in.begin("/"))).session


@pytest.fixture
def minted(clock, session):
    minter = InternalMinter("chat", PRIVATE, now=clock)
    return lambda handed=session.delegation_id: minter.mint("callback", delegation_id=handed)


@pytest.fixture
def revoker(issuer_http, store, opener, verifier, clock):
    from_chat = InternalVerifier("callback", {"chat": PUBLIC}, ["chat"], now=clock)
    return Revoker(SETTINGS, issuer_http, store, opener, verifier, from_chat, now=clock)


async def test_the_refresh_token_of_a_withdrawn_delegation_is_revoked_at_the_issuer(
    revoker, revoked, session, minted, sign_in
):
    await sign_in.sign_out(session)
    assert await revoker.revoke(minted())
    assert revoked == [{"token": "refresh-1", "token_type_hint": "refresh_token", "client_id": "app-1"}]


async def test_a_delegation_that_stands_is_not_revoked(revoker, revoked, minted):
    with pytest.raises(DelegationMismatchError):
        await revoker.revoke(minted())
    assert revoked == []


async def test_who_was_not_handed_the_delegation_revokes_nothing(revoker, revoked, session, minted, sign_in):
    await sign_in.sign_out(session)
    with pytest.raises(DelegationMismatchError):
        await revoker.revoke(minted(row_id_of(session.delegation_id)))
    assert revoked == []


async def test_a_token_revokes_once(revoker, revoked, session, minted, sign_in):
    await sign_in.sign_out(session)
    token = minted()
    await revoker.revoke(token)
    with pytest.raises(TokenInvalidError):
        await revoker.revoke(token)
    assert len(revoked) == 1


async def test_an_issuer_that_refuses_or_is_down_is_only_logged(revoker, session, minted, sign_in, issuer, caplog):
    await sign_in.sign_out(session)
    issuer.revoke_status = 503
    assert await revoke_quietly(revoker, minted()) == 204
    assert "HTTP 503" in caplog.text
    assert "refresh-1" not in caplog.text


@pytest.mark.parametrize("endpoint", [None, "http://login.example/v1/revoke", "javascript:x", 7])
async def test_an_issuer_without_a_safe_endpoint_is_sent_nothing(
    revoker, revoked, session, minted, sign_in, issuer, endpoint, clock
):
    issuer.metadata["revocation_endpoint"] = endpoint
    clock.advance(hours=2)
    await sign_in.sign_out(session)
    assert await revoker.revoke(minted()) is False
    assert revoked == []


@pytest.mark.parametrize("status", [204, 500, None])
async def test_chat_tells_callback_and_lives_with_any_answer(session, clock, status):
    asked = []

    def answer(request):
        asked.append(request)
        if status is None:
            raise httpx2.ConnectError("down")
        return httpx2.Response(status)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        await SignOutTeller(SETTINGS, http, InternalMinter("chat", PRIVATE, now=clock)).tell(session)
    assert str(asked[0].url) == SETTINGS.public_url + PATH
    assert session.delegation_id not in str(asked[0].url)
