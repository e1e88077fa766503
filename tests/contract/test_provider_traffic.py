"""What the real Terraform provider sent, request by request, gets equivalent answers.

Equivalent: the same status, and every field that the recorded answer has and the provider reads is there with the
same value, or with a value of the same kind where it is the cloud's to choose (ids, dates, addresses, sizes).
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from starlette.requests import Request

from fujie_emulator.core.opening import open_cloud
from fujie_emulator.core.signing import verify_roa, verify_v1
from fujie_emulator.oss.request import object_request
from fujie_emulator.oss.signing import verified_caller
from fujie_emulator.testing import running
from tests.contract.provider_replay import KEY_ID, REGION, SECRET, Replayer, oss_v4, recorded, roa_v1, rpc_v1

# Whose value is the cloud's to choose; only that there is one of the same type is compared.
CHOSEN_BY_THE_CLOUD = {
    "RequestId", "RoleId", "CreateDate", "UpdateDate", "AttachDate", "functionId", "triggerId", "createdTime",
    "lastModifiedTime", "codeChecksum", "codeSize", "urlInternet", "urlIntranet", "ID", "DisplayName", "CreationDate",
    "ExtranetEndpoint", "IntranetEndpoint", "ResourceGroupId", "Message",
}  # fmt: skip
# Where the recording's stub was wrong, and who says so.
STUB_ERRORS = {
    # A changed policy is a new default version: the provider sent SetAsDefault=true (the stub went on saying v1).
    ("update", "GetPolicy"): {"DefaultVersion": "v2", "VersionId": "v2"},
    # The policy is not attached until AttachPolicyToRole, ten requests later (the stub always said 1).
    ("up", "GetPolicy"): {"AttachmentCount": 0},
}
JSON_TEXTS = {"AssumeRolePolicyDocument", "PolicyDocument", "triggerConfig"}


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """Every exchange of the recording with the answer it got here, in order, on one fresh cloud."""
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        replayer = Replayer(cloud)
        exchanges = recorded(cloud.account_id, cloud.region)
        return {exchange.number: (exchange, replayer.send(exchange)) for exchange in exchanges}


NUMBERS = [exchange.number for exchange in recorded()]


@pytest.mark.parametrize("number", NUMBERS, ids=[exchange.name for exchange in recorded()])
def test_the_provider_reads_what_it_read_before(life, number):
    exchange, answer = life[number]
    assert answer.status == exchange.status, answer.body
    if exchange.method == "HEAD":
        assert answer.body == b""
        if answer.status == 200:
            assert int(answer.headers["content-length"]) == len(package(life))
            assert (answer.headers["content-type"], answer.headers["etag"][0]) == ("application/zip", '"')
        return
    if not exchange.answer:
        assert answer.body == b""
        return
    wanted, got = read(exchange.answer), read(answer.body.decode())
    corrections = STUB_ERRORS.get((exchange.step, exchange.query.get("Action")), {})
    for path, value in wanted.items():
        compare(path, corrections.get(path[-1], value), got)


def test_nothing_of_the_recording_is_left_out(life):
    assert len(life) == len(NUMBERS) == 80
    assert {exchange.product for exchange, _ in life.values()} == {"ram", "oss", "fc"}
    assert {exchange.step for exchange, _ in life.values()} == {"up", "refresh", "update", "destroy"}


def test_the_signatures_made_here_are_those_of_the_provider():
    """The recorder's own keys are known, so its signatures can be made again."""
    for exchange in recorded():
        if exchange.product == "fc":
            made = roa_v1(SECRET, exchange.method, exchange.path, exchange.headers)
            assert exchange.headers["authorization"] == f"acs {KEY_ID}:{made}"
        elif exchange.product == "oss":
            made = oss_v4(KEY_ID, SECRET, REGION, exchange, exchange.headers)
            assert exchange.headers["authorization"] == made
        else:
            signed = {name: value for name, value in exchange.query.items() if name != "Signature"}
            assert exchange.query["Signature"] == rpc_v1(SECRET, exchange.method, signed | exchange.form)


def package(life):
    return next(exchange.body for exchange, _ in life.values() if exchange.headers.get("x-oss-object-acl") == "private")


def read(text):
    """Return leaves by path: of JSON by keys and places, of XML by names; an empty list or element is a leaf too."""
    if text.startswith("<"):
        return dict(xml_leaves(ET.fromstring(text), ()))
    return dict(json_leaves(json.loads(text), ()))


def json_leaves(value, path):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner:
        yield path, value
    for key, each in inner:
        yield from json_leaves(each, (*path, key))


def xml_leaves(element, path):
    here = (*path, element.tag)
    if not len(element):
        yield here, element.text or ""
    for child in element:
        yield from xml_leaves(child, here)


def compare(path, wanted, got):
    name = path[-1]
    if path == ("TagResources", "TagResource"):
        # The stub put an empty list one level too deep; the official client's model and the provider read it here.
        assert got["TagResources",] == []
    elif wanted in ([], {}, ""):
        assert got.get(path, wanted) == wanted or any(other[: len(path)] == path for other in got)
    elif name in CHOSEN_BY_THE_CLOUD:
        assert got[path]
        assert same_kind(wanted, got[path])
    elif name in JSON_TEXTS:
        assert json.loads(got[path]) == json.loads(wanted)
    else:
        assert got[path] == wanted


def same_kind(wanted, got):
    dates = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.000)?Z")
    if dates.fullmatch(str(wanted)):
        return bool(dates.fullmatch(got))
    return type(wanted) is type(got)


@pytest.fixture(scope="module")
def recorders_cloud(tmp_path_factory):
    """A cloud of the recorder's account, key, region and time."""
    cloud = open_cloud(tmp_path_factory.mktemp("recorder"), "http://127.0.0.1:9100")
    cloud.account = replace(cloud.account, access_key_id=KEY_ID, access_key_secret=SECRET, region=REGION)
    cloud.clock.advance(datetime(2026, 11, 21, 3, 53, 28, tzinfo=UTC).timestamp() - cloud.clock.time())
    yield cloud
    cloud.store.close()


def test_the_recorded_signatures_are_believed_as_they_are(recorders_cloud):
    for exchange in recorded():
        assert caller_of(recorders_cloud, exchange).type == "root", exchange.name


def caller_of(cloud, exchange):
    if exchange.product == "ram":
        return verify_v1(cloud, exchange.method, exchange.query | exchange.form)
    scope = {
        "type": "http",
        "method": exchange.method,
        "path": unquote(exchange.path),
        "raw_path": exchange.path.encode(),
        "query_string": exchange.query_string.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in exchange.headers.items()],
    }
    if exchange.product == "fc":
        return verify_roa(cloud, Request(scope), exchange.body)
    return verified_caller(cloud, object_request(Request(scope)))
