"""The official oss2 package against the emulated store."""

import contextlib
import hashlib
import http.client
import time
from urllib.parse import quote

import oss2
import pytest
import requests
import urllib3

from fujie_emulator.testing import running

BUCKET = "fujie-test"
# oss2 leaves the connection of a refused request to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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


def test_a_copy_keeps_its_conditions_and_replaces_what_it_is_told_to(bucket):
    etag = bucket.put_object("from", b"same", headers={"Content-Type": "text/x", "x-oss-tagging": "k=old"}).etag
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        bucket.copy_object(BUCKET, "from", "to", headers={"x-oss-copy-source-if-match": '"0"'})
    replacing = {
        "x-oss-copy-source-if-match": etag,
        "x-oss-metadata-directive": "REPLACE",
        "Content-Type": "text/y",
        "x-oss-tagging-directive": "Replace",
        "x-oss-tagging": "k=new",
    }
    bucket.copy_object(BUCKET, "from", "to", headers=replacing)
    assert bucket.head_object("to").content_type == "text/y"
    assert bucket.get_object_tagging("to").tag_set.tagging_rule == {"k": "new"}


def test_a_body_over_the_limit_is_refused_before_it_is_read(cloud):
    auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret)
    request = oss2.http.Request("PUT", f"{cloud.url}/{BUCKET}/big")
    auth._sign_request(request, BUCKET, "big")
    signed = {name.capitalize(): request.headers[name] for name in ("date", "authorization")}
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=5)
    with contextlib.closing(connection):
        connection.request("PUT", f"/{BUCKET}/big", headers=signed | {"Content-Length": str(1 << 40)})
        answer = connection.getresponse()  # though not one byte of the body was sent
        assert (answer.status, b"EntityTooLarge" in answer.read()) == (400, True)


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


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda bucket: bucket.put_symlink("a", "b"), "symlink"),
        (lambda bucket: bucket.restore_object("a"), "restore"),
        (lambda bucket: bucket.get_object("a", process="image/resize,w_1"), "x-oss-process"),
        (lambda bucket: bucket.put_bucket_policy("{}"), "PUT of a bucket with \\?policy"),
        (lambda bucket: bucket.put_bucket_versioning(oss2.models.BucketVersioningConfig("Enabled")), "versioning"),
        (lambda bucket: bucket.get_object("a", params={"versionId": "1"}), "versionId"),
        (lambda bucket: bucket.put_object("a", b"x", headers={"x-oss-server-side-encryption": "KMS"}), "KMS"),
    ],
)
def test_what_the_emulator_does_not_do_it_refuses_by_name(bucket, ask, words):
    with pytest.raises(oss2.exceptions.OssError, match=words) as error:
        ask(bucket)
    assert (error.value.status, error.value.code) == (501, "NotImplemented")


def test_the_objects_of_a_bucket_without_versions_have_one_each_and_go_by_it(bucket):
    for key in ("of/a", "of/b/c", "of/d"):
        bucket.put_object(key, b"x")
    first = bucket.list_object_versions("of/", max_keys=2)
    rest = bucket.list_object_versions("of/", key_marker=first.next_key_marker)
    assert ([each.key for each in first.versions], first.is_truncated) == (["of/a", "of/b/c"], True)
    assert [(each.key, each.versionid, each.is_latest) for each in rest.versions] == [("of/d", "null", True)]
    named = [oss2.models.BatchDeleteObjectVersion("of/a", "null"), oss2.models.BatchDeleteObjectVersion("of/d", "v2")]
    bucket.delete_object_versions(oss2.models.BatchDeleteObjectVersionList(named))
    assert [each.key for each in bucket.list_object_versions("of/").versions] == ["of/b/c", "of/d"]


