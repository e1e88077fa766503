"""What a person has allowed: made by consent, widened in one piece, withdrawn for every copy at once."""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from fujie.identity.completion import complete
from fujie.identity.consent import ConsentAsk
from fujie.identity.data_plane import DataPlane
from fujie.identity.delegation import delegate
from fujie.identity.errors import AuthorizationRequired, CloudRefusedError
from fujie.identity.grants import grant_from_consent, merged_words
from fujie.identity.outbound import CredentialBroker
from fujie.sessions.errors import StoreUnavailableError
from tests.identity.world import ALICE, BOB, KEY, SETTINGS, START, acting_as, handed, inbound, needs_authorization

OAUTH = "GetResourceOAuth2Token"
ASK = ConsentAsk("tool", "call-1", scope_words={"w": {"en": "write"}}, provider_name="P")
READ = ConsentAsk("reader", "call-2", scope_words={"r": {"en": "read"}}, provider_name="P")


def forms(cloud):
    return [
        (json.loads(form["Scopes"]), form["ForceAuthentication"]) for action, form in cloud.calls if action == OAUTH
    ]


async def asked(broker, scopes, ask=ASK, acting=None):
    with pytest.raises(AuthorizationRequired) as waiting:
        await broker.oauth(acting or acting_as(), "p", scopes, ask=ask)
    return waiting.value.consent


async def allowed(broker, store, cloud, clock, scopes=("r",), ask=READ):
    """Ask, let the person allow it, and have the vault give a token from then on."""
    cloud.script(OAUTH, needs_authorization(1))
    consent = await store.consent((await asked(broker, scopes, ask)).consent_id)
    await store.move_consent(consent.id, ["requested"], "completed")
    await grant_from_consent(store, consent, clock())
    cloud.script(OAUTH, (200, {"AccessToken": "granted", "ExpiresIn": 3600}))
    cloud.calls.clear()
    return await store.grant(ALICE, "p")


