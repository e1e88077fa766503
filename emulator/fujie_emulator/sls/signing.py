"""Who sent a request of the log service: `Authorization: LOG key:signature`, HMAC-SHA1 or HMAC-SHA256."""

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fujie_emulator.core.call import Caller
from fujie_emulator.core.keys import access_key
from fujie_emulator.core.signing import WINDOW_S, UnverifiedRequest
from fujie_emulator.sls.errors import unauthorized

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

SCHEME = "LOG "
_METHODS = {"hmac-sha1": hashlib.sha1, "hmac-sha256": hashlib.sha256}


def verified_caller(cloud: "Cloud", request: UnverifiedRequest) -> Caller:
    """Return who signed; raise SignatureNotMatch 401, or an unknown key's error.

    It covers method, Content-MD5 (upper-case hex), type, date, the x-log- and x-acs- headers, path and query.
    """
    key_id, _, unverified_signature = request.header("authorization").removeprefix(SCHEME).strip().partition(":")
    method = _METHODS.get(request.header("x-log-signaturemethod"))
    if method is None or not key_id or not unverified_signature:
        raise unauthorized("the Authorization header must be LOG key:signature, hmac-sha1 or hmac-sha256")
    _check_date(cloud, request.header("date"))
    digest = hashlib.md5(request.body, usedforsecurity=False).hexdigest().upper()
    if request.body and request.header("content-md5") != digest:
        raise unauthorized("Content-MD5 is not that of the body")
    key = access_key(cloud, key_id[:128], request.header("x-acs-security-token"))
    signed = hmac.new(key.secret.encode(), _text(request).encode(), method).digest()
    if not hmac.compare_digest(base64.b64encode(signed), unverified_signature.encode()):
        raise unauthorized("signature is not the one we calculated")
    return key.caller


def _check_date(cloud: "Cloud", text: str) -> None:
    try:
        late_s = abs((cloud.clock.now() - parsedate_to_datetime(text.replace("GMT", "+0000"))).total_seconds())
    except (ValueError, TypeError, IndexError) as error:
        raise unauthorized("the Date header is not a date") from error
    if late_s > WINDOW_S:
        raise unauthorized("the request is expired")


def _text(request: UnverifiedRequest) -> str:
    own = sorted({name for name, _ in request.headers if name.startswith(("x-log-", "x-acs-"))})
    lines = [request.method, *(request.header(name) for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{request.header(name)}" for name in own]
    pairs = sorted(parse_qsl(request.query, keep_blank_values=True))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join([*lines, request.path + (f"?{query}" if query else "")])
