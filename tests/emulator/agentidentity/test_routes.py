"""Who may declare what, and how much of it there may be."""

from dataclasses import replace

import pytest

from fujie_emulator.agentidentity import routes, state
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER
from fujie_emulator.core.errors import CloudError
from tests.emulator.calling import NOBODY, call

NAMES = dict.fromkeys(
    ("WorkloadIdentityName", "IdentityProviderName", "OAuth2CredentialProviderName", "APIKeyCredentialProviderName"),
    "x",
)


@pytest.mark.parametrize("action", sorted(routes.ACTIONS))
async def test_every_action_asks_for_permission_first(cloud, action):
    with pytest.raises(CloudError) as caught:
        await call(cloud, "agentidentity", action, NOBODY, **NAMES)
    assert caught.value.code == "NoPermission"
    assert caught.value.extra["AccessDeniedDetail"]["AuthAction"] == f"agentidentity:{action}"


async def test_an_account_holds_no_more_than_the_cloud_allows(cloud):
    few = replace(API_KEY_PROVIDER, limit=2)
    for number in range(2):
        state.create(cloud, few, f"key-{number}", {})
    with pytest.raises(CloudError) as caught:
        state.create(cloud, few, "key-2", {})
    assert caught.value.code == "QuotaExceeded.APIKeyCredentialProvider"


async def test_a_provider_in_a_vault_that_is_not_there_is_not_found(cloud):
    with pytest.raises(CloudError) as caught:
        await call(
            cloud,
            "agentidentity",
            "ListOAuth2CredentialProviders",
            TokenVaultName="other",
            OAuth2CredentialProviderName="x",
        )
    assert caught.value.code == "EntityNotExists.TokenVault"


def test_nothing_is_both_done_and_refused():
    assert not set(routes.ACTIONS) & set(routes.REFUSED)


@pytest.mark.parametrize("key", ["", "line\nbreak", "x" * 9000])
async def test_an_api_key_that_could_not_be_sent_is_refused(cloud, key):
    with pytest.raises(CloudError):
        await call(
            cloud, "agentidentity", "CreateAPIKeyCredentialProvider", APIKeyCredentialProviderName="k", APIKey=key
        )
