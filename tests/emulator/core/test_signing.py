import hashlib
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.signing import (
    UnverifiedRequest,
    canonical_query,
    canonical_request,
    decoded,
    signature_v1,
    signature_v3,
    verify_acs3,
    verify_v1,
)

EMPTY = hashlib.sha256(b"").hexdigest()
BODY = b"WorkloadIdentityName=wi1"
CAPTURED = """POST
/

accept:application/json
content-type:application/x-www-form-urlencoded
host:127.0.0.1:18081
user-agent:AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2
x-acs-action:GetWorkloadAccessToken
x-acs-content-sha256:92f7824337a5fe52c9e9f3ccaf95085e04634d0cce71f7bbcd646ea069665cf5
x-acs-credentials-provider:static_ak
x-acs-date:2026-11-20T23:20:37Z
x-acs-signature-nonce:dd64248a16e76fa8899c58404e4b99d0
x-acs-version:2025-11-27

accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;\
x-acs-signature-nonce;x-acs-version
92f7824337a5fe52c9e9f3ccaf95085e04634d0cce71f7bbcd646ea069665cf5"""


def request_of(canonical, body, query=""):
    headers = [tuple(line.split(":", 1)) for line in canonical.split("\n\n")[1].splitlines()]
    return UnverifiedRequest("POST", "/", query, headers, body)


def test_the_canonical_request_is_the_one_the_official_client_signs():
    signed = CAPTURED.splitlines()[-2].split(";")
    assert canonical_request(request_of(CAPTURED, BODY), signed, hashlib.sha256(BODY).hexdigest()) == CAPTURED


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
fields = st.dictionaries(names, st.text(st.characters(codec="utf-8"), max_size=12), max_size=6)


@given(fields)
def test_the_canonical_query_is_the_same_however_the_client_escaped_it(query):
    strict = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query.items())
    form = "&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in query.items())
    loose = "&".join(f"{quote(k, safe=':/')}={quote(v, safe=':/')}" for k, v in reversed(query.items()))
    expected = naive_query(query)
    assert canonical_query(decoded(strict)) == expected
    assert canonical_query(decoded(form)) == expected
    assert canonical_query(decoded(loose)) == expected


def naive_query(query):
    unreserved = string.ascii_letters + string.digits + "-_.~"

    def escape(text):
        return "".join(c if c in unreserved else "".join(f"%{b:02X}" for b in c.encode()) for c in text)

    return "&".join(f"{escape(k)}={escape(v)}" for k, v in sorted(query.items()))


@given(fields, st.binary(max_size=40))
def test_the_official_client_signs_the_same(query, body):
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    theirs = DaraRequest()
    theirs.method, theirs.pathname = "POST", "/"
    theirs.query = {key: value for key, value in query.items() if quote(key, safe="~") == key and value}
    theirs.headers = {"host": "http://127.0.0.1:1", "x-acs-date": "2026-01-01T00:00:00Z", "accept": " a "}
    payload_hash = hashlib.sha256(body).hexdigest()
    authorization = Utils.get_authorization(theirs, "ACS3-HMAC-SHA256", payload_hash, "AK", "secret")
    ours = UnverifiedRequest("POST", "/", naive_query(theirs.query), list(theirs.headers.items()), body)
    signature = signature_v3("secret", canonical_request(ours, theirs.headers, payload_hash))
    assert authorization.endswith(f",Signature={signature}")