async def test_a_completed_consent_becomes_a_grant_with_its_words(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    assert (grant.scopes, grant.granted_at, grant.last_used_at) == (("r",), START, None)
    assert json.loads(grant.words)["scopes"] == {"r": {"en": "read"}}
    assert await store.grants(BOB) == []


async def test_completing_at_the_cloud_is_what_makes_the_grant(
    desk, store, verifier, issuer, sealer, opener, cloud, cloud_http, clock, broker
):
    cloud.script(OAUTH, needs_authorization(1))
    consent = await store.consent((await asked(broker, ("r",))).consent_id)
    token = issuer.token()
    claims = await verifier.verify(token)
    tokens = inbound(token, None, claims.expires_at)
    row = await delegate(store, sealer, claims, tokens, tenant="default", session_hash="browser-1", now=clock)
    data_plane = DataPlane(SETTINGS, cloud_http, lambda: KEY, now=clock)
    cloud.script("CompleteResourceTokenAuth", (403, {"Code": "Forbidden.UserIdentifierMismatch"}), (200, {}))
    of_row = replace(consent, delegation_id=handed(row))
    with pytest.raises(CloudRefusedError):
        await complete(data_plane, opener, store, of_row, now=clock())
    assert await store.grants(ALICE) == []
    await complete(data_plane, opener, store, of_row, now=clock())
    assert [grant.scopes for grant in await store.grants(ALICE)] == [("r",)]


async def test_a_store_that_fails_after_the_cloud_agreed_does_not_undo_the_consent(
    desk, store, verifier, issuer, sealer, opener, cloud, cloud_http, clock, broker, monkeypatch
):
    cloud.script(OAUTH, needs_authorization(1))
    consent = await store.consent((await asked(broker, ("r",))).consent_id)
    token = issuer.token()
    tokens = inbound(token, None, START + timedelta(hours=1))
    claims = await verifier.verify(token)
    row = await delegate(store, sealer, claims, tokens, tenant="default", session_hash="browser-1", now=clock)

    async def fails(*_, **__):
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(store, "give_grant", fails)
    data_plane = DataPlane(SETTINGS, cloud_http, lambda: KEY, now=clock)
    await complete(data_plane, opener, store, replace(consent, delegation_id=handed(row)), now=clock())
    assert cloud.actions().count("CompleteResourceTokenAuth") == 1


async def test_what_the_vault_knew_and_we_did_not_becomes_a_grant_that_one_can_withdraw(broker, store):
    await broker.oauth(acting_as(), "p", ("r",), ask=READ)
    [grant] = await store.grants(ALICE)
    assert (grant.scopes, grant.last_used_at) == (("r",), START)
    assert json.loads(grant.words)["provider_name"] == "P"


async def test_the_last_use_is_noted_also_of_a_kept_token_but_not_at_each(broker, store, cloud, clock):
    await allowed(broker, store, cloud, clock)
    for moved in (0, 59, 60):
        clock.moment = START + timedelta(seconds=moved)
        await broker.oauth(acting_as(), "p", ("r",), ask=READ)
    assert (await store.grant(ALICE, "p")).last_used_at == START + timedelta(seconds=60)
    assert len(forms(cloud)) == 1


async def test_a_withdrawn_grant_is_asked_for_anew_though_its_token_is_kept(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    await broker.oauth(acting_as(), "p", ("r",), ask=READ)
    assert await store.withdraw_grant(grant.id, ALICE, clock())
    cloud.script(OAUTH, needs_authorization(2))
    request = await asked(broker, ("r",), READ)
    assert forms(cloud) == [(["r"], "False"), (["r"], "True")]
    assert await store.grants(ALICE) == []
    consent = await store.consent(request.consent_id)
    await store.move_consent(consent.id, ["requested"], "completed")
    await grant_from_consent(store, consent, clock())
    cloud.script(OAUTH, (200, {"AccessToken": "new", "ExpiresIn": 3600}))
    assert (await broker.oauth(acting_as(), "p", ("r",), ask=READ)).secret.reveal() == "new"
    assert forms(cloud)[-1] == (["r"], "False")


async def test_a_withdrawal_is_heard_by_every_instance_that_keeps_the_token(
    broker, store, cloud, cloud_http, desk, clock
):
    grant = await allowed(broker, store, cloud, clock)
    other = CredentialBroker(SETTINGS, cloud_http, store, desk, lambda: KEY, now=clock)
    for instance in (broker, other):
        await instance.oauth(acting_as(), "p", ("r",), ask=READ)
    await store.withdraw_grant(grant.id, ALICE, clock())
    cloud.script(OAUTH, needs_authorization(2), needs_authorization(3))
    for run, instance in (("one", broker), ("two", other)):
        await asked(instance, ("r",), READ, acting_as(run_id=run))


async def test_a_token_that_the_cloud_gives_in_spite_of_a_withdrawal_is_not_used(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    await store.withdraw_grant(grant.id, ALICE, clock())
    with pytest.raises(CloudRefusedError):
        await broker.oauth(acting_as(), "p", ("r",), ask=READ)
    assert (await store.grant(ALICE, "p")).withdrawn_at is not None


async def test_a_withdrawal_during_a_call_to_the_cloud_stands(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    answer = cloud.answer

    def withdrawn_meanwhile(request):
        if request.headers["x-acs-action"] == OAUTH:
            row = store._grants["default", ALICE.id, "p"]
            store._grants["default", ALICE.id, "p"] = replace(row, withdrawn_at=clock(), generation=1)
        return answer(request)

    cloud.answer = withdrawn_meanwhile
    async with cloud.client() as http:
        slow = CredentialBroker(SETTINGS, http, store, broker._desk, lambda: KEY, now=clock)
        await slow.oauth(acting_as(), "p", ("r", "more"), ask=READ)
        cloud.answer = answer
        assert (await store.grant(ALICE, "p")) == replace(grant, withdrawn_at=START, generation=1, last_used_at=START)
        cloud.script(OAUTH, needs_authorization(2))
        await asked(slow, ("r",), READ)


async def test_another_persons_withdrawal_changes_nothing(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    assert await store.withdraw_grant(grant.id, BOB, clock()) is None
    await broker.oauth(acting_as(), "p", ("r",), ask=READ)


async def test_a_step_up_asks_for_the_union_in_one_request_with_all_words(broker, store, cloud, clock):
    await allowed(broker, store, cloud, clock)
    cloud.script(OAUTH, needs_authorization(2))
    request = await asked(broker, ("w",))
    assert forms(cloud) == [(["r", "w"], "False")]
    assert {scope.name: scope.words for scope in request.scopes} == {"r": {"en": "read"}, "w": {"en": "write"}}
    await grant_from_consent(store, await store.consent(request.consent_id), clock())
    assert (await store.grant(ALICE, "p")).scopes == ("r", "w")


async def test_a_run_that_waits_for_the_union_gets_that_request_again(broker, store, cloud, clock):
    await allowed(broker, store, cloud, clock)
    cloud.script(OAUTH, needs_authorization(2))
    first = await asked(broker, ("w",))
    assert (await asked(broker, ("w",))).consent_id == first.consent_id
    assert len(forms(cloud)) == 1


async def test_who_needs_less_than_stands_asks_for_the_least_and_the_person_for_no_less(broker, store, cloud, clock):
    await allowed(broker, store, cloud, clock, ("r", "w"))
    await broker.oauth(acting_as(), "p", ("r",), ask=READ)
    assert forms(cloud) == [(["r"], "False")]
    cloud.script(OAUTH, needs_authorization(2), needs_authorization(3))
    request = await asked(broker, ("w",))
    assert forms(cloud)[1:] == [(["w"], "False"), (["r", "w"], "False")]
    assert [scope.name for scope in request.scopes] == ["r", "w"]
    assert (await store.consent(request.consent_id)).session_uri.endswith(":3")


async def test_a_withdrawn_permission_is_not_part_of_the_union(broker, store, cloud, clock):
    grant = await allowed(broker, store, cloud, clock)
    await store.withdraw_grant(grant.id, ALICE, clock())
    cloud.script(OAUTH, needs_authorization(2))
    request = await asked(broker, ("w",))
    await grant_from_consent(store, await store.consent(request.consent_id), clock())
    assert (await store.grant(ALICE, "p")).scopes == ("w",)
    assert forms(cloud) == [(["w"], "True")]


async def test_one_answer_completes_what_it_covers_of_the_same_person_and_nothing_else(broker, desk, store, cloud):
    cloud.script(OAUTH, *map(needs_authorization, range(6)))
    first = await asked(broker, ("r", "w"), acting=acting_as(run_id="one"))
    same = await asked(broker, ("r",), acting=acting_as(run_id="two"))
    more = await asked(broker, ("more",), acting=acting_as(run_id="three"))
    bobs = await asked(broker, ("r",), acting=acting_as(BOB, run_id="four"))
    back = await asked(broker, ("r",), acting=acting_as(run_id="five"))
    await store.move_consent(back.consent_id, ["requested"], "returned")
    completed = await store.move_consent(first.consent_id, ["requested"], "completed")
    assert [row.run_id for row in await desk.answer_alike(completed)] == ["two"]
    assert (await store.consent(same.consent_id)).status == "completed"
    assert {(await store.consent(row.consent_id)).status for row in (more, bobs)} == {"requested"}
    assert (await store.consent(back.consent_id)).status == "returned"


def test_words_are_merged_scope_by_scope_and_the_newer_ones_win():
    older = json.dumps({"provider_name": "old", "scopes": {"r": {"en": "r"}, "w": {"en": "old"}}})
    newer = json.dumps({"provider_name": "new", "scopes": {"w": {"en": "w"}}})
    assert json.loads(merged_words(older, newer)) == {
        "provider_name": "new", "scopes": {"r": {"en": "r"}, "w": {"en": "w"}},
    }  # fmt: skip
    assert merged_words("", newer) == newer
    assert merged_words(older, "") == older
