"""How Function Compute says that an invocation did not come about, or went wrong.

InvocationError             code, status, error_type
├── RequestRefusedError     the request breaks a rule of the platform; the function never saw it
├── FunctionNotFoundError   no such function
├── ThrottledError          every instance is busy and the wait has ended
├── AccessDeniedError       the function's role does not exist or does not trust Function Compute
├── InstanceStartError      the function's process did not come up
│   └── InitializationFailedError   its module or `initialize` raised
└── FunctionFailedError     the function's own fault: it raised, crashed, timed out or answered nonsense
"""

import json


class InvocationError(Exception):
    """An invocation that has no answer of the function; `error_type` is what `X-Fc-Error-Type` says."""

    error_type = "FcCommonError"

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message

    def body(self, request_id: str) -> bytes:
        """Return the JSON that the caller gets."""
        answer = {"RequestId": request_id, "Code": self.code, "Message": self.message}
        return json.dumps(answer, ensure_ascii=False).encode()


class RequestRefusedError(InvocationError):
    """The request breaks a rule of the platform; the function never saw it."""


class FunctionNotFoundError(InvocationError):
    """There is no function of that name."""

    def __init__(self, name: str) -> None:
        super().__init__("FunctionNotFound", 404, f"function '{name}' does not exist")


class ThrottledError(InvocationError):
    """Every instance is busy and the wait has ended."""

    def __init__(self, name: str, max_instances: int) -> None:
        super().__init__(
            "ResourceThrottled", 429, f"function '{name}' is at its limit of {max_instances} instances; try again later"
        )


class AccessDeniedError(InvocationError):
    """The function's role does not exist or does not trust Function Compute."""

    def __init__(self, role: str, reason: str) -> None:
        super().__init__("AccessDenied", 403, f"the role '{role}' cannot be assumed for the function: {reason}")


class InstanceStartError(InvocationError):
    """The function's process did not come up; `log` is the end of what it printed, for the operator alone."""

    error_type = "UnhandledInvocationError"

    def __init__(self, code: str, message: str, log: str = "") -> None:
        super().__init__(code, 502, message)
        self.log = log


class InitializationFailedError(InstanceStartError):
    """The module or its `initialize` raised; the answer is the error object the runtime wrote."""

    error_type = "InitializationError"

    def __init__(self, payload: bytes, log: str) -> None:
        super().__init__("InitializationError", "the function failed to initialize", log)
        self._payload = payload

    def body(self, request_id: str) -> bytes:
        """Return the runtime's error object where there is one."""
        return self._payload or super().body(request_id)


class FunctionFailedError(InvocationError):
    """The function's own fault; `payload`, if any, is the error object its runtime wrote."""

    error_type = "UnhandledInvocationError"

    def __init__(self, code: str, message: str, payload: bytes = b"") -> None:
        super().__init__(code, 502, message)
        self.payload = payload

    def body(self, request_id: str) -> bytes:
        """Return the runtime's error object where there is one."""
        return self.payload or super().body(request_id)
