"""The official alibabacloud-oss-v2 package against the emulated store."""

import alibabacloud_oss_v2 as oss
import pytest

from fujie_emulator.testing import running

BUCKET = "fujie-v2"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def new_client(cloud, version="v4", secret=None):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, secret or cloud.access_key_secret
    )
    config.region = cloud.region
    config.endpoint = cloud.url
    config.use_path_style = True
    config.signature_version = version
    config.retry_max_attempts = 1
    return oss.Client(config)


@pytest.fixture(params=["v1", "v4"])
def client(request, cloud):
    client = new_client(cloud, request.param)
    client.put_bucket(oss.PutBucketRequest(bucket=BUCKET))
    return client


def test_an_object_comes_back_as_it_was_put(client):
    put = client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="a b/ü+.txt", body=b"hello", metadata={"by": "me"}))
    assert put.status_code == 200
    got = client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="a b/ü+.txt"))
    assert got.body.read() == b"hello"
    assert got.hash_crc64 == put.hash_crc64
    assert got.metadata == {"by": "me"}
    assert client.is_object_exist(BUCKET, "a b/ü+.txt")
    assert not client.is_object_exist(BUCKET, "nothing")


def test_a_missing_key_has_its_code(client):
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="nothing"))
    assert error.value.unwrap().code == "NoSuchKey"


def test_a_missing_key_has_its_code_on_head_too(client):
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="nothing"))
    assert error.value.unwrap().code == "NoSuchKey"


def test_listing_pages(client):
    for number in range(3):
        client.put_object(oss.PutObjectRequest(bucket=BUCKET, key=f"page/{number} &", body=b"x"))
    pages = client.list_objects_v2_paginator().iter_page(
        oss.ListObjectsV2Request(bucket=BUCKET, prefix="page/", max_keys=2)
    )
    assert [[each.key for each in page.contents] for page in pages] == [["page/0 &", "page/1 &"], ["page/2 &"]]


def test_a_presigned_request_needs_no_other_key(client):
    client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="shared", body=b"for you"))
    signed = client.presign(oss.GetObjectRequest(bucket=BUCKET, key="shared"))
    import requests

    assert requests.get(signed.url, headers=signed.signed_headers, timeout=5).text == "for you"
    assert requests.get(signed.url.replace("shared", "other"), timeout=5).status_code == 403


def test_a_wrong_secret_is_refused(cloud):
    with pytest.raises(oss.exceptions.OperationError) as error:
        new_client(cloud, secret="wrong").get_object(oss.GetObjectRequest(bucket=BUCKET, key="shared"))
    assert error.value.unwrap().code == "SignatureDoesNotMatch"
