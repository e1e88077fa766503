"""What is wrong, in OpenAI's form: `{"error": {"message", "type", "param", "code"}}`; every API of theirs has it."""

from typing import Any

from fujie.errors import FujieError, InputError

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_WORTH_ANOTHER_TRY = {429, 503}


class OpenAiRequestError(InputError):
    """The request is none of this API's; `param` says where."""

    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None, repair: str = "") -> None:
        super().__init__(message, repair=repair)
        self.param = param


def error_body(error: FujieError) -> dict[str, Any]:
    """Return the JSON that answers a request which could not begin."""
    words = f"{error.message} ({error.repair})" if error.repair else error.message
    param = error.param if isinstance(error, OpenAiRequestError) else None
    return error_object(words, error.code, kind=error_type(error.status), param=param)


def error_object(message: str, code: str, *, kind: str = "server_error", param: str | None = None) -> dict[str, Any]:
    """Return one error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_type(status: int) -> str:
    """Return OpenAI's word for a status."""
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def should_retry(status: int) -> str:
    """Return the header `x-should-retry` of an error.

    OpenAI's client repeats a request that met 409 or 5xx by itself, and a repeated run would act twice: it is told
    not to, unless nothing can have begun.
    """
    return "true" if status in _WORTH_ANOTHER_TRY else "false"
