"""A forwarded link, a stranger's browser, a replayed return: refused, and nothing is stored."""

import pytest

from fujie.identity.completion import complete
from fujie.identity.consent import TTL, ConsentAsk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import delegate
from fujie.identity.errors import (
    CloudRefusedError,
    ConsentForeignError,
    ConsentNotFoundError,
    ConsentStateError,
    DelegationExpiredError,
    DelegationMismatchError,
)
from fujie.secret import Secret
from tests.identity.world import ALICE, BOB, KEY, SETTINGS, acting_as, browser_session, handed, inbound, run_of

URI = "urn:ietf:params:oauth:request_uri:1"
ALICES = browser_session()
ALICES_OTHER = browser_session(ALICE, "browser-2")
BOBS = browser_session(BOB, "browser-bob")


async def asked(desk, clock, acting=None, state="state-1"):
    return await desk.request(
        acting or acting_as(),
        "dingtalk",
        ("document.write",),
        ConsentAsk("tool", "call"),
        session_uri=URI,
        authorization_url="https://data.example/oauth2/authorize?request_uri=1",
        state=Secret(state),
        expires_at=clock() + TTL,
    )


async def test_a_forwarded_link_is_refused_and_nothing_is_stored(desk, store, clock):
    """Hurt: Alice or Bob, whoever opens a link that the other passed on and allows what is not his to allow."""
    request = await asked(desk, clock)
    before = await store.consent(request.consent_id)
    for stranger in (BOBS, ALICES_OTHER):
        for answer in (desk.look, desk.allow, desk.deny):
            with pytest.raises(ConsentForeignError):
                await answer(request.consent_id, stranger)
    assert await store.consent(request.consent_id) == before


async def test_whoever_comes_back_in_another_browser_is_refused(desk, store, clock):
    """Hurt: Alice, whose consent would be completed by who caught the link back, or Bob, who was lured into it."""
    request = await asked(desk, clock)
    await desk.allow(request.consent_id, ALICES)
    before = await store.consent(request.consent_id)
    for stranger in (BOBS, ALICES_OTHER):
        with pytest.raises(ConsentForeignError):
            await desk.take_return(session_uri=URI, state="state-1", session=stranger)
    assert await store.consent(request.consent_id) == before


async def test_a_return_that_nobody_allowed_is_refused(desk, clock):
    """Hurt: Alice, for whom a forged return would answer a question that she has not seen."""
    await asked(desk, clock)
    with pytest.raises(ConsentStateError):
        await desk.take_return(session_uri=URI, state="state-1", session=ALICES)


async def test_a_return_is_used_once(desk, clock):
    """Hurt: Alice, whose return lies in a history, a log or a referrer."""
    request = await asked(desk, clock)
    await desk.allow(request.consent_id, ALICES)
    await desk.take_return(session_uri=URI, state="state-1", session=ALICES)
    with pytest.raises(ConsentStateError):
        await desk.take_return(session_uri=URI, state="state-1", session=ALICES)


@pytest.mark.parametrize("uri", ["", URI + "2", "urn:other", "é"])
async def test_a_return_with_another_session_uri_is_refused_and_costs_nothing(desk, clock, uri):
    """Hurt: Alice, into whose permission another one (the attacker's account at the provider) would be put."""
    request = await asked(desk, clock)
    await desk.allow(request.consent_id, ALICES)
    with pytest.raises(ConsentStateError):
        await desk.take_return(session_uri=uri, state="state-1", session=ALICES)
    await desk.take_return(session_uri=URI, state="state-1", session=ALICES)


async def test_a_guessed_state_finds_nothing(desk, clock):
    """Hurt: whoever waits for a consent at this moment."""
    request = await asked(desk, clock)
    for state in ("", "guess", request.consent_id, "x" * 100_000):
        with pytest.raises(ConsentNotFoundError):
            await desk.take_return(session_uri=URI, state=state, session=ALICES)


@pytest.fixture
async def row(store, sealer, verifier, issuer, clock):
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = inbound(token, None, claims.expires_at)
    return await delegate(store, sealer, claims, tokens, tenant="default", session_hash="browser-1", now=clock)


@pytest.fixture
def data_plane(cloud_http, clock):
    return DataPlane(SETTINGS, cloud_http, lambda: KEY, now=clock)


async def returned(desk, clock, row):
    acting = acting_as()
    request = await asked(desk, clock, type(acting)(run_of(ALICE, "run-1", handed(row)), ALICE, row, acting.tokens))
    await desk.allow(request.consent_id, ALICES)
    return await desk.take_return(session_uri=URI, state="state-1", session=ALICES)


async def test_the_cloud_is_told_with_the_users_own_token(desk, clock, row, store, opener, data_plane, cloud):
    """Hurt: Alice, were the cloud merely told a user's id that somebody chose."""
    consent = await returned(desk, clock, row)
    await complete(data_plane, opener, store, consent, now=clock())
    [(action, form)] = cloud.calls
    assert action == "CompleteResourceTokenAuth"
    assert form["SessionURI"] == URI
    assert opener.open(row, handed(row)).id_token.reveal() in form["UserIdentifier"]


async def test_a_consent_is_not_completed_with_somebody_elses_delegation(
    desk, clock, row, store, opener, data_plane, cloud
):
    """Hurt: Alice, the deputy's principal: Bob's row would be completed with her token."""
    from msgspec.structs import replace

    consent = replace(await returned(desk, clock, row), user=BOB)
    with pytest.raises(DelegationMismatchError):
        await complete(data_plane, opener, store, consent, now=clock())
    assert cloud.calls == []


async def test_a_consent_is_not_completed_for_who_signed_out_meanwhile(
    desk, clock, row, store, opener, data_plane, cloud
):
    """Hurt: Alice, who left the machine to somebody else and signed out before."""
    consent = await returned(desk, clock, row)
    await store.withdraw_delegation(row.id, clock())
    with pytest.raises(DelegationExpiredError):
        await complete(data_plane, opener, store, consent, now=clock())
    assert cloud.calls == []


async def test_what_the_cloud_refuses_is_not_completed(desk, clock, row, store, opener, data_plane, cloud):
    """Hurt: Alice, who would be told that she gave a permission which somebody else holds."""
    cloud.script("CompleteResourceTokenAuth", (403, {"Code": "Forbidden.UserIdentifierMismatch"}))
    consent = await returned(desk, clock, row)
    with pytest.raises(CloudRefusedError) as refused:
        await complete(data_plane, opener, store, consent, now=clock())
    assert refused.value.cloud_code == "Forbidden.UserIdentifierMismatch"
    assert (await store.consent(consent.id)).status == "returned"
