"""What is wrong with a run input, in the one form AG-UI has for a failure.

AgUiRequestError    400, the body is no run input
"""

from fujie.errors import FujieError, InputError
from fujie.protocols.agentscope.words import compact


class AgUiRequestError(InputError):
    """The body is no RunAgentInput that can be run; the message says where."""

    code = "invalid_request"


def error_body(error: FujieError) -> bytes:
    """Return the body of a refusal that comes before the stream: a RUN_ERROR, though no stream carries it.

    The specification asks for an HTTP status and leaves the body open; this one its models can read.
    """
    return compact(run_error(error.message, error.code, error.repair)).encode()


def run_error(message: str, code: str, repair: str = "") -> dict[str, str]:
    """Return the event that ends a failed run."""
    words = f"{message} ({repair})" if repair else message
    return {"type": "RUN_ERROR", "message": words, "code": code}
