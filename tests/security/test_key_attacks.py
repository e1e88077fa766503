"""Whoever holds half a key, an old request or a wide session policy gets in nowhere: RPC, FC and the object store."""

import base64
import hashlib
import hmac
import http.client
import json
import uuid
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime

import oss2
import pytest

from fujie_emulator.core.iam import assume_role
from fujie_emulator.testing import running

SERVICE = {"Service": "fc.aliyuncs.com"}
TRUST = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SERVICE}]}
BUCKET = "guarded"


def allowing(action, resource="*"):
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A bucket of two users' files and a role that may read alice's only."""
    with running(tmp_path_factory.mktemp("cloud")) as served:
        ram = served.cloud.iam.ram
        ram.create_role("reader", json.dumps(TRUST), "", 3600, [])
        ram.create_policy("alice", json.dumps(allowing("oss:GetObject", f"acs:oss:*:*:{BUCKET}/users/alice/*")), "")
        ram.attach("Custom", "alice", "reader")
        operator = oss2.Bucket(oss2.make_auth(served.access_key_id, served.access_key_secret), served.url, BUCKET)
        operator.create_bucket()
        for user in ("alice", "bob"):
            operator.put_object(f"users/{user}/a", user.encode())
        yield served


def key_of(served, policy=None):
    options = {"principal": SERVICE, "session_name": "s1", "duration_s": 900, "policy": policy}
    return assume_role(served.cloud, "reader", **options)


def bucket_of(served, key, version, *, token=None):
    auth = oss2.StsAuth(
        key.access_key_id, key.access_key_secret, key.security_token if token is None else token, version
    )
    return oss2.Bucket(auth, served.url, BUCKET, region=served.region)


def refused(ask, *arguments):
    with pytest.raises(oss2.exceptions.OssError) as error:
        ask(*arguments)
    assert error.value.status == 403
    return error.value.code


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("policy", [allowing("*"), allowing("oss:*", f"acs:oss:*:*:{BUCKET}/users/bob/*")])
def test_a_session_policy_that_asks_for_more_than_the_role_gives_nothing_more(guarded, version, policy):
    """Hurt: Bob, whose files lie in the same bucket."""
    bucket = bucket_of(guarded, key_of(guarded, policy), version)
    assert refused(bucket.get_object, "users/bob/a") == "AccessDenied"
    assert refused(bucket.put_object, "users/alice/a", b"x") == "AccessDenied"
    assert refused(bucket.list_objects) == "AccessDenied"


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize(
    "key", ["users/alice/../bob/a", "users/alice/%2e%2e/bob/a", "users/alice/..%2fbob/a", "users/alice/./../bob/a"]
)
def test_a_key_with_dots_is_another_key_and_no_way_to_bobs(guarded, version, key):
    """Hurt: Bob, as above."""
    bucket = bucket_of(guarded, key_of(guarded), version)
    assert bucket.get_object("users/alice/a").read() == b"alice"
    with pytest.raises(oss2.exceptions.OssError) as error:
        bucket.get_object(key)
    assert error.value.code in {"NoSuchKey", "AccessDenied", "SignatureDoesNotMatch"}


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_temporary_key_without_its_own_token_opens_nothing(guarded, version):
    """Hurt: Alice, whose key would work for who has a part of it."""
    mine, other = key_of(guarded), key_of(guarded)
    for token in ("", "CAISwrong", other.security_token):
        bucket = bucket_of(guarded, mine, version, token=token)
        assert refused(bucket.get_object, "users/alice/a") == "InvalidSecurityToken"
    plain = oss2.Bucket(
        oss2.make_auth(mine.access_key_id, mine.access_key_secret, version), guarded.url, BUCKET, region=guarded.region
    )
    assert refused(plain.get_object, "users/alice/a") == "InvalidSecurityToken"


def test_the_key_of_a_role_made_anew_is_needed_anew(guarded):
    """Hurt: whoever was given the role after it was taken from somebody."""
    ram = guarded.cloud.iam.ram
    old = bucket_of(guarded, key_of(guarded), "v4")
    ram.detach("Custom", "alice", "reader")
    ram.delete_role("reader")
    assert refused(old.get_object, "users/alice/a") == "SecurityTokenExpired"
    ram.create_role("reader", json.dumps(TRUST), "", 3600, [])
    ram.attach("Custom", "alice", "reader")
    assert refused(old.get_object, "users/alice/a") == "SecurityTokenExpired"
    assert bucket_of(guarded, key_of(guarded), "v4").get_object("users/alice/a").read() == b"alice"


def roa_headers(served, **changes):
    """Sign `GET /2023-03-30/functions` the V1 way, as documented; changed headers are not signed anew."""
    headers = {
        "accept": "application/json",
        "date": format_datetime(datetime.fromtimestamp(int(served.cloud.clock.time()), UTC), usegmt=True),
        "x-acs-signature-method": "HMAC-SHA1",
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2023-03-30",
    }
    lines = ["GET", headers["accept"], "", "", headers["date"]]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-acs-")]
    text = "\n".join([*lines, "/2023-03-30/functions"])
    digest = hmac.new(served.access_key_secret.encode(), text.encode(), hashlib.sha1).digest()
    headers["authorization"] = f"acs {served.access_key_id}:{base64.b64encode(digest).decode()}"
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def sent(served, headers, path="/2023-03-30/functions"):
    with closing(http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=5)) as connection:
        connection.request("GET", path, headers=headers)
        body = json.loads(connection.getresponse().read())
    return body.get("Code", "")


def test_a_request_signed_for_a_path_works_once(guarded):
    """Hurt: the stack, whose request somebody recorded."""
    headers = roa_headers(guarded)
    assert sent(guarded, headers) == ""
    assert sent(guarded, headers) == "SignatureNonceUsed"


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({}, "/2023-03-30/functions?prefix=x", "SignatureDoesNotMatch"),
        ({}, "/2023-03-30/functions/f", "SignatureDoesNotMatch"),
        ({"x_acs_signature_nonce": "0" * 32}, "", "SignatureDoesNotMatch"),
        ({"x_acs_more": "1"}, "", "SignatureDoesNotMatch"),
        ({"content_md5": "x"}, "", "SignatureDoesNotMatch"),
        ({"date": "Sat, 21 Nov 2020 00:00:00 GMT"}, "", "InvalidTimeStamp.Expired"),
        ({"date": "yesterday"}, "", "InvalidTimeStamp.Format"),
        ({"authorization": "acs nobody:c2ln"}, "", "InvalidAccessKeyId.NotFound"),
        ({"authorization": "acs "}, "", "IncompleteSignature"),
        ({"x_acs_signature_method": "none"}, "", "IncompleteSignature"),
        ({"x_acs_security_token": "t"}, "", "InvalidSecurityToken.MismatchWithAccessKey"),
    ],
)
def test_a_request_signed_for_a_path_is_good_for_that_alone(guarded, changes, path, code):
    """Hurt: the stack, whose signature would be put on another request."""
    assert sent(guarded, roa_headers(guarded, **changes), path or "/2023-03-30/functions") == code
