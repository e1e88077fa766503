"""The official RAM client, unmodified: what declares a stack's roles, and again, without a change."""

import json

import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config

from fujie_emulator.testing import running

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}
READ = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["acs:oss:*:*:b/*"]}],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        yield served


@pytest.fixture(scope="module")
def ram(cloud):
    return Client(
        Config(access_key_id=cloud.access_key_id, access_key_secret=cloud.access_key_secret, endpoint=cloud.url)
    )


def refusal(ask, request):
    with pytest.raises(ClientException) as refused:
        ask(request)
    return (refused.value.code, refused.value.status_code)


def create_role(ram, name, trust=TRUST):
    return ram.create_role(
        models.CreateRoleRequest(
            role_name=name,
            assume_role_policy_document=json.dumps(trust),
            description="运行时角色",
            max_session_duration=7200,
            tag=[models.CreateRoleRequestTag(key="stack", value="dev")],
        )
    ).body.role


def create_policy(ram, name):
    request = models.CreatePolicyRequest(policy_name=name, policy_document=json.dumps(READ), description="d")
    return ram.create_policy(request).body.policy


def test_a_role_is_made_read_listed_changed_and_deleted(ram, cloud):
    made = create_role(ram, "life")
    read = ram.get_role(models.GetRoleRequest(role_name="life")).body.role
    assert made.arn == read.arn == f"acs:ram::{cloud.account_id}:role/life"
    assert read.role_id == made.role_id
    assert json.loads(read.assume_role_policy_document) == TRUST
    assert (read.description, read.max_session_duration) == ("运行时角色", 7200)
    (listed,) = ram.list_roles(models.ListRolesRequest()).body.roles.role
    assert (listed.role_name, listed.tags.tag[0].tag_value) == ("life", "dev")
    stricter = TRUST | {"Statement": []}
    ram.update_role(models.UpdateRoleRequest(role_name="life", new_assume_role_policy_document=json.dumps(stricter)))
    read = ram.get_role(models.GetRoleRequest(role_name="life")).body.role
    assert json.loads(read.assume_role_policy_document) == stricter
    assert read.description == "运行时角色"
    ram.delete_role(models.DeleteRoleRequest(role_name="life"))
    gone = refusal(ram.get_role, models.GetRoleRequest(role_name="life"))
    assert gone == ("EntityNotExist.Role", 404)


def test_making_a_role_or_policy_twice_is_told_apart_from_failing(ram):
    create_role(ram, "twice")
    with pytest.raises(ClientException) as refused:
        create_role(ram, "twice")
    assert (refused.value.code, refused.value.status_code) == ("EntityAlreadyExists.Role", 409)
    create_policy(ram, "twice")
    with pytest.raises(ClientException) as refused:
        create_policy(ram, "twice")
    assert (refused.value.code, refused.value.status_code) == ("EntityAlreadyExists.Policy", 409)


def test_a_policy_is_made_read_versioned_and_deleted(ram):
    made = create_policy(ram, "paper")
    assert (made.policy_type, made.default_version) == ("Custom", "v1")
    request = models.GetPolicyRequest(policy_name="paper", policy_type="Custom")
    body = ram.get_policy(request).body
    assert json.loads(body.default_policy_version.policy_document) == READ
    assert body.default_policy_version.is_default_version is True
    assert body.policy.attachment_count == 0
    wider = json.dumps(READ | {"Statement": []})
    ram.create_policy_version(
        models.CreatePolicyVersionRequest(policy_name="paper", policy_document=wider, set_as_default=True)
    )
    assert ram.get_policy(request).body.default_policy_version.policy_document == wider
    ram.delete_policy(models.DeletePolicyRequest(policy_name="paper", cascading_delete=True))
    assert refusal(ram.get_policy, request) == ("EntityNotExist.Policy", 404)


def test_policies_are_attached_listed_and_detached(ram):
    create_role(ram, "holder")
    create_policy(ram, "held")
    for name, policy_type in (("held", "Custom"), ("AliyunAgentIdentityDataCompleteAuthAccess", "System")):
        ram.attach_policy_to_role(
            models.AttachPolicyToRoleRequest(policy_name=name, policy_type=policy_type, role_name="holder")
        )
    attached = ram.list_policies_for_role(models.ListPoliciesForRoleRequest(role_name="holder")).body.policies.policy
    assert [(policy.policy_name, policy.policy_type) for policy in attached] == [
        ("held", "Custom"),
        ("AliyunAgentIdentityDataCompleteAuthAccess", "System"),
    ]
    entities = models.ListEntitiesForPolicyRequest(policy_name="held", policy_type="Custom")
    assert [role.role_name for role in ram.list_entities_for_policy(entities).body.roles.role] == ["holder"]
    again = models.AttachPolicyToRoleRequest(policy_name="held", policy_type="Custom", role_name="holder")
    assert refusal(ram.attach_policy_to_role, again) == ("EntityAlreadyExists.Role.Policy", 409)
    assert refusal(ram.delete_role, models.DeleteRoleRequest(role_name="holder"))[1] == 409
    detach = models.DetachPolicyFromRoleRequest(policy_name="held", policy_type="Custom", role_name="holder")
    ram.detach_policy_from_role(detach)
    assert refusal(ram.detach_policy_from_role, detach) == ("EntityNotExist.Role.Policy", 404)


