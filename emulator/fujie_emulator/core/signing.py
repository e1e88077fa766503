"""Request signatures: ACS3-HMAC-SHA256 (headers), V1 HMAC-SHA1 (RPC: query, ROA: headers), against our own keys.

Trust: nothing of a request is believed before `verify_acs3` or `verify_v1` returned its caller. The signed headers
are the ones the client lists (the official client lists all it set); those that decide anything must be among them.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote

from fujie_emulator.core.call import Caller
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.keys import access_key

if TYPE_CHECKING:
    from starlette.requests import Request

    from fujie_emulator.core.cloud import Cloud

ALGORITHM = "ACS3-HMAC-SHA256"
WINDOW_S = 900.0  # how far a request's date may be from the cloud's time, either way
MAX_FIELDS = 1000  # query fields; far above any action's parameters
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256\s+Credential=(?P<key>[^,\s]{1,128}),\s*SignedHeaders=(?P<headers>[a-z0-9;\-_]{1,2048}),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_MUST_BE_SIGNED = ("host", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce")
_SIGNED_IF_SENT = ("x-acs-action", "x-acs-version", "x-acs-security-token", "x-acs-accesskey-id")
_NONCE_LENGTH = 128


@dataclass(frozen=True)
class UnverifiedRequest:
    """A request as it came: raw path and query, header pairs with lower-case names, raw body."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return the values of a header as they are signed: stripped, several sorted and joined with a comma."""
        return ",".join(sorted(value.strip() for key, value in self.headers if key == name))


def unverified_request(request: "Request", body: bytes) -> UnverifiedRequest:
    """Take a Starlette request apart without believing any of it (the Host header may be a whole URL)."""
    scope = request.scope
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    return UnverifiedRequest(
        method=scope["method"],
        path=raw_path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
    )


def verify_roa(cloud: "Cloud", request: "Request", body: bytes) -> Caller:
    """Return who signed a request to any path, with ACS3 or V1; raise CloudError. Anonymous requests are refused."""
    unverified = unverified_request(request, body)
    if unverified.header("authorization").startswith("acs "):
        return verify_roa_v1(cloud, unverified)
    return verify_acs3(cloud, unverified)


def verify_roa_v1(cloud: "Cloud", request: UnverifiedRequest) -> Caller:
    """Return who signed the request to a path with V1 (`acs key:signature`); raises as `verify_acs3` does.

    V1 covers method, path, query, date and the x-acs- headers; a body only if Content-MD5 is sent, which must fit.
    """
    key_id, _, unverified_signature = request.header("authorization").removeprefix("acs ").strip().partition(":")
    if request.header("x-acs-signature-method") != "HMAC-SHA1" or not key_id or not unverified_signature:
        raise _incomplete("The Authorization header must be acs key:signature, x-acs-signature-method HMAC-SHA1.")
    _check_moment(cloud, _http_date(request.header("date")))
    digest = base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest()).decode()
    if request.header("content-md5") not in ("", digest):
        raise _mismatch("Content-MD5 is not the digest of the body.")
    key = access_key(cloud, key_id[:_NONCE_LENGTH], request.header("x-acs-security-token"))
    if not hmac.compare_digest(signature_roa_v1(key.secret, request).encode(), unverified_signature.encode()):
        raise _mismatch("The signature does not fit the request.")
    _use_nonce(cloud, key_id, request.header("x-acs-signature-nonce"))
    return key.caller


def signature_roa_v1(secret: str, request: UnverifiedRequest) -> str:
    """Sign a request to a path the V1 way: base64 HMAC-SHA1 over fixed headers, x-acs- headers and resource."""
    names = sorted({name for name, _ in request.headers if name.startswith("x-acs-")})
    fixed = [request.method, *(request.header(name) for name in ("accept", "content-md5", "content-type", "date"))]
    query = "&".join(f"{name}={value}" if value else name for name, value in sorted(decoded(request.query)))
    resource = request.path + (f"?{query}" if query else "")
    text = "\n".join([*fixed, *(f"{name}:{request.header(name)}" for name in names), resource])
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def verify_acs3(cloud: "Cloud", request: UnverifiedRequest) -> Caller:
    """Return who signed the request. Raises IncompleteSignature, InvalidTimeStamp.*, InvalidAccessKeyId.*,
    MissingSecurityToken, InvalidSecurityToken.*, SignatureDoesNotMatch, SignatureNonceUsed (CloudError).
    """
    authorization = _AUTHORIZATION.fullmatch(request.header("authorization"))
    if authorization is None:
        raise _incomplete(f"The Authorization header must be {ALGORITHM} with Credential, SignedHeaders, Signature.")
    signed = authorization["headers"].split(";")
    _check_signed_headers(request, signed)
    key_id = authorization["key"]
    _check_date(cloud, request.header("x-acs-date"))
    key = access_key(cloud, key_id, request.header("x-acs-security-token"))
    payload_hash = hashlib.sha256(request.body).hexdigest()
    if not hmac.compare_digest(request.header("x-acs-content-sha256"), payload_hash):
        raise _mismatch("x-acs-content-sha256 is not the hash of the body.")
    canonical = canonical_request(request, signed, payload_hash)
    if not hmac.compare_digest(signature_v3(key.secret, canonical), authorization["signature"]):
        raise _mismatch(f"The canonical request of the server is: {_without_token(canonical)}")
    _use_nonce(cloud, key_id, request.header("x-acs-signature-nonce"))
    return key.caller


