"""What a person wrote, or a secret in an exception's words, on its way into the log."""

import json
import logging
import sys

from fujie.sessions.engine import engine_for
from fujie.telemetry import JsonFormatter

CANARY = "canary-4711"


def fail(cause):
    raise RuntimeError(f"outer {CANARY}") from cause


def logged(cause):
    try:
        fail(cause)
    except RuntimeError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "Exception", None, sys.exc_info())
    return JsonFormatter().format(record)


def test_a_traceback_tells_kinds_and_places_and_no_words():
    """Hurt: Alice, whose token or text some library's exception repeats."""
    inner = ValueError(f"input_value={CANARY!r}")
    line = logged(ExceptionGroup(f"group {CANARY}", [inner]))
    assert CANARY not in line
    error = json.loads(line)["error"]
    assert "RuntimeError" in error
    assert "ExceptionGroup" in error
    assert "test_log_attacks.py" in error


def test_the_databases_errors_do_not_repeat_what_was_written(tmp_path):
    """Hurt: everybody, whose sealed delegations and PKCE verifiers are parameters of statements."""
    for url in (f"sqlite+aiosqlite:///{tmp_path}/x.db", "postgresql+asyncpg://u:p@127.0.0.1/x"):
        assert engine_for(url).sync_engine.hide_parameters