def test_a_version_2_signature_is_refused_by_name(bucket, cloud):
    old = oss2.Bucket(oss2.AuthV2(cloud.access_key_id, cloud.access_key_secret), cloud.url, BUCKET)
    with pytest.raises(oss2.exceptions.OssError, match="signature version 2") as error:
        old.get_object("x")
    assert (error.value.status, error.value.code) == (501, "NotImplemented")
    signed = requests.get(old.sign_url("GET", "x", 60), timeout=5)
    assert (signed.status_code, "signature version 2" in signed.text) == (501, True)


def test_an_upload_in_parts_becomes_one_object(bucket):
    bodies = [b"a" * 102400, b"b" * 150000, b"tail"]
    upload = bucket.init_multipart_upload("parts/ü &.bin", headers={"Content-Type": "text/parts"}).upload_id
    parts = []
    for number, body in enumerate(bodies, 1):
        put = bucket.upload_part("parts/ü &.bin", upload, number, body)
        assert put.etag == hashlib.md5(body).hexdigest().upper()
        parts.append(oss2.models.PartInfo(number, put.etag, size=len(body), part_crc=put.crc))
    listed = list(oss2.PartIterator(bucket, "parts/ü &.bin", upload, max_parts=2))
    assert [(part.part_number, part.size) for part in listed] == [(1, 102400), (2, 150000), (3, 4)]
    assert upload in [each.upload_id for each in oss2.MultipartUploadIterator(bucket, prefix="parts/")]
    bucket.delete_object("parts/ü &.bin")
    assert bucket.list_objects(prefix="parts/").object_list == []
    done = bucket.complete_multipart_upload("parts/ü &.bin", upload, parts)  # the client compares the CRC64 itself
    assert done.etag.endswith("-3")
    got = bucket.get_object("parts/ü &.bin")
    assert got.read() == b"".join(bodies)
    assert (got.server_crc, got.content_type) == (got.client_crc, "text/parts")
    assert bucket.get_object("parts/ü &.bin", byte_range=(102398, 102401)).read() == b"aabb"
    assert bucket.head_object("parts/ü &.bin").headers["x-oss-object-type"] == "Multipart"
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.complete_multipart_upload("parts/ü &.bin", upload, parts)


def test_a_resumable_upload_goes_in_parts(bucket, tmp_path):
    body = bytes(range(256)) * 2000
    (tmp_path / "file").write_bytes(body)
    oss2.resumable_upload(
        bucket,
        "resumed",
        str(tmp_path / "file"),
        store=oss2.ResumableStore(root=str(tmp_path)),
        multipart_threshold=102400,
        part_size=204800,
        num_threads=2,
    )
    assert bucket.get_object("resumed").read() == body


def test_an_upload_that_cannot_be_completed_makes_nothing(bucket):
    upload = bucket.init_multipart_upload("broken").upload_id
    small, last = (bucket.upload_part("broken", upload, number, b"x").etag for number in (1, 2))
    part = oss2.models.PartInfo
    for parts, code in (
        ([part(1, small), part(2, last)], "EntityTooSmall"),
        ([part(2, "0" * 32)], "InvalidPart"),
        ([part(3, last)], "InvalidPart"),
        ([], "MalformedXML"),
    ):
        with pytest.raises(oss2.exceptions.OssError) as error:
            bucket.complete_multipart_upload("broken", upload, parts)
        assert error.value.code == code
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.upload_part("other-key", upload, 1, b"x")
    assert not bucket.object_exists("broken")
    bucket.abort_multipart_upload("broken", upload)
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.upload_part("broken", upload, 1, b"x")


def test_a_part_may_be_copied_from_an_object(bucket):
    bucket.put_object("whole", b"0123456789")
    upload = bucket.init_multipart_upload("joined").upload_id
    etag = bucket.upload_part_copy(BUCKET, "whole", (2, 4), "joined", upload, 1).etag
    bucket.complete_multipart_upload("joined", upload, [oss2.models.PartInfo(1, etag)])
    assert bucket.get_object("joined").read() == b"234"


