"""What Function Compute refuses in a request or a response before anyone looks at its meaning (fc.md 1.2)."""

import posixpath
from collections.abc import Iterable

from fujie_emulator.functionhost.errors import FunctionFailedError, RequestRefusedError

HEADER_LIMIT = 8 * 1024
TARGET_LIMIT = 4 * 1024
BODY_LIMIT = 32 * 1024 * 1024
ASYNC_BODY_LIMIT = 128 * 1024
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"})
PLATFORM_PATHS = frozenset({"/invoke", "/initialize", "/pre-stop"})

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade expect".split()
)
_SERVERS_OWN = frozenset([b"server", b"date"])  # the trigger writes its own
Header = tuple[bytes, bytes]


def check_request(method: str, path: str, target: bytes, headers: Iterable[Header]) -> None:
    """Return when the platform would pass the request on; RequestRefusedError (400, 403, 404) otherwise."""
    if method not in METHODS:
        raise RequestRefusedError("AccessDenied", 403, f"the HTTP trigger does not take the method {method}")
    if posixpath.normpath("/" + path.lstrip("/")) in PLATFORM_PATHS:
        raise RequestRefusedError("PathNotSupported", 404, "this path belongs to the platform")
    if len(target) > TARGET_LIMIT:
        raise RequestRefusedError("InvalidArgument", 400, f"path and query may have at most {TARGET_LIMIT} bytes")
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name.lower().startswith(b"x-fc-"):
            raise RequestRefusedError("InvalidArgument", 400, "headers that begin with x-fc- belong to the platform")
    if size > HEADER_LIMIT:
        raise RequestRefusedError("InvalidArgument", 400, f"the headers may have at most {HEADER_LIMIT} bytes")


def body_too_large(limit: int) -> RequestRefusedError:
    """Return the refusal of a body over the limit."""
    return RequestRefusedError("EntityTooLarge", 413, f"payload size exceeds maximum allowed size ({limit} bytes)")


def forwarded_request(headers: Iterable[Header]) -> list[Header]:
    """Return what of a client's headers goes on to the function; Host does."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


def forwarded_response(headers: Iterable[Header]) -> list[Header]:
    """Return what of a function's headers goes on to the client; BadResponse (502) when they are over 8 KB."""
    kept = [(name.lower(), value) for name, value in headers]
    kept = [
        (name, value)
        for name, value in kept
        if name not in _HOP_BY_HOP and name not in _SERVERS_OWN and not name.startswith(b"x-fc-")
    ]
    if sum(len(name) + len(value) for name, value in kept) > HEADER_LIMIT:
        raise FunctionFailedError("BadResponse", f"the response headers may have at most {HEADER_LIMIT} bytes")
    return kept