def canonical_request(request: UnverifiedRequest, signed: Iterable[str], payload_hash: str) -> str:
    """Return the text whose hash is signed; query and path are decoded and encoded again, as clients quote unlike."""
    names = sorted(signed)
    headers = "".join(f"{name}:{request.header(name)}\n" for name in names)
    path = quote(unquote(request.path or "/"), safe="/~")
    return "\n".join(
        (request.method, path, canonical_query(decoded(request.query)), headers, ";".join(names), payload_hash)
    )


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return sorted pairs with RFC 3986 escapes."""
    return "&".join(f"{_escape(key)}={_escape(value)}" for key, value in sorted(pairs))


def signature_v3(secret: str, canonical: str) -> str:
    """Sign a canonical request: hex HMAC-SHA256 with the raw secret, no derivation."""
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify_v1(cloud: "Cloud", method: str, params: Mapping[str, str]) -> Caller:
    """Return who signed RPC parameters (query and form merged) with V1; raises as `verify_acs3` does."""
    for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp"):
        if not params.get(name):
            raise _incomplete(f"The parameter {name} is missing.")
    if params.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1" or params.get("SignatureVersion", "1.0") != "1.0":
        raise _incomplete("SignatureMethod must be HMAC-SHA1 and SignatureVersion 1.0.")
    _check_date(cloud, params["Timestamp"])
    key = access_key(cloud, params["AccessKeyId"], params.get("SecurityToken", ""))
    if not hmac.compare_digest(signature_v1(key.secret, method, params).encode(), params["Signature"].encode()):
        raise _mismatch("The signature does not fit the parameters.")
    _use_nonce(cloud, params["AccessKeyId"], params["SignatureNonce"])
    return key.caller


def signature_v1(secret: str, method: str, params: Mapping[str, str]) -> str:
    """Sign RPC parameters the V1 way: base64 HMAC-SHA1 with the secret and an ampersand."""
    query = canonical_query((key, value) for key, value in params.items() if key != "Signature")
    text = f"{method}&%2F&{_escape(query)}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def decoded(query: str) -> list[tuple[str, str]]:
    """Decode a query string or form; raise InvalidParameter (CloudError) when it is absurdly long or not UTF-8."""
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise CloudError("InvalidParameter", 400, "The parameters are not UTF-8 or too many.") from error


def _escape(text: str) -> str:
    return quote(text, safe="~")


def _check_signed_headers(request: UnverifiedRequest, signed: Sequence[str]) -> None:
    if len(set(signed)) != len(signed):
        raise _incomplete("SignedHeaders names a header twice.")
    sent = {name for name, _ in request.headers}
    needed = [*_MUST_BE_SIGNED, *(name for name in _SIGNED_IF_SENT if name in sent)]
    for name in needed:
        if name not in signed:
            raise _incomplete(f"The header {name} must be among SignedHeaders.")
    for name in signed:
        if name not in sent:
            raise _incomplete(f"The header {name} is signed but was not sent.")


def _check_date(cloud: "Cloud", text: str) -> None:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise CloudError(
            "InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted."
        ) from error
    _check_moment(cloud, moment)


def _http_date(text: str) -> datetime:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError) as error:
        raise CloudError(
            "InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_moment(cloud: "Cloud", moment: datetime) -> None:
    if abs((cloud.clock.now() - moment).total_seconds()) > WINDOW_S:
        raise CloudError("InvalidTimeStamp.Expired", 400, "Specified time stamp or date value is expired.")


def _use_nonce(cloud: "Cloud", key_id: str, nonce: str) -> None:
    if not 1 <= len(nonce) <= _NONCE_LENGTH:
        raise _incomplete(f"The nonce must have 1 to {_NONCE_LENGTH} characters.")
    now = cloud.clock.time()
    # A date may lie a window ahead, so a nonce must be remembered for two.
    if not cloud.store.use_nonce(key_id, nonce, now=now, ends_at=now + 2 * WINDOW_S):
        raise CloudError("SignatureNonceUsed", 400, "Specified signature nonce was used already.")


def _without_token(canonical: str) -> str:
    return re.sub(r"(?m)^x-acs-security-token:.*$", "x-acs-security-token:***", canonical)


def _incomplete(message: str) -> CloudError:
    return CloudError("IncompleteSignature", 400, message)


def _mismatch(message: str) -> CloudError:
    return CloudError(
        "SignatureDoesNotMatch", 400, f"Specified signature is not matched with our calculation. {message}"
    )
