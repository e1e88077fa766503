"""Errors that chat itself raises, and the one shape in which every error leaves it.

FujieError
├── SignedOutError          no valid browser session
├── ForgedRequestError      the request did not come from our own page
├── NotYoursError           the conversation or run belongs to someone else
├── UnknownError            there is no such conversation or run
├── BusyError               the user holds too many streams open
├── AgentUnavailableError   the agent does not answer
└── AgentRefusedError       the agent answered with an error before its stream began
"""

import json

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from fujie.errors import FujieError


class SignedOutError(FujieError):
    """There is no signed-in user."""

    code = "sign_in_again"
    status = 401


class ForgedRequestError(FujieError):
    """The request did not come from our own page."""

    code = "forged_request"
    status = 403


class NotYoursError(FujieError):
    """It belongs to someone else."""

    code = "forbidden"
    status = 403


class UnknownError(FujieError):
    """There is no such conversation or run."""

    code = "not_found"
    status = 404


class BusyError(FujieError):
    """The user holds too many streams open at once."""

    code = "too_many_streams"
    status = 429


class AgentUnavailableError(FujieError):
    """The agent does not answer; try again."""

    code = "agent_unavailable"
    status = 503


class AgentRefusedError(FujieError):
    """The agent answered with an error before its stream began; code and status are the agent's."""

    def __init__(self, status: int, code: str, message: str, *, repair: str = "") -> None:
        super().__init__(message, repair=repair)
        self.status = status
        self.code = code


def refusal_from_answer(status: int, body: bytes) -> AgentRefusedError:
    """Return the agent's own typed error, or one that names only the status when it sent none."""
    try:
        error = json.loads(body)["error"]
        return AgentRefusedError(status, str(error["code"]), str(error["message"]), repair=str(error.get("repair", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return AgentRefusedError(502, "agent_error", f"the agent answered with status {status}")


def install_error_answers(app: FastAPI) -> None:
    """Answer every typed error as `{"error": {"code", "message", "repair"?}}`; input is never echoed."""
    app.add_exception_handler(FujieError, _typed)
    app.add_exception_handler(RequestValidationError, _malformed)


async def _typed(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, FujieError):
        raise error
    return JSONResponse({"error": error.as_dict()}, error.status)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    told = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5])
    return JSONResponse({"error": {"code": "invalid_input", "message": told}}, 422)
