"""What the clients of others do and ours must not: named parts of the official SDK's and its samples' weaknesses."""

import asyncio
import io
import logging

import pytest
from msgspec.structs import replace

from fujie.identity.behalf import current_behalf, on_behalf_of
from fujie.identity.consent import ConsentAsk, ConsentDesk
from fujie.identity.data_plane import DataPlane, OAuthQuestion
from fujie.identity.decorators import requires_api_key
from fujie.identity.errors import (
    AuthorizationRequired,
    CloudRefusedError,
    IdentityMisconfiguredError,
    TokenInvalidError,
)
from fujie.identity.outbound import CredentialBroker
from fujie.secret import Secret
from fujie.telemetry import configure_logging
from tests.identity.own_process import own_process
from tests.identity.world import ALICE, KEY, SETTINGS, acting_as, needs_authorization

ASK = ConsentAsk("tool", "call")


@pytest.fixture
def own():
    with own_process() as process:
        yield process


async def test_without_a_workload_identity_none_is_made(cloud, cloud_http, store):
    """Hurt: the account, in which a missing setting would leave an identity that nobody watches."""
    with pytest.raises(IdentityMisconfiguredError):
        CredentialBroker(
            replace(SETTINGS, workload_identity=""), cloud_http, store, ConsentDesk(SETTINGS, store), lambda: KEY
        )
    assert cloud.calls == []


@pytest.mark.parametrize("token", ["", "not-a-jwt", "a.b", "é.é.é", "[.[.[", "x" * 20_000])
async def test_a_permission_is_confirmed_with_a_users_token_and_never_with_none(own, token):
    """Hurt: Alice, were her permission completed for whoever came back, because nobody was named."""
    with pytest.raises(TokenInvalidError):
        await own.identity.complete("urn:ietf:params:oauth:request_uri:1", user_token=token)
    assert own.cloud.calls == []


@pytest.mark.parametrize("token", ["not-a-jwt", "a.b", "é.é.é", "x" * 20_000])
async def test_a_malformed_user_token_fails_and_never_degrades(own, token):
    """Hurt: whoever the weaker identity is: the SDK named the user unverified, or asked without a user."""

    @requires_api_key(provider_name="weather", identity=own.identity)
    async def ask(api_key=""):
        return api_key

    with pytest.raises(TokenInvalidError), on_behalf_of(user_token=token):
        await ask()
    assert own.cloud.calls == []


async def test_nothing_is_left_in_a_file_or_printed(own, tmp_path, monkeypatch, capsys):
    """Hurt: Alice; the SDK rewrites a file in the working directory at each token, and prints it."""
    monkeypatch.chdir(tmp_path)

    @requires_api_key(provider_name="weather", identity=own.identity)
    async def ask(api_key=""):
        return api_key

    with on_behalf_of(user_token=own.token(ALICE)):
        assert await ask()
    assert list(tmp_path.iterdir()) == []
    assert "".join(capsys.readouterr()) == ""


async def test_what_was_said_of_one_request_is_gone_for_the_next(own):
    """Hurt: Alice, for whom the next request on this worker would act, because the one before it failed."""
    with pytest.raises(RuntimeError), on_behalf_of(user_token=own.token(ALICE)):
        raise RuntimeError
    assert not current_behalf().has_user
    with on_behalf_of(user_token=own.token(ALICE)):
        seen = await asyncio.gather(*(asyncio.create_task(_has_user()) for _ in range(3)))
    assert seen == [True] * 3
    assert not await asyncio.create_task(_has_user())


async def _has_user():
    return current_behalf().has_user


async def test_a_denial_is_final_and_not_asked_for_twenty_times(cloud_http, cloud, clock):
    """Hurt: the stack, throttled by its own poller; and Alice, who waits a minute for what was clear at once."""
    cloud.script("GetResourceOAuth2Token", (403, {"Code": "Forbidden.User", "RequestId": "r"}))
    plane = DataPlane(SETTINGS, cloud_http, lambda: KEY, now=clock)
    with pytest.raises(CloudRefusedError):
        await _oauth(plane)
    assert len(cloud.calls) == 1


async def _oauth(plane):
    return await plane.get_resource_oauth2_token(Secret("wat"), OAuthQuestion("p", ("a",)))


async def test_a_refusal_in_the_dress_of_a_good_answer_is_a_refusal(cloud_http, cloud, clock):
    """Hurt: whoever gets an empty credential and goes on as if it were one."""
    cloud.script("GetResourceOAuth2Token", (200, {"Code": "Forbidden.User", "AccessToken": "x"}))
    with pytest.raises(CloudRefusedError):
        await _oauth(DataPlane(SETTINGS, cloud_http, lambda: KEY, now=clock))


async def test_the_state_of_a_consent_is_not_a_time_an_id_or_anything_else_one_knows(broker, cloud):
    """Hurt: Alice, whose return an attacker would forge: the sample's state is the millisecond of the first click."""
    cloud.script("GetResourceOAuth2Token", needs_authorization(1))
    for number in range(20):
        with pytest.raises(AuthorizationRequired):
            await broker.oauth(acting_as(run_id=f"run-{number}"), "p", ("a",), ask=ASK)
    states = [form["CustomState"] for action, form in cloud.calls if action == "GetResourceOAuth2Token"]
    assert len(set(states)) == len(states) == 20
    for state in states:
        assert len(state) >= 43
        assert not any(known in state for known in ("run-", "dlg-", "alice", ALICE.id))
    for place in range(43):
        assert len({state[place] for state in states}) > 3


@pytest.fixture
def log(monkeypatch):
    """All that the product writes to its log, with every switch on that makes others talk."""
    monkeypatch.setenv("DEBUG", "sdk,*")
    monkeypatch.setenv("HTTPX_LOG_LEVEL", "trace")
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    configure_logging()
    root.handlers[0].setStream(written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_no_switch_makes_us_log_a_signature_or_a_token(log, own):
    """Hurt: the stack and Alice: `DEBUG=sdk` prints the SDK's Authorization header and its STS token."""

    @requires_api_key(provider_name="weather", identity=own.identity)
    async def ask(api_key=""):
        logging.getLogger("fujie.control").info("asked with %s", Secret(api_key))
        return api_key

    token = own.token(ALICE)
    with on_behalf_of(user_token=token):
        key = await ask()
    said = log.getvalue()
    assert "asked with Secret(***)" in said
    for secret in (token, key, KEY.access_key_secret.reveal(), KEY.security_token.reveal(), "Signature=", "ACS3-HMAC"):
        assert secret not in said
