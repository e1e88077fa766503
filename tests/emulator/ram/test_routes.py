"""RAM over the wire; what the official client does is in tests/contract/test_ram.py."""

import json

import pytest

from fujie_emulator.ram.routes import ACTIONS, REFUSED

VERSION = "2015-05-01"
TRUST = json.dumps(
    {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": "acs:ram::1900000000000001:root"}}
        ],
    }
)
READ = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ram:Get*", "Resource": "*"}]})


@pytest.fixture
def ram(operator):
    def ram(action, expected="", **params):
        answer = operator.call(VERSION, action, query=params)
        body = answer.json()
        assert body.get("Code", "") == expected, body
        return body

    return ram


def test_the_tables_do_not_overlap():
    assert not ACTIONS.keys() & REFUSED.keys()


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("CreateRole", {"RoleName": "r"}, "MissingParameter.AssumeRolePolicyDocument"),
        ("CreateRole", {"RoleName": "a_b", "AssumeRolePolicyDocument": TRUST}, "InvalidParameter.RoleName"),
        ("CreateRole", {"RoleName": "a" * 65, "AssumeRolePolicyDocument": TRUST}, "InvalidParameter.RoleName"),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{"}, "MalformedPolicyDocument"),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": READ}, "MalformedPolicyDocument"),
        (
            "CreateRole",
            {"RoleName": "r", "AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": "60"},
            "InvalidParameter.MaxSessionDuration",
        ),
        ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": " " * 6145}, "MalformedPolicyDocument"),
        ("CreatePolicy", {"PolicyName": "p/q", "PolicyDocument": READ}, "InvalidParameter.PolicyName"),
        ("GetPolicy", {"PolicyName": "p", "PolicyType": "Mine"}, "InvalidParameter.PolicyType"),
        ("GetPolicy", {"PolicyName": "p", "PolicyType": "Custom"}, "EntityNotExist.Policy"),
        ("DeleteRole", {"RoleName": "r"}, "EntityNotExist.Role"),
        ("GetUser", {"UserName": "carol"}, "EntityNotExist.User"),
        (
            "CreateRole",
            {"RoleName": "r", "AssumeRolePolicyDocument": TRUST, "Tag": '[{"Key":1}]'},
            "InvalidParameter.Tag",
        ),
        ("ListRoles", {"MaxItems": "0"}, "InvalidParameter.MaxItems"),
        ("ListRoles", {"Marker": "x"}, "InvalidParameter.Marker"),
    ],
)
def test_a_wrong_request_is_refused_by_name(ram, action, params, code):
    ram(action, code, **params)


def test_tags_come_one_by_one_too(ram):
    tags = {"Tag.1.Key": "stack", "Tag.1.Value": "dev", "Tag.2.Key": "empty"}
    ram("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, **tags)
    (role,) = ram("ListRoles")["Roles"]["Role"]
    assert role["Tags"]["Tag"] == [{"TagKey": "stack", "TagValue": "dev"}, {"TagKey": "empty", "TagValue": ""}]


def test_lists_come_in_pages(ram):
    for name in "abc":
        ram("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
    first = ram("ListRoles", MaxItems="2")
    assert [role["RoleName"] for role in first["Roles"]["Role"]] == ["a", "b"]
    assert first["IsTruncated"] is True
    second = ram("ListRoles", MaxItems="2", Marker=first["Marker"])
    assert [role["RoleName"] for role in second["Roles"]["Role"]] == ["c"]
    assert (second["IsTruncated"], "Marker" in second) == (False, False)


def test_versions_of_a_policy_come_and_go(ram):
    ram("CreatePolicy", PolicyName="p", PolicyDocument=READ)
    for number in range(2, 6):
        added = ram("CreatePolicyVersion", PolicyName="p", PolicyDocument=READ, SetAsDefault=str(number == 5))
        assert added["PolicyVersion"]["VersionId"] == f"v{number}"
    ram("CreatePolicyVersion", "LimitExceeded.Policy.Version", PolicyName="p", PolicyDocument=READ)
    rotate = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
    ram("CreatePolicyVersion", PolicyName="p", PolicyDocument=READ, RotateStrategy=rotate)
    kept = ram("ListPolicyVersions", PolicyName="p", PolicyType="Custom")["PolicyVersions"]["PolicyVersion"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in kept] == [
        ("v2", False),
        ("v3", False),
        ("v4", False),
        ("v5", True),
        ("v6", False),
    ]
    ram("DeletePolicyVersion", "DeleteConflict.PolicyVersion.Default", PolicyName="p", VersionId="v5")
    ram("SetDefaultPolicyVersion", PolicyName="p", VersionId="v6")
    ram("DeletePolicyVersion", PolicyName="p", VersionId="v5")
    ram("GetPolicyVersion", "EntityNotExist.Policy.Version", PolicyName="p", PolicyType="Custom", VersionId="v5")
    ram("DeletePolicy", "DeleteConflict.Policy.Version", PolicyName="p")
    ram("DeletePolicy", PolicyName="p", CascadingDelete="true")


def test_what_is_in_use_is_not_deleted(ram):
    ram("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    ram("CreatePolicy", PolicyName="p", PolicyDocument=READ)
    attachment = {"PolicyName": "p", "PolicyType": "Custom", "RoleName": "r"}
    ram("AttachPolicyToRole", **attachment)
    ram("AttachPolicyToRole", "EntityAlreadyExists.Role.Policy", **attachment)
    ram("DeleteRole", "DeleteConflict.Role.Policy", RoleName="r")
    ram("DeletePolicy", "DeleteConflict.Policy.Role", PolicyName="p")
    ram("DetachPolicyFromRole", **attachment)
    ram("DetachPolicyFromRole", "EntityNotExist.Role.Policy", **attachment)
    ram("DeletePolicy", PolicyName="p")
    ram("DeleteRole", RoleName="r")


def test_a_role_may_only_what_it_was_given(ram, operator, signing_as):
    ram("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    ram("CreatePolicy", PolicyName="p", PolicyDocument=READ)
    ram("AttachPolicyToRole", PolicyName="p", PolicyType="Custom", RoleName="r")
    arn = "acs:ram::1900000000000001:role/r"
    issued = operator.call("2015-04-01", "AssumeRole", query={"RoleArn": arn, "RoleSessionName": "me"}).json()
    role = signing_as(issued["Credentials"])
    assert role.call(VERSION, "GetRole", query={"RoleName": "r"}).status_code == 200
    refused = role.call(VERSION, "DeleteRole", query={"RoleName": "r"})
    assert (refused.status_code, refused.json()["Code"]) == (403, "NoPermission")
    assert refused.json()["AccessDeniedDetail"]["AuthAction"] == "ram:DeleteRole"
