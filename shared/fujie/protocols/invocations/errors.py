"""What is wrong with an invocation, in the form that both servers give: `{"error": words}`.

InvocationError         400
└── NotJsonError        400 the body is not JSON; `details` says where
"""

from typing import Any

from fujie.errors import FujieError, InputError
from fujie.protocols.agentscope.words import compact


class InvocationError(InputError):
    """The payload is not one that this agent can answer."""

    code = "invalid_payload"


class NotJsonError(InvocationError):
    """The body is not JSON."""

    code = "invalid_json"

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message)
        self.details = details


def error_body(error: FujieError) -> bytes:
    """Return the body of an answer that is an error."""
    body: dict[str, Any] = {"error": error.message}
    if isinstance(error, NotJsonError):
        body["details"] = error.details
    return compact(body | {"error_type": error.code} | ({"repair": error.repair} if error.repair else {})).encode()
