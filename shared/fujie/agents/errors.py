"""Errors of agents and their runs.

AgentError
├── RunNotFoundError      404
├── ForbiddenError        403 the conversation or run is somebody else's
├── RunLostError          the worker that ran it is gone
├── OutcomeUnknownError   and with it went what came of a call
├── StepLimitError        the model went on calling tools
├── AnswerTooLongError    the agent said more than an answer may hold
├── TooBusyError          503 as much is at work here as may be
├── RunTimeoutError       the run took longer than a run may
├── ToolCrashedError      the tool function failed
├── ToolRefusedError      the tool function did not take the request
└── ToolsUnreachableError the tool function refused us or does not answer
"""

from fujie.errors import FujieError
from fujie.protocols.events import RunFailed


class AgentError(FujieError):
    """A run cannot be started, or cannot go on."""

    code = "agent"


class RunNotFoundError(AgentError):
    """There is no such run."""

    code = "run_not_found"
    status = 404


class ForbiddenError(AgentError):
    """The conversation or the run belongs to somebody else."""

    code = "forbidden"
    status = 403


class RunLostError(AgentError):
    """The worker that ran it is gone; the conversation goes on with the next question."""

    code = "lost"


class OutcomeUnknownError(AgentError):
    """The worker that ran it is gone in the middle of a call, which may have taken effect."""

    code = "outcome_unknown"


class StepLimitError(AgentError):
    """The model asked for tools again and again, and gave no answer."""

    code = "step_limit"


class AnswerTooLongError(AgentError):
    """The agent said more than an answer may hold."""

    code = "answer_too_long"


class TooBusyError(AgentError):
    """As many runs or tasks are at work here as may be."""

    code = "too_busy"
    status = 503
    retry_after_s = 1


class RunTimeoutError(AgentError):
    """The run took longer than a run may."""

    code = "run_timeout"
    status = 504


class ToolCrashedError(AgentError):
    """The tool function failed in the middle of a call: it may have done something."""

    code = "tool_crashed"
    status = 502


class ToolRefusedError(AgentError):
    """The tool function did not take the request, so nothing was done."""

    code = "tool_refused"
    status = 502


class ToolsUnreachableError(AgentError):
    """The tool function refused us, does not answer, or answers something else."""

    code = "tools_unreachable"
    status = 502


def failure_of(error: BaseException, at: int) -> RunFailed:
    """Return how a run that met this error ends; of a fault without a name only the log tells more."""
    if not isinstance(error, FujieError):
        error = FujieError("something went wrong here; the log has it under the run's id")
    words = f"{error.message} ({error.repair})" if error.repair else error.message
    return RunFailed(at, error.code, words)
