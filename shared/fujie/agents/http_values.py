"""Starlette's responses and errors where a developer's function gives them, as runtimes on Starlette let it.

Starlette is not imported for that: a function that gives one has imported it.
"""

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

from fujie.agents.errors import AgentError

HTTP = "http_"
"""Begins the code of a run that failed with an HTTP status of its function's choice."""
GIVEN: ContextVar[list[Any] | None] = ContextVar("given", default=None)
"""Where a door that can send a whole response wants to have it; set for the run that it executes."""


class HttpAnswerError(AgentError):
    """The function chose a status, and what to say with it."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False, default=str))
        self.code = f"{HTTP}{status}"
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def is_response(value: object) -> bool:
    """Is this a response of Starlette's?"""
    module = sys.modules.get("starlette.responses")
    return module is not None and isinstance(value, module.Response)


def http_error(error: BaseException) -> HttpAnswerError | None:
    """Return an HTTPException of Starlette's or FastAPI's as an error of ours; None for every other."""
    module = sys.modules.get("starlette.exceptions")
    if module is None or not isinstance(error, module.HTTPException):
        return None
    return HttpAnswerError(error.status_code, error.detail, error.headers)


async def plainly(items: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Yield what a function gives, a response as the value that it holds. Raises HttpAnswerError for its errors."""
    try:
        async with aclosing(items):
            async for item in items:
                yield _value_in(item) if is_response(item) else item
    except Exception as error:
        if (answered := http_error(error)) is None:
            raise
        raise answered from error


def _value_in(response: Any) -> Any:
    if (given := GIVEN.get()) is not None:
        given.append(response)
    body = getattr(response, "body", None)
    if body is None:
        return None  # it streams: whoever cannot send it as it is has nothing to tell
    text = bytes(body).decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if response.status_code >= 400:
        raise HttpAnswerError(response.status_code, value, dict(response.headers))
    return value