def test_an_object_grows_by_appending_where_it_ends(bucket):
    bucket.delete_object("log")
    first = bucket.append_object("log", 0, b"one,", init_crc=0)
    second = bucket.append_object("log", first.next_position, b"two", init_crc=first.crc)
    assert second.next_position == 7
    assert bucket.get_object("log").read() == b"one,two"
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as error:
        bucket.append_object("log", 3, b"x")
    assert error.value.next_position == 7
    bucket.put_object("plain", b"x")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        bucket.append_object("plain", 1, b"x")


def test_a_body_of_unknown_length_comes_in_chunks(bucket):
    put = bucket.put_object("chunked", iter([b"one,", b"two"]))
    assert put.crc == bucket.get_object("chunked").server_crc
    assert bucket.get_object("chunked").read() == b"one,two"


def test_tags_of_objects_and_buckets_come_and_go(bucket):
    bucket.put_object("tagged", b"x", headers={"x-oss-tagging": "k1=v1&k%202=%E5%80%BC"})
    assert bucket.get_object_tagging("tagged").tag_set.tagging_rule == {"k1": "v1", "k 2": "值"}
    assert bucket.head_object("tagged").headers["x-oss-tagging-count"] == "2"
    rule = oss2.models.TaggingRule()
    rule.add("only", "one")
    bucket.put_object_tagging("tagged", oss2.models.Tagging(rule))
    bucket.copy_object(BUCKET, "tagged", "tagged-copy")
    for key in ("tagged", "tagged-copy"):
        assert bucket.get_object_tagging(key).tag_set.tagging_rule == {"only": "one"}
    bucket.delete_object_tagging("tagged")
    assert bucket.get_object_tagging("tagged").tag_set.tagging_rule == {}
    bucket.put_bucket_tagging(oss2.models.Tagging(rule))
    assert bucket.get_bucket_tagging().tag_set.tagging_rule == {"only": "one"}
    bucket.delete_bucket_tagging()
    assert bucket.get_bucket_tagging().tag_set.tagging_rule == {}


def test_acls_are_private_or_refused(bucket):
    bucket.put_object("acl", b"x", headers={"x-oss-object-acl": "private"})
    assert bucket.get_object_acl("acl").acl == "private"
    bucket.put_object_acl("acl", oss2.OBJECT_ACL_DEFAULT)
    assert bucket.get_object_acl("acl").acl == "default"
    assert bucket.get_bucket_acl().acl == "private"
    bucket.put_bucket_acl(oss2.BUCKET_ACL_PRIVATE)
    for ask in (
        lambda: bucket.put_object_acl("acl", oss2.OBJECT_ACL_PUBLIC_READ),
        lambda: bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ),
        lambda: bucket.put_object("acl", b"x", headers={"x-oss-object-acl": "public-read-write"}),
    ):
        with pytest.raises(oss2.exceptions.AccessDenied):
            ask()


def test_settings_of_a_bucket_are_read_back_as_they_were_put(bucket):
    for read in (bucket.get_bucket_cors, bucket.get_bucket_website, bucket.get_bucket_lifecycle):
        with pytest.raises(oss2.exceptions.NotFound):
            read()
    with pytest.raises(oss2.exceptions.NotFound) as error:
        bucket.get_bucket_policy()
    assert error.value.code == "NoSuchBucketPolicy"
    assert not bucket.get_bucket_logging().target_bucket
    assert bucket.get_bucket_referer().allow_empty_referer is True
    assert bucket.get_bucket_resource_group().resource_group_id
    assert bucket.get_bucket_access_monitor().access_monitor.status == "Disabled"
    rule = oss2.models.CorsRule(allowed_origins=["*"], allowed_methods=["GET"])
    bucket.put_bucket_cors(oss2.models.BucketCors([rule]))
    assert [each.allowed_methods for each in bucket.get_bucket_cors().rules] == [["GET"]]
    bucket.delete_bucket_cors()
    with pytest.raises(oss2.exceptions.NoSuchCors):
        bucket.get_bucket_cors()


