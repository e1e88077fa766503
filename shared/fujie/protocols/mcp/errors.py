"""What is wrong with a message, as JSON-RPC says it, and the HTTP status that goes with it.

McpError                    code, message, data
├── NotJsonError            -32700
├── InvalidRequestError     -32600
├── MethodNotFoundError     -32601, 404
├── InvalidParamsError      -32602
├── HeaderMismatchError     -32020 the headers say other than the body
├── UnsupportedVersionError -32022, with the versions that are
└── OriginError             403, the page that asks is not of this origin
"""

from collections.abc import Sequence
from typing import Any

from fujie.errors import FujieError, InputError
from fujie.protocols.agentscope.words import compact
from fujie.protocols.mcp import LEGACY, MODERN

_SERVER_ERROR = -32000
_INTERNAL = -32603
MessageId = str | int | None


class McpError(InputError):
    """A message that cannot be answered with a result."""

    rpc_code = -32600
    data: dict[str, Any] | None = None


class NotJsonError(McpError):
    """The body is not JSON."""

    code = "not_json"
    rpc_code = -32700


class InvalidRequestError(McpError):
    """The body is no single JSON-RPC message."""

    code = "invalid_request"


class MethodNotFoundError(McpError):
    """There is no such method here."""

    code = "method_not_found"
    status = 404
    rpc_code = -32601


class InvalidParamsError(McpError):
    """The parameters are not those of the method."""

    code = "invalid_params"
    rpc_code = -32602


class HeaderMismatchError(McpError):
    """A header is missing, or says other than the body."""

    code = "header_mismatch"
    rpc_code = -32020


class UnsupportedVersionError(McpError):
    """The request is of a revision that we do not speak."""

    code = "unsupported_version"
    rpc_code = -32022

    def __init__(self, requested: str, supported: Sequence[str] = (*MODERN, *LEGACY)) -> None:
        super().__init__("Unsupported protocol version")
        self.data = {"supported": list(supported), "requested": requested}


class OriginError(McpError):
    """A page of another origin asks, perhaps through a name that it had rebound to this address."""

    code = "foreign_origin"
    status = 403


def error_message(error: FujieError, id_: MessageId) -> dict[str, Any]:
    """Return the JSON-RPC message that tells an error; `id` is null where it answers no readable request."""
    told: dict[str, Any] = {"code": _rpc_code(error), "message": _words(error)}
    if isinstance(error, McpError):
        told |= {"data": error.data} if error.data else {}
    else:
        told["data"] = {"code": error.code}
    return {"jsonrpc": "2.0", "id": id_, "error": told}


def error_body(error: FujieError, id_: MessageId) -> bytes:
    """Return the message as JSON."""
    return compact(error_message(error, id_)).encode()


def _rpc_code(error: FujieError) -> int:
    if isinstance(error, McpError):
        return error.rpc_code
    return _SERVER_ERROR if error.status < 500 else _INTERNAL


def _words(error: FujieError) -> str:
    return f"{error.message} ({error.repair})" if error.repair else error.message
