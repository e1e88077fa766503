"""The official alibabacloud-oss-v2 package against the emulated store."""

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_oss_v2.aio import AsyncClient

from fujie_emulator.testing import running

BUCKET = "fujie-v2"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def configuration(cloud, version="v4", secret=None):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, secret or cloud.access_key_secret
    )
    config.region = cloud.region
    config.endpoint = cloud.url
    config.use_path_style = True
    config.signature_version = version
    config.retry_max_attempts = 1
    return config


def new_client(cloud, version="v4", secret=None):
    return oss.Client(configuration(cloud, version, secret))


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


def test_an_upload_in_parts_becomes_one_object(client):
    bodies = [b"a" * 102400, b"tail"]
    begun = client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=BUCKET, key="parts ü"))
    for number, body in enumerate(bodies, 1):
        client.upload_part(
            oss.UploadPartRequest(
                bucket=BUCKET, key="parts ü", upload_id=begun.upload_id, part_number=number, body=body
            )
        )
    pages = client.list_parts_paginator().iter_page(
        oss.ListPartsRequest(bucket=BUCKET, key="parts ü", upload_id=begun.upload_id, max_parts=1)
    )
    assert [part.size for page in pages for part in page.parts] == [102400, 4]
    begun_ones = client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=BUCKET)).uploads
    assert (begun_ones[0].key, begun_ones[0].upload_id) == ("parts ü", begun.upload_id)
    done = client.complete_multipart_upload(
        oss.CompleteMultipartUploadRequest(bucket=BUCKET, key="parts ü", upload_id=begun.upload_id, complete_all="yes")
    )
    got = client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="parts ü"))
    assert got.body.read() == b"".join(bodies)
    assert (got.etag, got.hash_crc64) == (done.etag, done.hash_crc64)


def test_the_uploader_and_the_downloader_go_in_parts(client, tmp_path):
    body = bytes(range(256)) * 2000
    (tmp_path / "up").write_bytes(body)
    client.uploader(part_size=204800, parallel_num=2).upload_file(
        oss.PutObjectRequest(bucket=BUCKET, key="managed"), filepath=str(tmp_path / "up")
    )
    client.downloader(part_size=102400, parallel_num=2).download_file(
        oss.GetObjectRequest(bucket=BUCKET, key="managed"), filepath=str(tmp_path / "down")
    )
    assert (tmp_path / "down").read_bytes() == body
    copied = oss.CopyObjectRequest(bucket=BUCKET, key="managed-copy", source_bucket=BUCKET, source_key="managed")
    client.copier(part_size=204800, multipart_copy_threshold=204800).copy(copied)
    assert client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="managed-copy")).body.read() == body


def test_an_object_grows_by_appending(client):
    client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key="log"))
    with client.append_file(bucket=BUCKET, key="log") as file:
        file.write(b"one,")
        file.write(b"two")
    assert client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="log")).body.read() == b"one,two"
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.append_object(oss.AppendObjectRequest(bucket=BUCKET, key="log", position=1, body=b"x"))
    assert error.value.unwrap().code == "PositionNotEqualToLength"


def test_tags_and_acls_are_read_back(client):
    client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="tagged", body=b"x", tagging="k=v"))
    tags = client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=BUCKET, key="tagged")).tag_set.tags
    assert [(tag.key, tag.value) for tag in tags] == [("k", "v")]
    client.put_object_acl(oss.PutObjectAclRequest(bucket=BUCKET, key="tagged", acl="private"))
    assert client.get_object_acl(oss.GetObjectAclRequest(bucket=BUCKET, key="tagged")).acl == "private"
    assert client.get_bucket_acl(oss.GetBucketAclRequest(bucket=BUCKET)).acl == "private"
    assert client.is_bucket_exist(BUCKET)
    assert not client.is_bucket_exist("no-such-bucket")


