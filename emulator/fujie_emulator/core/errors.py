"""How the cloud says no.

EmulatorError           the emulator itself cannot start or go on; one sentence for the person at the terminal
CloudError              code, status and message as the cloud words them; services raise it, the edge renders it
DropConnection          a fault asked that the connection ends without an answer
"""

from typing import Any


class EmulatorError(Exception):
    """The emulator itself cannot start or go on; the message is one sentence for the person at the terminal."""


class CloudError(Exception):
    """An answer that is an error: `code` and `message` in the cloud's words, `status` its HTTP status.

    `extra` is merged into the JSON body (e.g. AccessDeniedDetail), `headers` into the response.
    """

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.extra = extra or {}
        self.headers = headers or {}


class DropConnection(Exception):
    """A fault asked that the connection ends without an answer."""


def missing_parameter(name: str) -> CloudError:
    """The caller left out a parameter that the action requires."""
    return CloudError(f"MissingParameter.{name}", 400, f"The parameter {name} is required.")


def invalid_parameter(name: str, problem: str) -> CloudError:
    """A parameter is there but cannot be what it should be; `problem` says what would be right."""
    return CloudError(f"InvalidParameter.{name}", 400, f"The parameter {name} is invalid: {problem}")
