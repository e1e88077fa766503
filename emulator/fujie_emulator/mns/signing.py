"""Who sent a request of the queues' own protocol: `Authorization: MNS key:signature`, HMAC-SHA1."""

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from fujie_emulator.core.call import Caller
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.keys import access_key
from fujie_emulator.core.signing import WINDOW_S, UnverifiedRequest

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud


def verified_caller(cloud: "Cloud", request: UnverifiedRequest) -> Caller:
    """Return who signed; raise AccessDenied, SignatureDoesNotMatch or InvalidTimestamp 403, or an unknown key's error.

    The signature covers method, Content-MD5 (hex in base64, as the official client sends it), type, date, the x-mns-
    headers and the resource.
    """
    kind, _, signed = request.header("authorization").partition(" ")
    key_id, _, unverified_signature = signed.strip().partition(":")
    if kind != "MNS" or not key_id or not unverified_signature:
        raise CloudError("AccessDenied", 403, "The Authorization header must be MNS key:signature.")
    _check_date(cloud, request.header("date"))
    digest = hashlib.md5(request.body, usedforsecurity=False)
    if request.body and request.header("content-md5") not in _digests(digest):
        raise CloudError("InvalidDigest", 400, "The Content-MD5 you specified is invalid.")
    key = access_key(cloud, key_id[:128], request.header("security-token"))
    if not hmac.compare_digest(_signature(key.secret, request).encode(), unverified_signature.encode()):
        raise CloudError("SignatureDoesNotMatch", 403, "The request signature we calculated does not match yours.")
    return key.caller


def _digests(digest: "hashlib._Hash") -> tuple[str, ...]:
    forms = (digest.hexdigest().encode(), digest.digest())
    return tuple(base64.b64encode(form).decode() for form in forms)


def _check_date(cloud: "Cloud", text: str) -> None:
    try:
        moment = parsedate_to_datetime(text.replace("GMT", "+0000"))
        late_s = abs((cloud.clock.now() - moment).total_seconds())
    except (ValueError, TypeError, IndexError) as error:
        raise CloudError("InvalidDateFormat", 400, "The Date header is not a date.") from error
    if late_s > WINDOW_S:
        raise CloudError("TimeExpired", 408, "The http request you sent is expired.")


def _signature(secret: str, request: UnverifiedRequest) -> str:
    own = sorted({name for name, _ in request.headers if name.startswith("x-mns-")})
    lines = [request.method, *(request.header(name) for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{request.header(name)}" for name in own]
    resource = request.path + (f"?{request.query}" if request.query else "")
    text = "\n".join([*lines, resource])
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
