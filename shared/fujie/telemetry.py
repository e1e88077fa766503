"""Logs are JSON lines with the ids of what is under way; traces exist only where an exporter is configured.

What is logged is names, ids, counts and times: never a token, a message's text or a tool's arguments.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any, TextIO

from fujie.settings import telemetry_from_environ

MAX_CAUSES = 5
MAX_FRAMES = 8
_Ids = tuple[str, str, str, str]
"""Of the function, the request, the run and the user."""
_bound: ContextVar[_Ids] = ContextVar("fujie_log_ids", default=("", "", "", ""))


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, the bound ids, and the error's type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in bound_ids().items() if value}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = kinds_and_places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class TerminalFormatter(logging.Formatter):
    """A line as a person at a terminal reads it; of an error it tells no more than the others do."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the error's kind and place."""
        return kinds_and_places(ei[1])


_terminal: TextIO | None = None


def tell_errors_whole(terminal: TextIO) -> None:
    """Print unexpected errors as Python does, words and all, beside the logs: to a developer at his own terminal."""
    global _terminal  # noqa: PLW0603 - a process has one
    _terminal = terminal


def kinds_and_places(error: BaseException | None) -> str:
    """Return the kind of an error and of those it came from, each with its place; words may repeat secrets."""
    if _terminal is not None and error is not None:
        traceback.print_exception(error, file=_terminal)
    told: list[str] = []
    while error is not None and len(told) < MAX_CAUSES:
        frames = reversed(traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:])
        places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
        told.append(f"{type(error).__name__} at {places}" if places else type(error).__name__)
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "; from ".join(told)


def configure_logging() -> None:
    """Send every logger's records to stdout, and traces to OTLP if an endpoint is set; safe to repeat.

    They are JSON lines, but for a person who runs one agent or function at his terminal.

    HTTP clients' and servers' request lines are left out: URLs hold codes and states.
    """
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonFormatter | TerminalFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(TerminalFormatter() if sys.stdout.isatty() else JsonFormatter())
        root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "uvicorn.access", "mangum"):
        logging.getLogger(name).setLevel(logging.WARNING)
    settings = telemetry_from_environ()
    if settings.otlp_endpoint:
        _configure_traces(settings.function)


class bind:  # noqa: N801 - used as a function is
    """Put ids on every log line of this context until the block ends; those that are empty leave what is there."""

    __slots__ = ("_ids", "_reset")

    def __init__(self, *, function: str = "", request_id: str = "", run_id: str = "", user_id: str = "") -> None:
        self._ids = function, request_id, run_id, user_id
        self._reset: Token[_Ids] | None = None

    def __enter__(self) -> None:
        assert self._reset is None, "a block is entered once"
        ids, around = self._ids, _bound.get()
        self._reset = _bound.set((ids[0] or around[0], ids[1] or around[1], ids[2] or around[2], ids[3] or around[3]))

    def __exit__(self, _kind: object, _error: object, _traceback: object) -> None:
        assert self._reset is not None
        _bound.reset(self._reset)
        self._reset = None


def bound_ids() -> Mapping[str, str]:
    """Return the ids bound in this context; the function's name comes from the platform unless bound."""
    function, request_id, run_id, user_id = _bound.get()
    return {
        "function": function or telemetry_from_environ().function,
        "request_id": request_id,
        "run_id": run_id,
        "user_id": user_id,
    }


def _configure_traces(function: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(resource=Resource.create({"service.name": function or "fujie"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
