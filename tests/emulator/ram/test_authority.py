import json

import pytest

from fujie_emulator.core.call import Caller
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.iam import assume_role, authorize
from fujie_emulator.core.journal import note

SERVICE = {"Service": "fc.aliyuncs.com"}
TRUST = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SERVICE}]}
OBJECTS = "acs:oss:*:1:bucket/users/{}"


def document(*statements):
    return {"Version": "1", "Statement": list(statements)}


def allow(action, resource="*", effect="Allow"):
    return {"Effect": effect, "Action": action, "Resource": resource}


@pytest.fixture
def role(cloud):
    """A role `r` with one policy `p`; returns a function that replaces what the policy says."""
    ram = cloud.iam.ram
    ram.create_role("r", json.dumps(TRUST), "", 3600, [])
    ram.create_policy("p", json.dumps(document(allow("oss:GetObject"))), "")
    ram.attach("Custom", "p", "r")

    def says(*statements):
        ram.add_version("p", json.dumps(document(*statements)), default=True, rotate=True)

    return says


def caller(cloud, policy=None, name="r"):
    return Caller("role", f"acs:ram::{cloud.account_id}:assumed-role/{name}/s", "s", "STS.x", policy, name)


def denial(cloud, who, action="oss:GetObject", resources=("*",)):
    with pytest.raises(CloudError) as refused:
        authorize(cloud, who, action, list(resources))
    assert (refused.value.code, refused.value.status) == ("NoPermission", 403)
    return refused.value.extra["AccessDeniedDetail"]


def test_root_may_everything_and_a_stranger_nothing(cloud):
    authorize(cloud, Caller("root"), "oss:DeleteBucket", [])
    for sort in ("anonymous", "bearer", "user"):
        assert denial(cloud, Caller(sort))["NoPermissionType"] == "ImplicitDeny"


def test_a_role_may_what_its_policies_allow(cloud, role):
    authorize(cloud, caller(cloud), "oss:GetObject", ["acs:oss:*:1:bucket/x"])
    detail = denial(cloud, caller(cloud), "oss:PutObject")
    assert detail["AuthAction"] == "oss:PutObject"
    assert detail["AuthPrincipalType"] == "AssumedRoleUser"
    assert detail["PolicyType"] == "AccountLevelIdentityBasedPolicy"


def test_every_resource_must_be_allowed(cloud, role):
    role(allow("oss:GetObject", OBJECTS.format("alice/*")))
    authorize(cloud, caller(cloud), "oss:GetObject", [OBJECTS.format("alice/a"), OBJECTS.format("alice/b")])
    denial(cloud, caller(cloud), resources=[OBJECTS.format("alice/a"), OBJECTS.format("bob/a")])
    denial(cloud, caller(cloud), resources=[OBJECTS.format("bob/a"), OBJECTS.format("alice/a")])


def test_an_explicit_deny_is_told_apart(cloud, role):
    role(allow("*"), allow("oss:*", effect="Deny"))
    assert denial(cloud, caller(cloud))["NoPermissionType"] == "ExplicitDeny"


def test_a_session_policy_narrows_and_never_widens(cloud, role):
    narrow = caller(cloud, document(allow("oss:*", OBJECTS.format("alice/one"))))
    authorize(cloud, narrow, "oss:GetObject", [OBJECTS.format("alice/one")])
    assert denial(cloud, narrow, resources=[OBJECTS.format("alice/two")])["PolicyType"] == "SessionPolicy"
    assert denial(cloud, narrow, "oss:PutObject", [OBJECTS.format("alice/one")])["PolicyType"] != "SessionPolicy"
    denial(cloud, caller(cloud, document()))


def test_a_permission_ends_with_its_policy_and_its_role(cloud, role):
    cloud.iam.ram.detach("Custom", "p", "r")
    denial(cloud, caller(cloud))
    cloud.iam.ram.delete_role("r")
    denial(cloud, caller(cloud))


def test_the_decision_is_journaled_with_its_statement(cloud, role):
    with cloud.journal.entry("oss", "GetObject") as entry:
        note(caller=caller(cloud))
        authorize(cloud, caller(cloud), "oss:GetObject", [])
    assert entry.decision["effect"] == "Allow"
    assert entry.decision["statement"] == allow("oss:GetObject")


def test_conditions_see_the_clouds_time(cloud, role):
    end = cloud.clock.now().replace(microsecond=0).isoformat()
    role(allow("oss:*") | {"Condition": {"DateLessThanEquals": {"acs:CurrentTime": end}}})
    authorize(cloud, caller(cloud), "oss:GetObject", [])
    cloud.clock.advance(60)
    denial(cloud, caller(cloud))


