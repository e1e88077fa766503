"""The official oss2 package against the emulated store."""

import hashlib
import time

import oss2
import pytest
import requests

from fujie_emulator.testing import running

BUCKET = "fujie-test"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(params=["v1", "v4"])
def bucket(request, cloud):
    auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret, request.param)
    bucket = oss2.Bucket(auth, cloud.url, BUCKET, region=cloud.region)
    bucket.create_bucket()
    return bucket


def test_an_object_comes_back_as_it_was_put(bucket):
    put = bucket.put_object(
        "users/1/笔记 +%.txt", "你好", headers={"Content-Type": "text/plain", "x-oss-meta-by": "me"}
    )
    assert put.etag == hashlib.md5("你好".encode()).hexdigest().upper()
    got = bucket.get_object("users/1/笔记 +%.txt")
    assert got.read().decode() == "你好"
    assert got.server_crc == got.client_crc
    assert got.content_type == "text/plain"
    assert got.headers["x-oss-meta-by"] == "me"
    assert got.request_id
    assert bucket.head_object("users/1/笔记 +%.txt").content_length == 6


def test_an_object_exists_or_not(bucket):
    bucket.put_object("there", b"x")
    assert bucket.object_exists("there")
    assert not bucket.object_exists("not-there")


def test_a_range_is_a_part(bucket):
    bucket.put_object("digits", b"0123456789")
    part = bucket.get_object("digits", byte_range=(2, 4))
    assert (part.status, part.read()) == (206, b"234")
    assert bucket.get_object("digits", byte_range=(None, 3)).read() == b"789"
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.get_object("digits", byte_range=(20, 30), headers={"x-oss-range-behavior": "standard"})
    assert (error.value.status, error.value.code) == (416, "InvalidRange")


def test_a_missing_object_and_a_missing_bucket_have_their_own_codes(bucket, cloud):
    with pytest.raises(oss2.exceptions.NoSuchKey) as error:
        bucket.get_object("nothing")
    assert error.value.details["Key"] == "nothing"
    other = oss2.Bucket(bucket.auth, cloud.url, "no-such-bucket", region=cloud.region)
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        other.get_object("x")


def test_a_wrong_checksum_is_refused_and_stores_nothing(bucket):
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.put_object("checked", b"x", headers={"Content-MD5": oss2.utils.content_md5(b"y")})
    assert error.value.code == "InvalidDigest"
    assert not bucket.object_exists("checked")


def test_conditions_are_kept(bucket):
    etag = bucket.put_object("conditional", b"x").etag
    with pytest.raises(oss2.exceptions.NotModified):
        bucket.get_object("conditional", headers={"If-None-Match": f'"{etag}"'})
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        bucket.get_object("conditional", headers={"If-Match": '"0"'})
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.put_object("conditional", b"y", headers={"x-oss-forbid-overwrite": "true"})
    assert error.value.code == "FileAlreadyExists"


def test_listing_pages_through_keys_and_prefixes(bucket):
    for key in ("list/a.txt", "list/b/1", "list/b/2", "list/c d&<.txt", "list/ü"):
        bucket.put_object(key, b"x")
    assert [each.key for each in oss2.ObjectIterator(bucket, prefix="list/", max_keys=2)] == [
        "list/a.txt",
        "list/b/1",
        "list/b/2",
        "list/c d&<.txt",
        "list/ü",
    ]
    folders = [
        (each.key, each.is_prefix()) for each in oss2.ObjectIterator(bucket, prefix="list/", delimiter="/", max_keys=1)
    ]
    assert folders == [("list/a.txt", False), ("list/b/", True), ("list/c d&<.txt", False), ("list/ü", False)]
    second = [each.key for each in oss2.ObjectIteratorV2(bucket, prefix="list/", start_after="list/b/1", max_keys=1)]
    assert second == ["list/b/2", "list/c d&<.txt", "list/ü"]


