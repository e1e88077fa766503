"""Who signed a request to the object store: V1 and V4, in the header or in the query."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from fujie_emulator.core.call import Caller
from fujie_emulator.core.keys import access_key
from fujie_emulator.oss.errors import OssError, invalid_argument, not_implemented
from fujie_emulator.oss.request import ObjectRequest

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

WINDOW_S = 900.0
LONGEST_PRESIGNED_S = 7 * 86400
V4 = "OSS4-HMAC-SHA256"
_V1_HEADER = re.compile(r"OSS (?P<key>[^\s:]{1,128}):(?P<signature>[A-Za-z0-9+/=]{1,64})")
_V4_DATE = "%Y%m%dT%H%M%SZ"
# The parameters that V1 signs; a parameter that is not among them is not protected, as in the cloud.
_V1_SIGNED = frozenset(
    re.findall(
        r"\S+",
        """acl uploads location cors logging website referer lifecycle delete append tagging objectMeta uploadId
        partNumber
        security-token position img style styleName replication replicationProgress replicationLocation cname bucketInfo
        comp qos live status vod startTime endTime symlink x-oss-process response-content-type
        response-content-language response-expires response-cache-control response-content-disposition
        response-content-encoding x-oss-traffic-limit restore callback callback-var versions versioning versionId
        sequential continuation-token regionList cloudboxes resourceGroup stat policy requestPayment encryption
        inventory inventoryId objectInfo qosInfo asyncFetch x-oss-request-payer worm wormId wormExtend
        transferAcceleration metaQuery x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-ac-forward-allow
        accessPoint accessPointPolicy publicAccessBlock httpsConfig group link""",
    )
)


@dataclass(frozen=True)
class _V4Claim:
    """What a V4 signature says of itself. `date` is the text that is signed: a Date header is signed as it stands."""

    key_id: str
    scope: str
    date: str
    moment: datetime
    signature: str
    additional: tuple[str, ...]
    security_token: str


def verified_caller(cloud: "Cloud", request: ObjectRequest) -> Caller:
    """Return who signed the request; raise OssError or CloudError (of the key). Anonymous requests are refused."""
    authorization = request.header("authorization")
    if authorization.startswith(V4):
        return _verify_v4(cloud, request, _v4_header_claim(request, authorization))
    if authorization.startswith("OSS "):
        return _verify_v1_header(cloud, request, authorization)
    if authorization:
        raise not_implemented("signature version 2")
    version = request.query.get("x-oss-signature-version", "")
    if version.upper() == "OSS2":
        raise not_implemented("signature version 2")
    if version == V4:
        _check_v4_lifetime(cloud, request)
        return _verify_v4(cloud, request, _v4_query_claim(request))
    if "OSSAccessKeyId" in request.query:
        return _verify_v1_query(cloud, request)
    raise OssError("AccessDenied", 403, "The request is not signed.")


def v1_text(request: ObjectRequest, date: str) -> str:
    """Return the text that V1 signs."""
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    signed = sorted((name, value) for name, value in request.query.items() if name in _V1_SIGNED)
    if signed:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in signed)
    headers = "".join(f"{name}:{value.strip()}\n" for name, value in _oss_headers(request))
    return "\n".join(
        (request.method, request.header("content-md5"), request.header("content-type"), date, headers + resource)
    )


def signature_v1(secret: str, text: str) -> str:
    """Sign with V1: base64 HMAC-SHA1."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def v4_canonical(request: ObjectRequest, additional: Iterable[str]) -> str:
    """Return the canonical request of V4; the signature itself is not part of the query."""
    path = quote(f"/{request.bucket}/{request.key}" if request.bucket else "/", safe="/~")
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in request.query.items()
        if name != "x-oss-signature"
    )
    query = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    names = {"content-type", "content-md5", *additional}
    signed = sorted(
        (name, value) for name, value in request.headers.items() if name.startswith("x-oss-") or name in names
    )
    headers = "".join(f"{name}:{value.strip()}\n" for name, value in signed)
    payload = request.header("x-oss-content-sha256") or "UNSIGNED-PAYLOAD"
    return "\n".join((request.method, path, query, headers, ";".join(sorted(additional)), payload))