def issue(cloud, **changes):
    asked = {"principal": SERVICE, "session_name": "s1", "duration_s": 900} | changes
    return assume_role(cloud, asked.pop("role_name", "r"), **asked)


def test_a_trusted_service_gets_a_key_of_the_role(cloud, role):
    key = issue(cloud)
    assert key.access_key_id.startswith("STS.")
    assert key.assumed_role_arn == f"acs:ram::{cloud.account_id}:assumed-role/r/s1"
    assert key.assumed_role_id.endswith(":s1")
    assert round((key.expires_at - cloud.clock.now()).total_seconds()) == 900
    assert key.access_key_secret not in repr(key)
    assert key.security_token not in repr(key)
    assert key.security_token not in str(cloud.store.get("sts", "key", key.access_key_id))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"role_name": "nobody"}, "EntityNotExist.Role"),
        ({"principal": {"Service": "oss.aliyuncs.com"}}, "NoPermission"),
        ({"principal": {"RAM": "acs:ram::1900000000000001:root"}}, "NoPermission"),
        ({"session_name": "a"}, "InvalidParameter.RoleSessionName"),
        ({"session_name": "a/b"}, "InvalidParameter.RoleSessionName"),
        ({"session_name": "a" * 65}, "InvalidParameter.RoleSessionName"),
        ({"duration_s": 899}, "InvalidParameter.DurationSeconds"),
        ({"duration_s": 3601}, "InvalidParameter.DurationSeconds"),
        ({"policy": {"Version": "1"}}, "MalformedPolicyDocument"),
        ({"policy": document(allow("oss:*", "acs:" + "x" * 2048))}, "InvalidParameter.Policy"),
    ],
)
def test_a_wrong_request_for_a_key_is_refused_by_name(cloud, role, changes, code):
    with pytest.raises(CloudError) as refused:
        issue(cloud, **changes)
    assert refused.value.code == code
    assert cloud.store.list("sts", "key") == []


def test_keys_are_forgotten_a_day_after_their_end(cloud, role):
    from fujie_emulator.ram.authority import RamIam

    old = issue(cloud)
    cloud.clock.advance(86400)
    RamIam(cloud.account, cloud.store, cloud.clock)
    assert cloud.store.get("sts", "key", old.access_key_id) is not None
    cloud.clock.advance(1000)
    young = issue(cloud)
    RamIam(cloud.account, cloud.store, cloud.clock)
    assert [key for key, _ in cloud.store.list("sts", "key")] == [young.access_key_id]


def sts_call(cloud, key):
    from fujie_emulator.core.keys import access_key

    return access_key(cloud, key.access_key_id, key.security_token).caller


def test_a_key_dies_with_its_role_and_a_new_role_of_that_name_does_not_revive_it(cloud, role):
    old = issue(cloud)
    assert sts_call(cloud, old).role_name == "r"
    cloud.iam.ram.detach("Custom", "p", "r")
    cloud.iam.ram.delete_role("r")
    with pytest.raises(CloudError) as refused:
        sts_call(cloud, old)
    assert refused.value.code == "InvalidSecurityToken.Expired"
    cloud.iam.ram.create_role("r", json.dumps(TRUST), "", 3600, [])
    cloud.iam.ram.attach("Custom", "p", "r")
    with pytest.raises(CloudError) as refused:
        sts_call(cloud, old)
    assert refused.value.code == "InvalidSecurityToken.Expired"
    assert sts_call(cloud, issue(cloud)).role_name == "r"


@pytest.mark.parametrize(
    ("principal", "sort", "name"),
    [
        ({"RAM": "acs:ram::1900000000000001:root"}, "Account", "acs:ram::1900000000000001:root"),
        ({"RAM": "acs:ram::1900000000000001:user/alice"}, "SubUser", "alice"),
        ({"RAM": "acs:ram::1900000000000001:assumed-role/r/s"}, "AssumedRoleUser", "s"),
        ({"Service": "oss.aliyuncs.com"}, "Service", "oss.aliyuncs.com"),
        ({"Federated": "acs:ram::1900000000000001:oidc-provider/p"}, "Federated", "p"),
    ],
)
def test_who_is_not_trusted_is_told_in_the_detail(cloud, role, principal, sort, name):
    with pytest.raises(CloudError) as refused:
        issue(cloud, principal=principal)
    detail = refused.value.extra["AccessDeniedDetail"]
    assert (detail["AuthPrincipalType"], detail["AuthPrincipalDisplayName"]) == (sort, name)
    assert (detail["PolicyType"], detail["NoPermissionType"]) == ("AssumeRolePolicy", "ImplicitDeny")
