import json

import pytest

from fujie_emulator.testing import running

VERSION = "2015-04-01"
ACCOUNT = "1900000000000001"
ARN = f"acs:ram::{ACCOUNT}:role/r"


def trust(**condition):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": f"acs:ram::{ACCOUNT}:root"}}
    return json.dumps({"Version": "1", "Statement": [statement | condition]})


@pytest.fixture
def role(served):
    served.cloud.iam.ram.create_role("r", trust(), "", 3600, [])
    return served.cloud.iam.ram


def assume(client, **params):
    return client.call(VERSION, "AssumeRole", query={"RoleArn": ARN, "RoleSessionName": "me"} | params)


def test_the_operator_is_the_account(operator):
    body = operator.call(VERSION, "GetCallerIdentity").json()
    assert (body["IdentityType"], body["Arn"], body["UserId"]) == ("Account", f"acs:ram::{ACCOUNT}:root", ACCOUNT)


def test_a_session_of_a_role_knows_itself(operator, role, signing_as):
    issued = assume(operator).json()
    body = signing_as(issued["Credentials"]).call(VERSION, "GetCallerIdentity").json()
    assert body["IdentityType"] == "AssumedRoleUser"
    assert body["Arn"] == issued["AssumedRoleUser"]["Arn"] == f"acs:ram::{ACCOUNT}:assumed-role/r/me"
    assert body["PrincipalId"] == issued["AssumedRoleUser"]["AssumedRoleId"] == f"{body['RoleId']}:me"


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"RoleArn": "r"}, 400, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:role/other"}, 404, "EntityNotExist.Role"),
        ({"RoleArn": "acs:ram::42:role/r"}, 404, "EntityNotExist.Role"),
        ({"RoleArn": ""}, 400, "MissingParameter.RoleArn"),
        ({"RoleSessionName": ""}, 400, "MissingParameter.RoleSessionName"),
        ({"DurationSeconds": "86400"}, 400, "InvalidParameter.DurationSeconds"),
        ({"Policy": "[]"}, 400, "InvalidParameter.Policy"),
        ({"Policy": "{}"}, 400, "MalformedPolicyDocument"),
    ],
)
def test_a_wrong_request_is_refused_by_name(operator, role, params, status, code):
    answer = assume(operator, **params)
    assert (answer.status_code, answer.json()["Code"]) == (status, code)


def test_an_external_id_can_be_required(operator, role):
    role.update_role("r", {"trust": trust(Condition={"StringEquals": {"sts:ExternalId": "42"}})})
    assert assume(operator).json()["Code"] == "NoPermission"
    assert assume(operator, ExternalId="42").status_code == 200


def test_a_source_identity_is_judged_and_answered(operator, role):
    role.update_role("r", {"trust": trust(Condition={"StringLike": {"sts:SourceIdentity": "al*"}})})
    assert assume(operator, SourceIdentity="bob").json()["Code"] == "NoPermission"
    assert assume(operator, SourceIdentity="alice").json()["SourceIdentity"] == "alice"
    assert assume(operator, SourceIdentity="a b").json()["Code"] == "InvalidParameter.SourceIdentity"
    assert assume(operator, ExternalId="ü").json()["Code"] == "InvalidParameter.ExternalId"


def test_a_user_becomes_a_role_that_trusts_him_and_no_other(operator, role, served, signing_as):
    role.users.create("carol", {})
    key = role.users.create_key("carol")
    carol = signing_as({"AccessKeyId": key["id"], "AccessKeySecret": key["secret"], "SecurityToken": ""})
    who = carol.call(VERSION, "GetCallerIdentity").json()
    assert (who["IdentityType"], who["UserId"]) == ("RAMUser", role.users.user("carol")["id"])
    assert assume(carol).json()["AccessDeniedDetail"]["PolicyType"] == "AccountLevelIdentityBasedPolicy"
    role.attach("System", "AliyunSTSAssumeRoleAccess", "carol", "user")
    assert assume(carol).status_code == 200
    only_bob = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": f"acs:ram::{ACCOUNT}:user/bob"}}
    role.update_role("r", {"trust": json.dumps({"Version": "1", "Statement": [only_bob]})})
    assert assume(carol).json()["AccessDeniedDetail"]["PolicyType"] == "AssumeRolePolicy"


def test_a_role_needs_permission_to_become_another(operator, role, signing_as):
    session = signing_as(assume(operator).json()["Credentials"])
    assert assume(session).json()["Code"] == "NoPermission"
    role.attach("System", "AliyunSTSAssumeRoleAccess", "r")
    assert assume(session).status_code == 200


def test_a_session_policy_travels_with_the_key(operator, role, signing_as):
    role.attach("System", "AliyunRAMReadOnlyAccess", "r")
    narrow = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ram:GetRole", "Resource": "*"}]}
    session = signing_as(assume(operator, Policy=json.dumps(narrow)).json()["Credentials"])
    assert session.call("2015-05-01", "GetRole", query={"RoleName": "r"}).status_code == 200
    refused = session.call("2015-05-01", "ListRoles").json()
    assert refused["AccessDeniedDetail"]["PolicyType"] == "SessionPolicy"


def test_a_key_ends_on_the_clouds_clock(operator, role, served, signing_as):
    session = signing_as(assume(operator, DurationSeconds="900").json()["Credentials"])
    served.cloud.clock.advance(890)
    assert session.call(VERSION, "GetCallerIdentity").status_code == 200
    served.cloud.clock.advance(11)
    assert session.call(VERSION, "GetCallerIdentity").json()["Code"] == "InvalidSecurityToken.Expired"


def test_a_key_survives_a_restart(tmp_path, operator, role, signing_as):
    with running(tmp_path / "again") as first:
        first.cloud.iam.ram.create_role("r", trust(), "", 3600, [])
        operator.served, operator.access_key_id = first, first.access_key_id
        operator.secret = first.access_key_secret
        session = signing_as(assume(operator).json()["Credentials"])
    with running(tmp_path / "again") as second:
        session.served = second
        assert session.call(VERSION, "GetCallerIdentity").json()["IdentityType"] == "AssumedRoleUser"