def test_a_bucket_counts_what_it_holds(cloud):
    auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret)
    counted = oss2.Bucket(auth, cloud.url, "counted")
    counted.create_bucket()
    counted.put_object("a", b"12345")
    counted.init_multipart_upload("b")
    stat = counted.get_bucket_stat()
    assert (stat.storage_size_in_bytes, stat.object_count, stat.multi_part_upload_count) == (5, 1, 1)
    counted.delete_object("a")
    with pytest.raises(oss2.exceptions.OssError) as error:
        counted.delete_bucket()
    assert error.value.code == "BucketNotEmpty"


def test_buckets_are_listed_by_prefix_and_page(cloud):
    auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret)
    for name in ("paged-a", "paged-b", "paged-c"):
        oss2.Bucket(auth, cloud.url, name).create_bucket()
    service = oss2.Service(auth, cloud.url)
    first = service.list_buckets(prefix="paged-", max_keys=2)
    assert ([each.name for each in first.buckets], first.is_truncated) == (["paged-a", "paged-b"], True)
    assert [each.name for each in oss2.BucketIterator(service, prefix="paged-", max_keys=1)] == [
        "paged-a", "paged-b", "paged-c"
    ]  # fmt: skip


def test_a_bucket_may_be_in_the_host_name(cloud, monkeypatch, bucket):
    """Requests go out as they would to the cloud; only the connection is led to this machine."""
    connect = urllib3.util.connection.create_connection
    hosts = []

    def to_this_machine(address, *arguments, **options):
        hosts.append(address[0])
        return connect(("127.0.0.1", address[1]), *arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", to_this_machine)
    endpoint = cloud.url.replace("127.0.0.1", f"oss-{cloud.region}.aliyuncs.com")
    there = oss2.Bucket(bucket.auth, endpoint, BUCKET, region=cloud.region)
    there.put_object("by/host ü", b"same")
    assert set(hosts) == {f"{BUCKET}.oss-{cloud.region}.aliyuncs.com"}
    assert bucket.get_object("by/host ü").read() == b"same"
    assert requests.get(there.sign_url("GET", "by/host ü", 60), timeout=5).content == b"same"
    assert BUCKET in [
        each.name for each in oss2.Service(bucket.auth, endpoint, region=cloud.region).list_buckets().buckets
    ]


def test_a_fault_reaches_the_client(bucket, cloud):
    cloud.cloud.faults.arm({"service": "oss", "action": "GetObject", "kind": "status", "status": 503})
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("x")
    assert error.value.status == 503


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../../b", "%2e%2e/x", "a\\..\\b", "a/./b", "%00", "a//b"])
def test_a_key_is_never_a_path(bucket, cloud, key):
    bucket.put_object(key, b"kept")
    assert bucket.get_object(key).read() == b"kept"
    names = {path.name for path in (cloud.cloud.store.directory / "objects").rglob("*") if path.is_file()}
    assert all(len(name) == 64 for name in names)


@pytest.mark.parametrize("name", ["..", "../objects", "%2e%2e", ".hidden", "a/../b", "A", "a_b", "-a-", "x" * 64])
def test_a_bucket_is_never_a_path(cloud, name):
    auth = oss2.make_auth(cloud.access_key_id, cloud.access_key_secret)
    before = sorted(cloud.cloud.store.directory.rglob("*"))
    path = f"/{quote(name, safe='')}/"
    for method in ("PUT", "GET", "DELETE"):
        request = oss2.http.Request(method, cloud.url + path)
        auth._sign_request(request, name, "")
        signed = {name.capitalize(): request.headers[name] for name in ("date", "authorization")}
        connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=5)  # sends paths as they are
        with contextlib.closing(connection):
            connection.request(method, path, headers=signed)
            answer = connection.getresponse()
            assert (answer.status, b"SignatureDoesNotMatch" in answer.read()) in {(400, False), (404, False)}
    assert sorted(cloud.cloud.store.directory.rglob("*")) == before


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
