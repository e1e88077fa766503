"""What every object store keeps, the double and OSS alike."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

from fujie.identity.outbound import StsCredential
from fujie.objects.errors import (
    ObjectAccessDeniedError,
    ObjectKeyInvalidError,
    ObjectNotFoundError,
    ObjectStoreUnavailableError,
    ObjectTooLargeError,
)
from fujie.objects.memory import MemoryObjectStore
from fujie.objects.oss import OssObjectStore
from fujie.objects.port import MAX_OBJECT_BYTES
from fujie.secret import Secret
from fujie_emulator.oss import objects, state
from fujie_emulator.testing import running

BUCKET = "fujie-test"


def document(*statements):
    return json.dumps({"Version": "1", "Statement": list(statements)})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        ram = RamClient(config(cloud))
        principal = {"RAM": [f"acs:ram::{cloud.account_id}:root"]}
        trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
        ram.create_role(ram_models.CreateRoleRequest(role_name="r", assume_role_policy_document=trust))
        policy = document({"Effect": "Allow", "Action": "oss:*", "Resource": f"acs:oss:*:*:{BUCKET}*"})
        ram.create_policy(ram_models.CreatePolicyRequest(policy_name="p", policy_document=policy))
        ram.attach_policy_to_role(
            ram_models.AttachPolicyToRoleRequest(role_name="r", policy_name="p", policy_type="Custom")
        )
        yield cloud


def config(cloud):
    return Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=cloud.url,
        protocol="http",
    )


def credential(cloud, policy=None):
    request = sts_models.AssumeRoleRequest(
        role_arn=f"acs:ram::{cloud.account_id}:role/r", role_session_name="test", duration_seconds=900, policy=policy
    )
    key = StsClient(config(cloud)).assume_role(request).body.credentials
    ends_at = datetime.now(UTC) + timedelta(seconds=900)
    return StsCredential(key.access_key_id, Secret(key.access_key_secret), Secret(key.security_token), ends_at, "alice")


@pytest.fixture(params=["memory", "oss-v1", "oss-v4"])
def store(request, cloud):
    if request.param == "memory":
        return MemoryObjectStore()
    for each in objects.keys_of(cloud.cloud, BUCKET):
        objects.delete_object(cloud.cloud, BUCKET, each.key)
    state.create_bucket(cloud.cloud, BUCKET)
    region = cloud.region if request.param == "oss-v4" else ""
    return OssObjectStore(cloud.url, BUCKET, credential(cloud), region=region)


async def test_an_object_comes_back_as_it_was_put(store):
    await store.put("users/1/笔记 +.txt", "你好".encode(), content_type="text/plain")
    assert (await store.get("users/1/笔记 +.txt")).decode() == "你好"
    await store.put("users/1/笔记 +.txt", b"")
    assert await store.get("users/1/笔记 +.txt") == b""


async def test_what_is_not_there_is_not_found(store):
    with pytest.raises(ObjectNotFoundError) as error:
        await store.get("users/1/nothing")
    assert "users/1/nothing" in error.value.message


async def test_an_object_beyond_the_limit_is_refused(store):
    await store.put("big", b"x" * 1000)
    assert len(await store.get("big", max_bytes=1000)) == 1000
    with pytest.raises(ObjectTooLargeError):
        await store.get("big", max_bytes=999)
    with pytest.raises(ObjectTooLargeError):
        await store.put("bigger", b"x" * (MAX_OBJECT_BYTES + 1))


async def test_keys_are_listed_in_order_by_prefix(store):
    for key in ("a/2", "a/1", "b/1", "a/é", "a/Z"):
        await store.put(key, b"x")
    assert list(await store.list("a/")) == ["a/1", "a/2", "a/Z", "a/é"]
    assert list(await store.list("a/", limit=2)) == ["a/1", "a/2"]
    assert list(await store.list("none/")) == []


@pytest.mark.parametrize("key", ["", "/a", "\\a", "a/../b", "..", "./a", "a\nb", "x" * 1024])
async def test_a_key_that_no_object_can_have_is_refused(store, key):
    with pytest.raises(ObjectKeyInvalidError):
        await store.get(key)
    with pytest.raises(ObjectKeyInvalidError):
        await store.put(key, b"x")


async def test_a_narrowed_credential_reaches_its_one_object_only(cloud):
    state.create_bucket(cloud.cloud, BUCKET)
    broad = OssObjectStore(cloud.url, BUCKET, credential(cloud))
    await broad.put("users/1/a", b"mine")
    await broad.put("users/1/b", b"mine too")
    policy = document({"Effect": "Allow", "Action": "oss:GetObject", "Resource": f"acs:oss:*:*:{BUCKET}/users/1/a"})
    narrowed = OssObjectStore(cloud.url, BUCKET, credential(cloud, policy))
    assert await narrowed.get("users/1/a") == b"mine"
    for refused in (narrowed.get("users/1/b"), narrowed.put("users/1/a", b"x"), narrowed.list("users/1/")):
        with pytest.raises(ObjectAccessDeniedError):
            await refused


async def test_a_store_that_fails_hangs_or_drops_is_unavailable(cloud):
    store = OssObjectStore(cloud.url, BUCKET, credential(cloud), deadline_s=0.3)
    for fault in ({"kind": "status", "status": 500}, {"kind": "latency", "latency_s": 1.0}, {"kind": "drop"}):
        cloud.cloud.faults.arm({"service": "oss"} | fault)
        with pytest.raises(ObjectStoreUnavailableError):
            await store.get("a")


async def test_nothing_listens_is_unavailable(cloud):
    with pytest.raises(ObjectStoreUnavailableError) as error:
        await OssObjectStore("http://127.0.0.1:9", BUCKET, credential(cloud)).get("a")
    assert error.value.repair


async def test_no_secret_is_logged_or_told(cloud, caplog):
    sts = credential(cloud)
    caplog.set_level("DEBUG")
    with pytest.raises(ObjectNotFoundError) as error:
        await OssObjectStore(cloud.url, BUCKET, sts).get("nothing")
    seen = caplog.text + repr(error.value) + repr(error.value.__cause__)
    assert sts.access_key_secret.reveal() not in seen
    assert sts.security_token.reveal() not in seen
