"""What is wrong with a request, where its protocol has no form of its own.

FujieError
├── NotFoundError         404
├── MethodError           405
├── HeadersTooLargeError  431
├── RateLimitError        429
└── OverloadedError       503
"""

import json
import math
from collections.abc import Iterable

from fujie.agents.serving.asgi import Answer
from fujie.errors import FujieError


class NotFoundError(FujieError):
    """There is nothing at this path."""

    code = "not_found"
    status = 404


class MethodError(FujieError):
    """The path does not answer this method."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"this path answers {self.allowed}")


class HeadersTooLargeError(FujieError):
    """The headers are longer than their limit."""

    code = "headers_too_large"
    status = 431


class RateLimitError(FujieError):
    """This caller has asked too often; `retry_after_s` says when there is room again."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int, repair: str = "") -> None:
        super().__init__(message, repair=repair)
        self.retry_after_s = retry_after_s


class OverloadedError(FujieError):
    """As many requests are open as may be."""

    code = "overloaded"
    status = 503
    retry_after_s = 1


def plain_refusal(error: FujieError) -> Answer:
    """Return `{"error": {code, message, repair?}}` with the error's status."""
    return Answer(error.status, json.dumps({"error": error.as_dict()}).encode(), headers=error_headers(error))


def error_headers(error: FujieError) -> list[tuple[bytes, bytes]]:
    """Return the headers that HTTP asks for with an error: what to authenticate with, when to come again."""
    if error.status == 401:
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(error, MethodError):
        return [(b"allow", error.allowed.encode())]
    retry_after_s = getattr(error, "retry_after_s", None)
    return [] if retry_after_s is None else [(b"retry-after", str(math.ceil(retry_after_s)).encode())]
