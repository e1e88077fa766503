import hashlib
from datetime import UTC, datetime

from fujie.identity.acs3 import anonymous_request, query_request, rpc_request, signed_request
from fujie.secret import Secret
from fujie.settings import CallerKey
from tests.identity.world import KEY, START, everything_said, query_of


def test_the_signature_is_the_documented_one():
    """The known answer was made by the algorithm of the documentation, written out below by hand."""
    import hmac

    request = rpc_request("https://data.example", "2025-11-27", "Act", {"b": "x y", "a": "~*/"}, KEY, START, "nonce-1")
    assert request.body == b"a=~%2A%2F&b=x+y"
    canonical = (
        "POST\n/\n\n"
        "content-type:application/x-www-form-urlencoded\n"
        "host:data.example\n"
        "x-acs-action:Act\n"
        f"x-acs-content-sha256:{hashlib.sha256(request.body).hexdigest()}\n"
        "x-acs-date:2026-11-21T09:00:00Z\n"
        "x-acs-security-token:security-token\n"
        "x-acs-signature-nonce:nonce-1\n"
        "x-acs-version:2025-11-27\n"
        "\n"
        "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;"
        "x-acs-version\n" + hashlib.sha256(request.body).hexdigest()
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(b"key-secret", to_sign.encode(), hashlib.sha256).hexdigest()
    assert request.headers["authorization"].endswith("Signature=" + signature)


def test_it_agrees_with_the_official_signer():
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    key = CallerKey("AK", Secret("secret"))
    at = datetime(2026, 11, 21, 9, tzinfo=UTC)
    ours = signed_request(
        "POST",
        "https://fc.example/2023-03-30/functions/a-b_c/invocations",
        version="2023-03-30",
        action="InvokeFunction",
        content_type="application/json",
        body=b"{}",
        key=key,
        at=at,
        nonce="n",
    )
    theirs = DaraRequest()
    theirs.method, theirs.pathname = "POST", "/2023-03-30/functions/a-b_c/invocations"
    signed = ours.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    theirs.headers = {name: ours.headers[name] for name in signed}
    payload = hashlib.sha256(b"{}").hexdigest()
    expected = Utils.get_authorization(theirs, "ACS3-HMAC-SHA256", payload, "AK", "secret")
    assert ours.headers["authorization"] == expected


def test_it_agrees_with_the_official_signer_about_a_query():
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    query = {"Plaintext": "a+b/c==", "KeyId": "key-1", "EncryptionContext": '{"fujie":"x y~*"}'}
    ours = query_request(
        "https://kms.example", "2016-01-20", "Encrypt", query, CallerKey("AK", Secret("secret")), START
    )
    assert (ours.method, ours.body, query_of(ours.url)) == ("POST", b"", query)
    assert "content-type" not in ours.headers
    theirs = DaraRequest()
    theirs.method, theirs.pathname, theirs.query = "POST", "/", query
    signed = ours.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    theirs.headers = {name: ours.headers[name] for name in signed}
    payload = hashlib.sha256(b"").hexdigest()
    expected = Utils.get_authorization(theirs, "ACS3-HMAC-SHA256", payload, "AK", "secret")
    assert ours.headers["authorization"] == expected
    assert "a%2Bb" not in everything_said(ours)


def test_two_requests_never_share_a_nonce():
    requests = [rpc_request("https://d", "v", "A", {}, KEY, START) for _ in range(2)]
    assert len({request.headers["x-acs-signature-nonce"] for request in requests}) == 2


def test_the_anonymous_one_carries_no_key():
    request = anonymous_request("https://d", "2025-11-27", "Assume", {"WorkloadAccessToken": "wat"}, START)
    assert "authorization" not in request.headers
    assert query_of(request.url)["Action"] == "Assume"
    assert "wat" not in request.url


def test_a_request_shows_no_credential():
    said = everything_said(rpc_request("https://d", "v", "A", {"UserToken": "the-token"}, KEY, START))
    assert "the-token" not in said
    assert "security-token" not in said
    assert "Signature" not in said
