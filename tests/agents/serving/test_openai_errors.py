"""Errors in OpenAI's form, with what its client goes by."""

import json

import pytest

from fujie.agents.serving.errors import OverloadedError, RateLimitError
from fujie.agents.serving.openai_errors import failed, refused
from fujie.errors import FujieError
from fujie.identity.errors import TokenInvalidError
from fujie.sessions.errors import ConflictError


@pytest.mark.parametrize(
    ("error", "status", "kind", "headers"),
    [
        (TokenInvalidError("no"), 401, "authentication_error", {b"www-authenticate": b"Bearer"}),
        (ConflictError("busy"), 409, "conflict_error", {}),
        (RateLimitError("slow down", retry_after_s=7), 429, "rate_limit_error", {b"retry-after": b"7"}),
        (OverloadedError("full"), 503, "server_error", {b"retry-after": b"1"}),
        (FujieError("something went wrong here"), 500, "server_error", {}),
    ],
)
def test_a_refusal_says_what_kind_it_is_and_whether_to_come_again(error, status, kind, headers):
    answer = refused(error)
    again = b"true" if status in {429, 503} else b"false"
    assert (answer.status, dict(answer.headers)) == (status, {b"x-should-retry": again} | headers)
    assert json.loads(answer.body)["error"] == {
        "message": error.message,
        "type": kind,
        "param": None,
        "code": error.code,
    }


def test_a_run_that_failed_is_not_to_be_asked_for_again():
    answer = failed("llm_timeout", "too slow")
    assert (answer.status, dict(answer.headers)) == (500, {b"x-should-retry": b"false"})
    assert json.loads(answer.body)["error"]["code"] == "llm_timeout"
