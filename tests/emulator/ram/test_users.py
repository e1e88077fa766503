"""RAM users, their keys and what their policies let them do."""

import json

import pytest

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import authorize
from fujie_emulator.core.keys import access_key
from fujie_emulator.ram.authority import RamIam

READ = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:GetObject", "Resource": "*"}]})


@pytest.fixture
def ram(cloud):
    return cloud.iam.ram


def refusal(ask, *arguments):
    with pytest.raises(CloudError) as refused:
        ask(*arguments)
    return (refused.value.code, refused.value.status)


def test_the_demo_users_are_users_and_stay_so(cloud, ram):
    assert [(user["name"], user["id"]) for user in ram.users.users()] == [
        (user.name, user.user_id) for user in cloud.users
    ]
    ram.create_policy("p", READ, "")
    ram.attach("Custom", "p", "alice", "user")
    again = RamIam(cloud.account, cloud.store, cloud.clock).ram
    assert [each["name"] for each in again.users.user("alice")["attached"]] == ["p"]
    assert refusal(ram.users.delete, "bob") == ("UnsupportedOperation", 400)
    assert refusal(ram.users.update, "bob", "rob", {}) == ("UnsupportedOperation", 400)
    assert ram.users.update("bob", "bob", {"comments": "x"})["comments"] == "x"


def test_a_users_key_signs_for_what_the_users_policies_allow(cloud, ram):
    ram.users.create("carol", {})
    key = ram.users.create_key("carol")
    caller = access_key(cloud, key["id"], "").caller
    assert (caller.type, caller.arn) == ("user", f"acs:ram::{cloud.account_id}:user/carol")
    assert refusal(authorize, cloud, caller, "oss:GetObject", ["acs:oss:*:1:b/k"]) == ("NoPermission", 403)
    ram.create_policy("p", READ, "")
    ram.attach("Custom", "p", "carol", "user")
    authorize(cloud, caller, "oss:GetObject", ["acs:oss:*:1:b/k"])
    assert refusal(authorize, cloud, caller, "oss:PutObject", ["acs:oss:*:1:b/k"]) == ("NoPermission", 403)
    ram.detach("Custom", "p", "carol", "user")
    assert refusal(authorize, cloud, caller, "oss:GetObject", ["acs:oss:*:1:b/k"]) == ("NoPermission", 403)


def test_an_inactive_deleted_or_tokened_key_signs_nothing(cloud, ram):
    ram.users.create("carol", {})
    key = ram.users.create_key("carol")["id"]
    assert refusal(access_key, cloud, key, "token") == ("InvalidSecurityToken.MismatchWithAccessKey", 400)
    ram.users.set_key_status("carol", key, "Inactive")
    assert refusal(access_key, cloud, key, "") == ("InvalidAccessKeyId.Inactive", 400)
    ram.users.set_key_status("carol", key, "Active")
    access_key(cloud, key, "")
    ram.users.delete_key("carol", key)
    assert refusal(access_key, cloud, key, "") == ("InvalidAccessKeyId.NotFound", 404)


def test_another_users_key_is_not_at_hand(ram):
    ram.users.create("carol", {})
    key = ram.users.create_key("carol")["id"]
    for ask in (ram.users.delete_key, lambda *it: ram.users.set_key_status(*it, "Inactive")):
        assert refusal(ask, "bob", key) == ("EntityNotExist.User.AccessKey", 404)
        assert refusal(ask, "nobody", key) == ("EntityNotExist.User", 404)


def test_a_user_is_deleted_only_bare_and_holds_two_keys_at_most(ram):
    ram.users.create("carol", {})
    assert refusal(ram.users.create, "carol", {}) == ("EntityAlreadyExists.User", 409)
    keys = [ram.users.create_key("carol")["id"] for _ in range(2)]
    assert refusal(ram.users.create_key, "carol") == ("LimitExceeded.User.AccessKey", 409)
    assert refusal(ram.users.delete, "carol") == ("DeleteConflict.User.AccessKey", 409)
    for key in keys:
        ram.users.delete_key("carol", key)
    ram.create_policy("p", READ, "")
    ram.attach("Custom", "p", "carol", "user")
    assert refusal(ram.users.delete, "carol") == ("DeleteConflict.User.Policy", 409)
    with pytest.raises(CloudError) as refused:
        ram.delete_policy("p", cascading=False)
    assert refused.value.code == "DeleteConflict.Policy.User"
    ram.detach("Custom", "p", "carol", "user")
    ram.users.delete("carol")
    assert refusal(ram.users.user, "carol") == ("EntityNotExist.User", 404)


def test_keys_and_policies_follow_a_renamed_user(cloud, ram):
    ram.users.create("carol", {})
    key = ram.users.create_key("carol")["id"]
    ram.create_policy("p", READ, "")
    ram.attach("Custom", "p", "carol", "user")
    ram.users.update("carol", "caroline", {})
    caller = access_key(cloud, key, "").caller
    assert caller.name == "caroline"
    authorize(cloud, caller, "oss:GetObject", ["acs:oss:*:1:b/k"])
    assert refusal(ram.users.update, "caroline", "alice", {}) == ("EntityAlreadyExists.User", 409)
    assert refusal(ram.users.update, "caroline", "a/b", {}) == ("InvalidParameter.NewUserName", 400)
