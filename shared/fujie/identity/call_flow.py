"""One call of the data plane as a generator without I/O: it yields requests and pauses and is sent answers.

It returns the answer's JSON object or raises a typed error. It asks again, a bounded number of times and with jitter,
only where the cloud asks for patience and asking twice does no harm.
"""

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fujie import clock
from fujie.http import Answer
from fujie.identity.acs3 import WireRequest, anonymous_request, rpc_request
from fujie.identity.faults import document_from_answer, is_throttling, read_code, retry_after_s
from fujie.settings import CallerKey

VERSION = "2025-11-27"
MAX_ATTEMPTS = 3
FIRST_PAUSE_S = 0.2
UPSTREAM_FAILED = "ServiceUnavailable.UpstreamTokenEndpoint"
"""Another party's fault under the cloud's 503: asking the cloud again at once helps nobody."""


@dataclass(frozen=True)
class Call:
    """One action with its parameters; `key` is None for the one action that nobody signs."""

    action: str
    form: Mapping[str, str] = field(repr=False)
    key: CallerKey | None
    is_repeatable: bool = True


@dataclass(frozen=True)
class Pause:
    """Wait this long before the next request."""

    seconds: float


Step = WireRequest | Pause
Flow = Generator[Step, Answer | None, Mapping[str, Any]]


def call_flow(
    endpoint: str, call: Call, now: clock.Clock = clock.now, jitter: Callable[[], float] = random.random
) -> Flow:
    """Ask until there is an answer to keep; each attempt is signed afresh."""
    attempt = 1
    while True:
        answer = yield _request(endpoint, call, now())
        if answer is None:
            raise TypeError("a request was answered with nothing")
        if attempt == MAX_ATTEMPTS or not (call.is_repeatable and _asks_for_patience(answer)):
            return document_from_answer(call.action, answer)
        backoff = FIRST_PAUSE_S * 2 ** (attempt - 1) * (0.5 + jitter())
        yield Pause(max(backoff, retry_after_s(answer) or 0.0))
        attempt += 1


def _request(endpoint: str, call: Call, at: datetime) -> WireRequest:
    if call.key is None:
        return anonymous_request(endpoint, VERSION, call.action, call.form, at)
    return rpc_request(endpoint, VERSION, call.action, call.form, call.key, at)


def _asks_for_patience(answer: Answer) -> bool:
    code = read_code(answer)
    if answer.status in {429, 503}:
        return code != UPSTREAM_FAILED
    return answer.status in {200, 400} and is_throttling(answer.status, code)