def test_the_system_policies_are_there(ram):
    listed = ram.list_policies(models.ListPoliciesRequest(policy_type="System", max_items=100)).body.policies.policy
    assert {
        "AliyunAgentIdentityFullAccess",
        "AliyunAgentIdentityReadOnlyAccess",
        "AliyunAgentIdentityDataFullAccess",
        "AliyunAgentIdentityDataGetCredentialAccess",
        "AliyunAgentIdentityDataCompleteAuthAccess",
    } <= {policy.policy_name for policy in listed}


def test_the_demo_users_are_ram_users(ram, cloud):
    listed = ram.list_users(models.ListUsersRequest()).body.users.user
    assert [(user.user_name, user.user_id) for user in listed] == [
        (user.name, user.user_id) for user in cloud.cloud.users
    ]
    assert ram.get_user(models.GetUserRequest(user_name="alice")).body.user.user_name == "alice"


def test_a_user_with_keys_and_policies_lives_and_goes(ram, cloud):
    made = ram.create_user(models.CreateUserRequest(user_name="carol", display_name="Carol", email="c@example.com"))
    assert made.body.user.display_name == "Carol"
    key = ram.create_access_key(models.CreateAccessKeyRequest(user_name="carol")).body.access_key
    carol = Client(Config(access_key_id=key.access_key_id, access_key_secret=key.access_key_secret, endpoint=cloud.url))
    create_policy(ram, "of-carol")
    denied = refusal(carol.list_users, models.ListUsersRequest())
    assert denied == ("NoPermission", 403)
    held = {"policy_name": "AliyunRAMReadOnlyAccess", "policy_type": "System", "user_name": "carol"}
    ram.attach_policy_to_user(models.AttachPolicyToUserRequest(**held))
    assert "carol" in [user.user_name for user in carol.list_users(models.ListUsersRequest()).body.users.user]
    mine = carol.list_access_keys(models.ListAccessKeysRequest()).body.access_keys.access_key
    assert [(each.access_key_id, each.status) for each in mine] == [(key.access_key_id, "Active")]
    listed = ram.list_policies_for_user(models.ListPoliciesForUserRequest(user_name="carol")).body.policies.policy
    assert [policy.policy_name for policy in listed] == ["AliyunRAMReadOnlyAccess"]
    entities = models.ListEntitiesForPolicyRequest(policy_name="AliyunRAMReadOnlyAccess", policy_type="System")
    assert [user.user_name for user in ram.list_entities_for_policy(entities).body.users.user] == ["carol"]
    ram.update_access_key(
        models.UpdateAccessKeyRequest(user_name="carol", user_access_key_id=key.access_key_id, status="Inactive")
    )
    assert refusal(carol.list_users, models.ListUsersRequest()) == ("InvalidAccessKeyId.Inactive", 400)
    ram.delete_access_key(models.DeleteAccessKeyRequest(user_name="carol", user_access_key_id=key.access_key_id))
    ram.detach_policy_from_user(models.DetachPolicyFromUserRequest(**held))
    ram.update_user(models.UpdateUserRequest(user_name="carol", new_comments="leaving"))
    assert ram.get_user(models.GetUserRequest(user_name="carol")).body.user.comments == "leaving"
    ram.delete_user(models.DeleteUserRequest(user_name="carol"))
    assert refusal(ram.get_user, models.GetUserRequest(user_name="carol")) == ("EntityNotExist.User", 404)


def test_tags_are_put_listed_and_taken(ram):
    create_role(ram, "tagged")
    tag = models.TagResourcesRequestTag(key="owner", value="me")
    names = {"resource_type": "role", "resource_names": ["tagged"]}
    ram.tag_resources(models.TagResourcesRequest(tag=[tag], **names))

    def tags():
        rows = ram.list_tag_resources(models.ListTagResourcesRequest(**names)).body.tag_resources
        return {row.tag_key: row.tag_value for row in rows}

    assert tags() == {"stack": "dev", "owner": "me"}
    ram.untag_resources(models.UntagResourcesRequest(tag_keys=["stack"], **names))
    assert tags() == {"owner": "me"}


async def test_the_asynchronous_client_is_understood_too(ram):
    answer = await ram.get_policy_async(
        models.GetPolicyRequest(policy_name="AdministratorAccess", policy_type="System")
    )
    assert answer.body.policy.policy_name == "AdministratorAccess"
    with pytest.raises(ClientException) as refused:
        await ram.get_role_async(models.GetRoleRequest(role_name="nobody"))
    assert refused.value.code == "EntityNotExist.Role"


def test_a_malformed_policy_is_refused(ram):
    request = models.CreatePolicyRequest(policy_name="broken", policy_document='{"Version":"1"}')
    assert refusal(ram.create_policy, request) == ("MalformedPolicyDocument", 400)


def test_what_the_emulator_does_not_do_it_refuses_by_name(ram):
    with pytest.raises(ClientException, match="CreateGroup") as refused:
        ram.create_group(models.CreateGroupRequest(group_name="g"))
    assert refused.value.code == "UnsupportedOperation"