def test_objects_are_copied_and_deleted(bucket):
    bucket.put_object("from", b"same", headers={"Content-Type": "text/x"})
    bucket.copy_object(BUCKET, "from", "to")
    bucket.delete_object("from")
    assert bucket.get_object("to").read() == b"same"
    assert bucket.head_object("to").content_type == "text/x"
    bucket.batch_delete_objects(["to", "from"])
    assert not bucket.object_exists("to")
    bucket.delete_object("to")


def test_a_bucket_tells_of_itself_and_is_deleted_only_empty(bucket, cloud):
    assert bucket.get_bucket_info().location == f"oss-{cloud.region}"
    assert BUCKET in [
        each.name for each in oss2.Service(bucket.auth, cloud.url, region=cloud.region).list_buckets().buckets
    ]
    bucket.put_object("keep", b"x")
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.delete_bucket()
    assert error.value.code == "BucketNotEmpty"
    other = oss2.Bucket(bucket.auth, cloud.url, "soon-gone", region=cloud.region)
    other.create_bucket()
    other.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        other.get_bucket_info()


def test_a_signed_url_opens_one_object_for_its_time(bucket, cloud):
    bucket.put_object("shared", b"for you")
    url = bucket.sign_url("GET", "shared", 60, slash_safe=True)
    assert requests.get(url, timeout=5).text == "for you"
    assert requests.get(url.replace("shared", "keep"), timeout=5).status_code == 403
    assert requests.delete(url, timeout=5).status_code == 403
    late = bucket.sign_url("GET", "shared", -10)
    assert requests.get(late, timeout=5).status_code in {400, 403}


def test_a_wrong_secret_is_refused(cloud):
    for version in ("v1", "v4"):
        wrong = oss2.Bucket(
            oss2.make_auth(cloud.access_key_id, "wrong", version), cloud.url, BUCKET, region=cloud.region
        )
        with pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
            wrong.get_object("x")
        unknown = oss2.Bucket(oss2.make_auth("LTAInobody", "wrong", version), cloud.url, BUCKET, region=cloud.region)
        with pytest.raises(oss2.exceptions.OssError) as error:
            unknown.get_object("x")
        assert error.value.code == "InvalidAccessKeyId"


def test_a_date_too_far_off_is_refused(bucket, cloud, monkeypatch):
    cloud.cloud.clock.advance(1000)
    try:
        with pytest.raises(oss2.exceptions.OssError) as error:
            bucket.get_object("x")
    finally:
        cloud.cloud.clock.advance(-1000)
    assert error.value.code == "RequestTimeTooSkewed"


def test_what_the_emulator_does_not_do_it_refuses_by_name(bucket):
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.init_multipart_upload("big")
    assert (error.value.status, error.value.code) == (501, "NotImplemented")
    assert "uploads" in error.value.message


def test_a_fault_reaches_the_client(bucket, cloud):
    cloud.cloud.faults.arm({"service": "oss", "action": "GetObject", "kind": "status", "status": 503})
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("x")
    assert error.value.status == 503


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../../b", "%2e%2e/x", "a\\..\\b"])
def test_a_key_is_never_a_path(bucket, cloud, key):
    bucket.put_object(key, b"kept")
    assert bucket.get_object(key).read() == b"kept"
    names = {path.name for path in (cloud.cloud.store.directory / "objects").rglob("*") if path.is_file()}
    assert all(len(name) == 64 for name in names)


def test_the_journal_says_who_asked_for_what(bucket, cloud):
    bucket.put_object("seen", b"x")
    row = cloud.cloud.journal.after(0)[-1]
    assert (row["service"], row["action"], row["status"]) == ("oss", "PutObject", 200)
    assert row["access_key_id"] == cloud.access_key_id


def test_objects_outlive_a_restart(tmp_path):
    for write in (True, False):
        with running(tmp_path) as cloud:
            auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret)
            bucket = oss2.Bucket(auth, cloud.url, BUCKET)
            if write:
                bucket.create_bucket()
                bucket.put_object("kept", b"still here")
            else:
                assert bucket.get_object("kept").read() == b"still here"
                assert time.time() - bucket.head_object("kept").last_modified < 60
