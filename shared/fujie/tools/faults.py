"""From whatever a tool's code raised to an error with a name."""

import asyncio

import httpx2

from fujie.errors import FujieError
from fujie.tools.declaration import Tool
from fujie.tools.door import Door
from fujie.tools.errors import (
    ProviderDeniedError,
    ProviderError,
    ProviderFailedError,
    ProviderRefusedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
    ToolError,
)

MAX_MESSAGE_CHARS = 500
_LOOK_FIRST = "it may have taken effect: look before trying again"


def named_error(raised: Exception, tool: Tool, door: Door) -> FujieError:
    """Return the error that says what went wrong, for the model and the user."""
    cause = _innermost(raised)
    if isinstance(cause, FujieError):
        return cause
    if isinstance(cause, (TimeoutError, asyncio.TimeoutError, httpx2.TimeoutException)):
        return ProviderTimeoutError(f"no answer within {tool.timeout_s:g} s", repair=_repair(tool, door))
    if isinstance(cause, httpx2.HTTPStatusError):
        return _refusal(cause.response.status_code, tool, door)
    if isinstance(cause, httpx2.HTTPError):
        # Its text may repeat what was sent.
        said = f"the connection to the provider failed ({type(cause).__name__})"
        return ProviderUnreachableError(said, repair=_repair(tool, door))
    if door.last_status >= 300:
        return _refusal(door.last_status, tool, door)
    return ToolError(f"{type(cause).__name__}: {cause}"[:MAX_MESSAGE_CHARS])


def _refusal(status: int, tool: Tool, door: Door) -> ProviderError:
    said = f"the provider answered HTTP {status}"
    if status in {401, 403}:
        return ProviderDeniedError(f"{said}: it refused the credential", repair="try again, or allow it anew")
    if status == 429:
        return ProviderRefusedError(f"{said}: too many requests", repair="try again later")
    if 400 <= status < 500:
        return ProviderRefusedError(f"{said}: it refused the request")
    if 300 <= status < 400:
        return ProviderFailedError(f"{said}: a redirect, which no credential follows")
    return ProviderFailedError(said, repair=_repair(tool, door))


def _repair(tool: Tool, door: Door) -> str:
    return _LOOK_FIRST if tool.effect == "write" and door.has_sent else "try again later"


def _innermost(raised: Exception) -> Exception:
    """Return the first cause inside groups: task groups wrap what one task raised."""
    while isinstance(raised, ExceptionGroup):
        raised = raised.exceptions[0]
    return raised
