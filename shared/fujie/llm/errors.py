"""Errors of the model.

LlmError
├── LlmNotConfiguredError   no model is configured
├── LlmUnavailableError     503 no answer, or out of order
├── LlmThrottledError       429 too many requests, or no quota left
├── LlmRefusedError         502 key, model name or request was refused
└── LlmOutputError          502 it answered what cannot be used
"""

from fujie.errors import FujieError


class LlmError(FujieError):
    """The model could not answer."""

    code = "llm"
    status = 502


class LlmNotConfiguredError(LlmError):
    """No model is configured."""

    code = "llm_not_configured"
    status = 500


class LlmUnavailableError(LlmError):
    """The model does not answer, or is out of order."""

    code = "llm_unavailable"
    status = 503


class LlmThrottledError(LlmError):
    """The model's service asks for patience, or the quota is used up."""

    code = "llm_throttled"
    status = 429


class LlmRefusedError(LlmError):
    """The model's service refused the key, the model's name or the request."""

    code = "llm_refused"


class LlmOutputError(LlmError):
    """The model answered what cannot be used."""

    code = "llm_output"