def test_several_objects_are_deleted_at_once(client):
    for key in ("one &", "two ü"):
        client.put_object(oss.PutObjectRequest(bucket=BUCKET, key=key, body=b"x"))
    gone = client.delete_multiple_objects(
        oss.DeleteMultipleObjectsRequest(
            bucket=BUCKET, objects=[oss.DeleteObject(key="one &"), oss.DeleteObject(key="two ü")]
        )
    )
    assert [each.key for each in gone.deleted_objects] == ["one &", "two ü"]
    assert not client.is_object_exist(BUCKET, "two ü")


def test_a_range_and_conditions_are_kept(client):
    put = client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="digits", body=b"0123456789"))
    part = client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="digits", range_header="bytes=2-4"))
    assert (part.status_code, part.body.read(), part.content_range) == (206, b"234", "bytes 2-4/10")
    for conditions, status in (({"if_none_match": put.etag}, 304), ({"if_match": '"0"'}, 412)):
        with pytest.raises(oss.exceptions.OperationError) as error:
            client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="digits", **conditions))
        assert error.value.unwrap().status_code == status


def test_a_refresh_reads_every_setting_of_a_bucket(client):
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket=BUCKET)).bucket_info
    assert (info.name, info.storage_class, info.acl) == (BUCKET, "Standard", "private")
    assert client.get_bucket_tags(oss.GetBucketTagsRequest(bucket=BUCKET)).tagging.tag_set.tags in (None, [])
    group = client.get_bucket_resource_group(oss.GetBucketResourceGroupRequest(bucket=BUCKET))
    assert group.bucket_resource_group_configuration.resource_group_id
    monitor = client.get_bucket_access_monitor(oss.GetBucketAccessMonitorRequest(bucket=BUCKET))
    assert monitor.access_monitor_configuration.status == "Disabled"
    for ask, request, code in (
        (client.get_bucket_cors, oss.GetBucketCorsRequest, "NoSuchCORSConfiguration"),
        (client.get_bucket_website, oss.GetBucketWebsiteRequest, "NoSuchWebsiteConfiguration"),
        (client.get_bucket_lifecycle, oss.GetBucketLifecycleRequest, "NoSuchLifecycle"),
        (client.get_bucket_policy, oss.GetBucketPolicyRequest, "NoSuchBucketPolicy"),
        (
            client.get_bucket_transfer_acceleration,
            oss.GetBucketTransferAccelerationRequest,
            "NoSuchTransferAccelerationConfiguration",
        ),
    ):
        with pytest.raises(oss.exceptions.OperationError) as error:
            ask(request(bucket=BUCKET))
        assert (error.value.unwrap().code, error.value.unwrap().status_code) == (code, 404)


@pytest.mark.parametrize("version", ["v1", "v4"])
async def test_the_asynchronous_client_is_understood_too(cloud, version):
    async with AsyncClient(configuration(cloud, version)) as client:
        await client.put_bucket(oss.PutBucketRequest(bucket=BUCKET))
        put = await client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="async ü", body=b"hello", tagging="k=v"))
        got = await client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="async ü"))
        async with got.body as body:
            assert await body.read() == b"hello"
        assert got.hash_crc64 == put.hash_crc64
        assert await client.is_object_exist(BUCKET, "async ü")
        listed = await client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, prefix="async"))
        assert [each.key for each in listed.contents] == ["async ü"]
        begun = await client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=BUCKET, key="p"))
        part = oss.UploadPartRequest(bucket=BUCKET, key="p", upload_id=begun.upload_id, part_number=1, body=b"x")
        etag = (await client.upload_part(part)).etag
        parts = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=etag)])
        await client.complete_multipart_upload(
            oss.CompleteMultipartUploadRequest(
                bucket=BUCKET, key="p", upload_id=begun.upload_id, complete_multipart_upload=parts
            )
        )
        await client.append_object(oss.AppendObjectRequest(bucket=BUCKET, key=f"log-{version}", position=0, body=b"a"))
        with pytest.raises(oss.exceptions.OperationError) as error:
            await client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="nothing"))
        assert error.value.unwrap().code == "NoSuchKey"
        await client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key="async ü"))
        assert not await client.is_object_exist(BUCKET, "async ü")