def signed_request(cloud, *, key="", secret="", path="/", body=b"", **changes):
    headers = {
        "host": "h",
        "x-acs-date": cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": "nonce",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    unsigned = UnverifiedRequest("POST", path, "", list(headers.items()), body)
    signature = signature_v3(
        secret or cloud.account.access_key_secret,
        canonical_request(unsigned, headers, headers["x-acs-content-sha256"]),
    )
    credential = f"Credential={key or cloud.account.access_key_id}"
    authorization = f"ACS3-HMAC-SHA256 {credential},SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    return UnverifiedRequest("POST", path, "", [*headers.items(), ("authorization", authorization)], body)


def refusal(cloud, request):
    with pytest.raises(CloudError) as refused:
        verify_acs3(cloud, request)
    return refused.value


def with_header(request, name, value):
    kept = [pair for pair in request.headers if pair[0] != name]
    added = [] if value is None else [(name, value)]
    return UnverifiedRequest(request.method, request.path, request.query, [*kept, *added], request.body)


def test_a_signed_request_names_its_caller_on_any_path(cloud):
    request = signed_request(cloud, path="/2023-03-30/functions/a%20b/invocations", body=b"{}")
    caller = verify_acs3(cloud, request)
    assert (caller.type, caller.arn) == ("root", f"acs:ram::{cloud.account_id}:root")


def test_a_nonce_serves_once(cloud):
    request = signed_request(cloud)
    verify_acs3(cloud, request)
    assert refusal(cloud, request).code == "SignatureNonceUsed"


def test_a_refused_signature_does_not_use_up_the_nonce(cloud):
    assert refusal(cloud, signed_request(cloud, secret="wrong")).code == "SignatureDoesNotMatch"
    assert verify_acs3(cloud, signed_request(cloud)).type == "root"


@pytest.mark.parametrize(("moved_s", "code"), [(899, ""), (-899, ""), (905, "Expired"), (-905, "Expired")])
def test_a_date_counts_for_a_quarter_of_an_hour_on_the_clouds_clock(cloud, moved_s, code):
    request = signed_request(cloud)
    cloud.clock.advance(moved_s)
    if code:
        assert refusal(cloud, request).code == f"InvalidTimeStamp.{code}"
    else:
        assert verify_acs3(cloud, request).type == "root"


@pytest.mark.parametrize("date", ["2026-11-20 23:20:37", "yesterday", "", "2026-11-20T23:20:37+00:00"])
def test_a_date_of_another_form_is_refused(cloud, date):
    assert refusal(cloud, signed_request(cloud, x_acs_date=date)).code == "InvalidTimeStamp.Format"


@pytest.mark.parametrize(
    ("name", "value"), [("host", "evil"), ("x-acs-date", "2026-11-20T23:20:37Z"), ("x-acs-signature-nonce", "other")]
)
def test_a_changed_header_breaks_the_signature(cloud, name, value):
    assert refusal(cloud, with_header(signed_request(cloud), name, value)).code in (
        "SignatureDoesNotMatch",
        "InvalidTimeStamp.Expired",
    )


def test_a_changed_body_or_path_or_query_breaks_the_signature(cloud):
    good = signed_request(cloud, body=b"a=1")
    for path, query, body in [("/", "", b"a=2"), ("/x", "", b"a=1"), ("/", "a=2", b"a=1")]:
        changed = UnverifiedRequest("POST", path, query, good.headers, body)
        assert refusal(cloud, changed).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-version", "x-acs-security-token", "x-acs-accesskey-id"])
def test_a_header_that_decides_something_must_be_signed(cloud, name):
    error = refusal(cloud, with_header(signed_request(cloud), name, "added"))
    assert (error.code, error.status) == ("IncompleteSignature", 400)
    assert name in error.message


@pytest.mark.parametrize("name", ["host", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"])
def test_a_signed_header_must_be_there(cloud, name):
    assert refusal(cloud, with_header(signed_request(cloud), name, None)).code == "IncompleteSignature"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer x", "ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=zz"],
)
def test_another_authorization_is_incomplete(cloud, authorization):
    request = with_header(signed_request(cloud), "authorization", authorization)
    assert refusal(cloud, request).code == "IncompleteSignature"


def test_an_unknown_key_is_not_found(cloud):
    error = refusal(cloud, signed_request(cloud, key="LTAIunknown"))
    assert (error.code, error.status) == ("InvalidAccessKeyId.NotFound", 404)


def test_the_refusal_does_not_repeat_a_security_token(cloud, role_key):
    error = refusal(
        cloud, signed_request(cloud, key=role_key.access_key_id, x_acs_security_token=role_key.security_token)
    )
    assert error.code == "SignatureDoesNotMatch"
    assert role_key.security_token not in error.message


def role_request(cloud, key, **headers):
    return signed_request(cloud, key=key.access_key_id, secret=key.access_key_secret, **headers)


def test_a_temporary_key_signs_with_its_own_token(cloud, role_key):
    caller = verify_acs3(cloud, role_request(cloud, role_key, x_acs_security_token=role_key.security_token))
    assert (caller.type, caller.role_name, caller.name) == ("role", "runner", "night")
    assert caller.arn == f"acs:ram::{cloud.account_id}:assumed-role/runner/night"


def test_a_temporary_key_needs_its_token(cloud, role_key, another_role_key):
    assert refusal(cloud, role_request(cloud, role_key)).code == "MissingSecurityToken"
    foreign = role_request(cloud, role_key, x_acs_security_token=another_role_key.security_token)
    assert refusal(cloud, foreign).code == "InvalidSecurityToken.MismatchWithAccessKey"


def test_a_permanent_key_takes_no_token(cloud):
    error = refusal(cloud, signed_request(cloud, x_acs_security_token="CAISx"))
    assert error.code == "InvalidSecurityToken.MismatchWithAccessKey"


def test_a_temporary_key_ends(cloud, role_key):
    cloud.clock.advance(901)
    request = role_request(cloud, role_key, x_acs_security_token=role_key.security_token)
    assert refusal(cloud, request).code == "InvalidSecurityToken.Expired"


def v1_params(cloud, **changes):
    params = {
        "AccessKeyId": cloud.account.access_key_id,
        "Action": "GetCallerIdentity",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "n",
        "SignatureVersion": "1.0",
        "Timestamp": cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Version": "2015-04-01",
    } | changes
    return params | {"Signature": signature_v1(cloud.account.access_key_secret, "POST", params)}


def test_the_v1_signature_is_the_published_example():
    params = {
        "TimeStamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    params["Timestamp"] = params.pop("TimeStamp")
    assert signature_v1("testsecret", "GET", params) == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


@given(fields)
def test_the_official_client_signs_v1_the_same(query):
    from alibabacloud_tea_openapi.utils import Utils

    query = {key: value for key, value in query.items() if key != "Signature" and quote(key, safe="~") == key}
    assert Utils.get_rpcsignature(query, "POST", "secret") == signature_v1("secret", "POST", query)


def test_v1_names_its_caller_once(cloud):
    params = v1_params(cloud)
    assert verify_v1(cloud, "POST", params).type == "root"
    with pytest.raises(CloudError, match="SignatureNonceUsed"):
        verify_v1(cloud, "POST", params)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Extra": "1"}, "SignatureDoesNotMatch"),
        ({"Signature": ""}, "IncompleteSignature"),
        ({"Signature": "é"}, "SignatureDoesNotMatch"),
        ({"SignatureMethod": "HMAC-SHA256"}, "IncompleteSignature"),
        ({"Timestamp": "2016-02-23T12:46:24Z"}, "InvalidTimeStamp.Expired"),
        ({"AccessKeyId": "nobody"}, "InvalidAccessKeyId.NotFound"),
    ],
)
def test_v1_refuses_what_was_changed_after_signing(cloud, changes, code):
    with pytest.raises(CloudError) as refused:
        verify_v1(cloud, "POST", v1_params(cloud) | changes)
    assert refused.value.code == code
