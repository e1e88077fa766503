"""Errors in OpenAI's form, for each of its APIs that we serve."""

from fujie.agents.serving.asgi import Answer
from fujie.agents.serving.errors import error_headers
from fujie.errors import FujieError
from fujie.protocols.agentscope.words import compact
from fujie.protocols.openai_chat.errors import error_body, error_object, should_retry


def refused(error: FujieError) -> Answer:
    """Return what answers a request that could not begin."""
    headers = [(b"x-should-retry", should_retry(error.status).encode()), *error_headers(error)]
    return Answer(error.status, compact(error_body(error)).encode(), headers=headers)


def failed(code: str, message: str) -> Answer:
    """Return what answers for a run that began and failed: the server's error, and nobody is to ask again unasked."""
    body = compact(error_object(message, code)).encode()
    return Answer(500, body, headers=[(b"x-should-retry", should_retry(500).encode())])
