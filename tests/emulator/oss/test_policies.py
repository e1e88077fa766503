"""Role policies and session policies decide at the object store."""

import json

import oss2
import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

from fujie_emulator.testing import running

BUCKET = "fujie-test"
ROLE_POLICY = {
    "Version": "1",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["oss:GetObject", "oss:PutObject"],
            "Resource": [f"acs:oss:*:*:{BUCKET}/users/*"],
        },
        {"Effect": "Deny", "Action": "oss:*", "Resource": "acs:oss:*:*:*/users/secret/*"},
    ],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        config = Config(
            access_key_id=cloud.access_key_id,
            access_key_secret=cloud.access_key_secret,
            endpoint=cloud.url,
            protocol="http",
        )
        ram = RamClient(config)
        trust = {
            "Version": "1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"RAM": [f"acs:ram::{cloud.account_id}:root"]},
                }
            ],
        }
        ram.create_role(ram_models.CreateRoleRequest(role_name="reader", assume_role_policy_document=json.dumps(trust)))
        policy = ram_models.CreatePolicyRequest(policy_name="reading", policy_document=json.dumps(ROLE_POLICY))
        ram.create_policy(policy)
        attach = ram_models.AttachPolicyToRoleRequest(role_name="reader", policy_name="reading", policy_type="Custom")
        ram.attach_policy_to_role(attach)
        operator = oss2.Bucket(oss2.make_auth(cloud.access_key_id, cloud.access_key_secret), cloud.url, BUCKET)
        operator.create_bucket()
        for key in ("users/alice/a", "users/alice/b", "users/bob/a", "users/secret/a", "elsewhere"):
            operator.put_object(key, key.encode())
        yield cloud


def bucket(cloud, policy=None, *, version="v1", token=None):
    config = Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=cloud.url,
        protocol="http",
    )
    request = sts_models.AssumeRoleRequest(
        role_arn=f"acs:ram::{cloud.account_id}:role/reader",
        role_session_name="test",
        duration_seconds=900,
        policy=json.dumps(policy) if policy else None,
    )
    key = StsClient(config).assume_role(request).body.credentials
    auth = oss2.StsAuth(key.access_key_id, key.access_key_secret, token or key.security_token, version)
    return oss2.Bucket(auth, cloud.url, BUCKET, region=cloud.region)


def only(key):
    statement = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:*:{BUCKET}/{key}"]}
    return {"Version": "1", "Statement": [statement]}


def refused(action):
    with pytest.raises(oss2.exceptions.OssError) as error:
        action()
    assert error.value.status == 403
    return error.value


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_role_does_what_its_policy_allows_and_no_more(cloud, version):
    reader = bucket(cloud, version=version)
    assert reader.get_object("users/alice/a").read() == b"users/alice/a"
    assert refused(lambda: reader.get_object("elsewhere")).code == "AccessDenied"
    assert refused(lambda: reader.delete_object("users/alice/a")).code == "AccessDenied"
    assert refused(reader.list_objects).code == "AccessDenied"


def test_an_explicit_deny_wins(cloud):
    refused(lambda: bucket(cloud).get_object("users/secret/a"))


def test_a_session_policy_narrows_to_one_object(cloud):
    narrowed = bucket(cloud, only("users/alice/a"))
    assert narrowed.get_object("users/alice/a").read() == b"users/alice/a"
    for key in ("users/alice/b", "users/bob/a", "users/alice/a/x", "users/alice/"):
        refused(lambda key=key: narrowed.get_object(key))
    refused(lambda: narrowed.put_object("users/alice/a", b"changed"))


def test_a_session_policy_never_widens(cloud):
    refused(lambda: bucket(cloud, only("elsewhere")).get_object("elsewhere"))


def test_a_copy_needs_the_right_to_read_its_source(cloud):
    refused(lambda: bucket(cloud).copy_object(BUCKET, "elsewhere", "users/alice/stolen"))


def test_a_foreign_or_ended_token_is_refused(cloud):
    assert refused(lambda: bucket(cloud, token="foreign").get_object("users/alice/a")).code == "InvalidSecurityToken"
    reader = bucket(cloud)
    signed = reader.sign_url("GET", "users/alice/a", 5000)
    cloud.cloud.clock.advance(901)
    try:
        assert reader.session.session.get(signed, timeout=5).status_code == 403
    finally:
        cloud.cloud.clock.advance(-901)


def test_the_journal_keeps_the_decision(cloud):
    refused(lambda: bucket(cloud).get_object("elsewhere"))
    row = cloud.cloud.journal.after(0)[-1]
    assert (row["action"], row["status"], row["code"]) == ("GetObject", 403, "AccessDenied")
    assert row["decision"]["effect"] == "Deny"
    assert row["caller"]["type"] == "role"
