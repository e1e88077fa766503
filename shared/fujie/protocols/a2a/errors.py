"""What goes wrong in A2A, and how each version and transport says it.

A2aError                        InvalidParams unless its class says otherwise
├── NotJsonError                the body is no JSON
├── NoRpcError                  the body is no JSON-RPC call
├── NoSuchMethodError
├── ParamsError                 a parameter is missing or wrong
├── NoSuchTaskError             there is none, or it is somebody else's: nobody can tell
├── TaskEndedError              what has ended cannot be canceled
├── UnsupportedError            not in this state, or not at all
├── PushUnsupportedError        no notifications are sent
├── PushRefusedError            the address is none that we call
└── VersionError                neither 0.3 nor 1.0
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from fujie.errors import FujieError

Version = Literal["0.3", "1.0"]
Json = dict[str, Any]
DOMAIN = "a2a-protocol.org"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Fault(NamedTuple):
    """One row of the specifications' tables of errors (1.0: 5.4; 0.3: 8, HTTP as its SDK answers)."""

    name: str
    """The error's class in the specifications, without `Error`."""
    rpc: int
    http: int
    grpc: str
    http_0_3: int

    @property
    def reason(self) -> str:
        """Return the name in upper case with underscores, as `ErrorInfo` has it; one keeps its last word in the SDK."""
        if self.name == "Internal":
            return "INTERNAL_ERROR"
        return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in self.name)[1:]


PARSE = Fault("JSONParse", -32700, 400, "INVALID_ARGUMENT", 400)
REQUEST = Fault("InvalidRequest", -32600, 400, "INVALID_ARGUMENT", 400)
METHOD = Fault("MethodNotFound", -32601, 404, "NOT_FOUND", 404)
PARAMS = Fault("InvalidParams", -32602, 400, "INVALID_ARGUMENT", 422)
INTERNAL = Fault("Internal", -32603, 500, "INTERNAL", 500)
NO_TASK = Fault("TaskNotFound", -32001, 404, "NOT_FOUND", 404)
ENDED = Fault("TaskNotCancelable", -32002, 400, "FAILED_PRECONDITION", 409)
NO_PUSH = Fault("PushNotificationNotSupported", -32003, 400, "FAILED_PRECONDITION", 501)
UNSUPPORTED = Fault("UnsupportedOperation", -32004, 400, "FAILED_PRECONDITION", 501)
VERSION = Fault("VersionNotSupported", -32009, 400, "FAILED_PRECONDITION", 400)
_BY_STATUS = {
    401: Fault("Unauthenticated", -32000, 401, "UNAUTHENTICATED", 401),
    403: Fault("PermissionDenied", -32000, 403, "PERMISSION_DENIED", 403),
    404: METHOD,
    405: METHOD,
    409: UNSUPPORTED,
    413: REQUEST._replace(http=413, http_0_3=413),
    429: Fault("RateLimited", -32000, 429, "RESOURCE_EXHAUSTED", 429),
    502: Fault("Unavailable", -32000, 502, "UNAVAILABLE", 502),
    503: Fault("Unavailable", -32000, 503, "UNAVAILABLE", 503),
    504: Fault("DeadlineExceeded", -32000, 504, "DEADLINE_EXCEEDED", 504),
}
"""Errors of ours that A2A does not name: -32000 is the one code below its own that JSON-RPC leaves to servers."""
SAID_BY_HTTP = frozenset({401, 403, 413, 429, 502, 503, 504})
"""Statuses that JSON-RPC answers with, too: the client's HTTP library, not its A2A library, acts on them."""


class A2aError(FujieError):
    """A request cannot be carried out; `fault` says which error of the specifications it is."""

    code = "invalid_request"
    status = 400
    fault = PARAMS


class NotJsonError(A2aError):
    """The body is not readable as JSON."""

    fault = PARSE


class NoRpcError(A2aError):
    """The body is JSON, and no call of JSON-RPC 2.0."""

    fault = REQUEST


class NoSuchMethodError(A2aError):
    """The version has no such method."""

    code = "method_not_found"
    fault = METHOD


class ParamsError(A2aError):
    """A parameter is missing or wrong; `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class NoSuchTaskError(A2aError):
    """There is no such task for this caller."""

    code = "task_not_found"
    fault = NO_TASK

    def __init__(self, message: str = "there is no such task") -> None:
        super().__init__(message)


class TaskEndedError(A2aError):
    """The task has ended and cannot be canceled."""

    code = "task_not_cancelable"
    fault = ENDED


class UnsupportedError(A2aError):
    """The operation is not supported, or not in the task's state."""

    code = "unsupported_operation"
    fault = UNSUPPORTED


class PushUnsupportedError(A2aError):
    """No push notifications are sent here."""

    code = "push_unsupported"
    fault = NO_PUSH


class PushRefusedError(ParamsError):
    """The address is none that notifications may be sent to."""

    code = "push_refused"


class VersionError(A2aError):
    """The `A2A-Version` is none that is spoken here."""

    code = "version_not_supported"
    fault = VERSION

    def __init__(self, asked: str, spoken: str = "0.3, 1.0") -> None:
        """`asked` is the version, or what was asked for in one that does not have it."""
        super().__init__(f"A2A {asked[:64]!r} is not spoken here", repair=f"send A2A-Version: {spoken}")
        self.spoken = spoken


def fault_of(error: FujieError) -> Fault:
    """Return which error of the specifications this is."""
    if isinstance(error, A2aError):
        return error.fault
    found = _BY_STATUS.get(error.status)
    if found is None:
        found = PARAMS if 400 <= error.status < 500 else INTERNAL
    return found


def rpc_error(error: FujieError, version: Version, call_id: str | int | None) -> Json:
    """Return JSON-RPC's object for an error."""
    fault = fault_of(error)
    said: Json = {"code": fault.rpc, "message": _words(error)}
    said["data"] = _details(error, fault) if version == "1.0" else {"code": error.code}
    return {"jsonrpc": "2.0", "id": call_id, "error": said}


def rpc_status(error: FujieError) -> int:
    """Return the HTTP status of a JSON-RPC error: 200 but where HTTP itself has something to say."""
    status = fault_of(error).http
    return status if status in SAID_BY_HTTP else 200


def rest_error(error: FujieError, version: Version) -> tuple[int, Json]:
    """Return status and body of an error over HTTP+JSON."""
    fault = fault_of(error)
    if version == "0.3":
        return fault.http_0_3, {"type": f"{fault.name}Error", "message": _words(error)}
    said = {"code": fault.http, "status": fault.grpc, "message": _words(error), "details": _details(error, fault)}
    return fault.http, {"error": said}


def _words(error: FujieError) -> str:
    return f"{error.message} ({error.repair})" if error.repair else error.message


def _details(error: FujieError, fault: Fault) -> list[Json]:
    metadata: Mapping[str, str] = {"code": error.code}
    if isinstance(error, VersionError):
        metadata = {**metadata, "supportedVersions": error.spoken}
    details: list[Json] = [{"@type": _INFO, "reason": fault.reason, "domain": DOMAIN, "metadata": metadata}]
    if isinstance(error, ParamsError) and error.field:
        violation = {"field": error.field, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    return details
