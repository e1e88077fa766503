"""The store believes exactly what the official client signed, whatever the names; nothing is sent here."""

from urllib.parse import urlsplit

import oss2
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from fujie_emulator.core.opening import open_cloud
from fujie_emulator.oss.errors import OssError
from fujie_emulator.oss.request import object_request
from fujie_emulator.oss.signing import verified_caller

URL = "http://127.0.0.1:9"
letters = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
keys = st.text(letters, min_size=1, max_size=20).filter(lambda key: key[0] not in "/\\" and "." not in key)
prefixes = st.text(letters, max_size=10)
metadata = st.dictionaries(
    st.text("abc-", min_size=1, max_size=5), st.text("xyz 0:/=&", max_size=8).map(str.strip), max_size=3
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    cloud = open_cloud(tmp_path_factory.mktemp("cloud"), URL)
    yield cloud
    cloud.store.close()


def signed(cloud, version, method, key, params, headers):
    """Return the ASGI scope of a request that oss2 signed."""
    auth = oss2.make_auth(cloud.account.access_key_id, cloud.account.access_key_secret, version)
    url = f"{URL}/bkt/{oss2.compat.urlquote(key, safe='~/')}"
    request = oss2.http.Request(method, url, params=params, headers=headers, region=cloud.region, product="oss")
    auth._sign_request(request, "bkt", key)
    sent = {name: value for name, value in request.headers.items() if value is not None}
    prepared = requests.Request(method, request.url, params=request.params, headers=sent).prepare()
    parts = urlsplit(prepared.url)
    pairs = [(name.lower().encode(), _bytes(value)) for name, value in prepared.headers.items()]
    return {
        "type": "http",
        "method": method,
        "path": oss2.compat.urlunquote(parts.path),
        "query_string": parts.query.encode(),
        "headers": [*pairs, (b"host", b"127.0.0.1:9")],
    }


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode("latin-1")


def caller_of(cloud, scope):
    return verified_caller(cloud, object_request(Request(scope)))


@pytest.mark.parametrize("version", ["v1", "v4"])
@settings(max_examples=30)  # the client takes a while to sign
@given(keys, prefixes, metadata)
def test_what_the_client_signed_is_believed(cloud, version, key, prefix, meta):
    headers = {f"x-oss-meta-{name}": value for name, value in meta.items()}
    scope = signed(cloud, version, "GET", key, {"prefix": prefix, "response-content-type": prefix}, headers)
    assert caller_of(cloud, scope).type == "root"


@pytest.mark.parametrize("version", ["v1", "v4"])
@settings(max_examples=30)  # the client takes a while to sign
@given(keys, keys)
def test_what_it_signed_for_one_key_is_not_believed_for_another(cloud, version, key, other):
    scope = signed(cloud, version, "GET", key, {}, {})
    forged = scope | {"path": f"/bkt/{other}"}
    if other == key:
        assert caller_of(cloud, forged).type == "root"
    else:
        with pytest.raises(OssError, match="SignatureDoesNotMatch"):
            caller_of(cloud, forged)


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"query_string": b"acl"},
        {"query_string": b"uploadId=1"},
    ],
)
def test_what_it_signed_is_believed_for_nothing_else(cloud, version, change):
    scope = signed(cloud, version, "GET", "k", {}, {})
    assert caller_of(cloud, scope).type == "root"
    with pytest.raises(OssError, match="SignatureDoesNotMatch"):
        caller_of(cloud, scope | change)
