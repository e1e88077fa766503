"""Who may declare what, and how much of it there may be."""

from dataclasses import replace

import pytest

from fujie_emulator.agentidentity import routes, state
from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER
from fujie_emulator.core.errors import CloudError
from tests.emulator.calling import NOBODY, call

NAMES = dict.fromkeys(
    (
        "WorkloadIdentityName",
        "IdentityProviderName",
        "OAuth2CredentialProviderName",
        "APIKeyCredentialProviderName",
        "TokenVaultName",
    ),
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


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"KeyType": "MINE"}, "InvalidParameter.EncryptionConfig"),
        ({"KeyType": "CUSTOMER_MANAGED_KEY"}, "MissingParameter.EncryptionConfig.KmsKeyArn"),
        ({"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "key"}, "InvalidParameter.EncryptionConfig"),
        ({"KeyType": "SERVICE_MANAGED_KEY", "KmsKeyArn": "acs:kms:x"}, "InvalidParameter.EncryptionConfig"),
        ({"Key": "x"}, "InvalidParameter.EncryptionConfig"),
    ],
)
async def test_a_vault_whose_key_could_not_be_meant_is_refused(cloud, config, code):
    with pytest.raises(CloudError) as caught:
        await call(cloud, "agentidentity", "CreateTokenVault", TokenVaultName="v", EncryptionConfig=config)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["under_score", "dotted.name", "x" * 55])
async def test_a_role_that_cannot_be_named_after_its_identity_is_not_made(cloud, name):
    with pytest.raises(CloudError) as caught:
        await call(cloud, "agentidentity", "CreateWorkloadIdentity", WorkloadIdentityName=name, CreateRAMRole=True)
    assert caught.value.code == "InvalidParameter.WorkloadIdentityName"
    assert cloud.store.list("ram", "role") == []


async def test_an_identity_that_cannot_be_made_leaves_no_role_behind(cloud):
    create = {"WorkloadIdentityName": "demo", "CreateRAMRole": True}
    await call(cloud, "agentidentity", "CreateWorkloadIdentity", WorkloadIdentityName="demo")
    with pytest.raises(CloudError) as caught:
        await call(cloud, "agentidentity", "CreateWorkloadIdentity", **create)
    assert caught.value.code == "EntityAlreadyExists.WorkloadIdentity"
    assert cloud.store.list("ram", "role") == []
    assert cloud.store.list("ram", "policy") == []


def test_nothing_is_both_done_and_refused():
    assert not set(routes.ACTIONS) & set(routes.REFUSED)


@pytest.mark.parametrize("key", ["", "line\nbreak", "x" * 9000])
async def test_an_api_key_that_could_not_be_sent_is_refused(cloud, key):
    with pytest.raises(CloudError):
        await call(
            cloud, "agentidentity", "CreateAPIKeyCredentialProvider", APIKeyCredentialProviderName="k", APIKey=key
        )


async def test_an_identity_that_agentrun_made_is_changed_by_agentrun_only(cloud):
    made = {"WorkloadIdentityName": "demo", "SourcePlatform": "AgentRun"}
    await call(cloud, "agentidentity", "CreateWorkloadIdentity", **made)
    with pytest.raises(CloudError) as caught:
        await call(cloud, "agentidentity", "UpdateWorkloadIdentity", WorkloadIdentityName="demo", Description="x")
    assert caught.value.code == "WorkloadIdentityPlatformMismatch"
    await call(cloud, "agentidentity", "DeleteWorkloadIdentity", WorkloadIdentityName="demo")