def signature_v4(secret: str, date: str, scope: str, canonical: str) -> str:
    """Sign with V4: a key derived from day, region and product, and a hex HMAC-SHA256."""
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join((V4, date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _verify_v1_header(cloud: "Cloud", request: ObjectRequest, authorization: str) -> Caller:
    claim = _V1_HEADER.fullmatch(authorization)
    if claim is None:
        raise invalid_argument("Authorization", "", "The Authorization header is malformed.")
    date = request.header("x-oss-date") or request.header("date")
    _check_moment(cloud, _moment_of_header(date))
    # The official v2 client sends the token without the prefix when it signs with V1.
    token = request.header("x-oss-security-token") or request.header("security-token")
    key = access_key(cloud, claim["key"], token)
    _compare(signature_v1(key.secret, v1_text(request, date)), claim["signature"])
    return key.caller


def _verify_v1_query(cloud: "Cloud", request: ObjectRequest) -> Caller:
    expires = request.query.get("Expires", "")
    if not re.fullmatch(r"\d{1,12}", expires):
        raise OssError("AccessDenied", 403, "Query-string authentication requires Expires.")
    if int(expires) < cloud.clock.time():
        raise OssError("AccessDenied", 403, "Request has expired.")
    key = access_key(cloud, request.query["OSSAccessKeyId"], request.query.get("security-token", ""))
    _compare(signature_v1(key.secret, v1_text(request, expires)), request.query.get("Signature", ""))
    return key.caller


def _v4_header_claim(request: ObjectRequest, authorization: str) -> _V4Claim:
    fields = dict(part.strip().partition("=")[::2] for part in authorization[len(V4) :].split(","))
    date = request.header("x-oss-date") or request.header("date")
    if "x-oss-content-sha256" not in request.headers:
        raise invalid_argument("x-oss-content-sha256", "", "The header x-oss-content-sha256 is required.")
    token = request.header("x-oss-security-token")
    return _v4_claim(
        fields.get("Credential", ""), date, fields.get("Signature", ""), fields.get("AdditionalHeaders", ""), token
    )


def _v4_query_claim(request: ObjectRequest) -> _V4Claim:
    query = request.query
    return _v4_claim(
        query.get("x-oss-credential", ""),
        query.get("x-oss-date", ""),
        query.get("x-oss-signature", ""),
        query.get("x-oss-additional-headers", ""),
        query.get("x-oss-security-token", ""),
    )


def _v4_claim(credential: str, date: str, signature: str, additional: str, token: str) -> _V4Claim:
    key_id, _, scope = credential.partition("/")
    names = tuple(sorted(name.strip().lower() for name in additional.split(";") if name.strip()))
    return _V4Claim(key_id, scope, date, _moment_of_header(date), signature, names, token)


def _verify_v4(cloud: "Cloud", request: ObjectRequest, claim: _V4Claim) -> Caller:
    if claim.scope != f"{claim.moment:%Y%m%d}/{cloud.region}/oss/aliyun_v4_request":
        raise invalid_argument(
            "Credential", claim.scope, f"The scope must be its date/{cloud.region}/oss/aliyun_v4_request."
        )
    missing = [name for name in claim.additional if name not in request.headers]
    if missing:
        raise invalid_argument("AdditionalHeaders", missing[0], "A signed header was not sent.")
    if request.header("authorization"):
        _check_moment(cloud, claim.moment)
    key = access_key(cloud, claim.key_id, claim.security_token)
    made = signature_v4(key.secret, claim.date, claim.scope, v4_canonical(request, claim.additional))
    _compare(made, claim.signature)
    return key.caller


def _check_v4_lifetime(cloud: "Cloud", request: ObjectRequest) -> None:
    expires = request.query.get("x-oss-expires", "")
    if not re.fullmatch(r"\d{1,7}", expires) or not 1 <= int(expires) <= LONGEST_PRESIGNED_S:
        raise invalid_argument("x-oss-expires", expires, f"x-oss-expires must be 1 to {LONGEST_PRESIGNED_S} seconds.")
    signed_at = _v4_moment(request.query.get("x-oss-date", "")).timestamp()
    now = cloud.clock.time()
    if signed_at - now > WINDOW_S or now > signed_at + int(expires):
        raise OssError("AccessDenied", 403, "Request has expired.")


def _v4_moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, _V4_DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise _bad_date() from error


def _moment_of_header(text: str) -> datetime:
    if re.fullmatch(r"\d{8}T\d{6}Z", text):
        return _v4_moment(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError) as error:
        raise _bad_date() from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bad_date() -> OssError:
    return OssError("AccessDenied", 403, "OSS authentication requires a valid Date.")


def _check_moment(cloud: "Cloud", moment: datetime) -> None:
    now = cloud.clock.now()
    if abs((now - moment).total_seconds()) > WINDOW_S:
        raise OssError(
            "RequestTimeTooSkewed",
            403,
            "The difference between the request time and the current time is too large.",
            {"MaxAllowedSkewMilliseconds": "900000", "ServerTime": f"{now:%Y-%m-%dT%H:%M:%S.000Z}"},
        )


def _oss_headers(request: ObjectRequest) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in request.headers.items() if name.startswith("x-oss-"))


def _compare(made: str, unverified: str) -> None:
    if not hmac.compare_digest(made.encode(), unverified.encode()):
        raise OssError(
            "SignatureDoesNotMatch",
            403,
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        )
