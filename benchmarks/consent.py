"""How long a run still waits once its user has allowed it: the whole product beside an agent that polls.

Ours is what the person's open page shows: the first event after the run went on. Theirs is the decorated function that
begins. Both are counted from two moments: when the confirmation was answered, and when it was sent.
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

    from benchmarks.identity import Agent, Cloud

QUESTION = "What time is it?"
PHASE_S = 0.7
"""Confirmations come at different moments of the others' three seconds, and of our polling."""
LONGEST_S = 30.0


@dataclass(frozen=True)
class Waited:
    """Milliseconds until the run went on."""

    since_answer: float
    since_sent: float


@dataclass
class Watch:
    """One open page: hears of the run, and notes when it goes on."""

    went_on: float = 0.0
    _open: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self, http: "httpx2.Client", url: str) -> None:
        """Return once the page's stream is open."""
        self._thread = threading.Thread(target=self._listen, args=(http, url))
        self._thread.start()
        self._open.wait(LONGEST_S)

    def end(self) -> float:
        """Return the moment at which the first event after the pause came."""
        assert self._thread
        self._thread.join(LONGEST_S)
        if not self.went_on:
            raise RuntimeError("the run did not go on")
        return self.went_on

    def _listen(self, http: "httpx2.Client", url: str) -> None:
        with http.stream("GET", url, timeout=LONGEST_S) as answer:
            for line in answer.iter_lines():
                self._open.set()
                if line.startswith("data: ") and json.loads(line[6:])["object"] == "message":
                    self.went_on = self.went_on or time.perf_counter()


def waits_of_ours(runs: int) -> Sequence[Waited]:
    """Return how long each of so many runs waited in a stack of its own; one more before warms it up."""
    with tempfile.TemporaryDirectory() as directory, _stack(Path(directory)) as stack:
        return [_ours(stack, turn) for turn in range(runs + 1)][1:]


def waits_of_theirs(cloud: "Cloud", agent: "Agent", runs: int) -> Sequence[Waited]:
    """Return how long each of so many calls of the official SDK waited."""
    return [_theirs(cloud, agent, turn) for turn in range(runs)]


def _ours(stack: Any, turn: int) -> Waited:
    from tests.e2e.person import Person

    alice, browser, watch = Person(stack, "alice").sign_in(), Person(stack, "alice"), Watch()
    _withdraw_everything(alice)
    answer = alice.ask(QUESTION)
    last = max(event["sequence_number"] for event in answer.events)
    watch.begin(alice.http, f"{stack.url}/api/runs/{answer.run_id}/events?after={last}")
    sent, answered = _timed(browser.http)
    browser.http.cookies = alice.http.cookies
    time.sleep(PHASE_S * turn % 0.15)
    page = browser.allow(answer.consents[0]["connect_url"])
    if page.status_code != 200:
        raise RuntimeError(f"the permission was not completed: HTTP {page.status_code}")
    went_on = watch.end()
    for person in (alice, browser):
        person.close()
    return Waited((went_on - answered[0]) * 1000, (went_on - sent[0]) * 1000)


def _timed(http: "httpx2.Client") -> tuple[list[float], list[float]]:
    """Return when the browser goes back to the product, and when that is answered: each a list that fills."""
    sent: list[float] = []
    answered: list[float] = []

    def asks(request: "httpx2.Request") -> None:
        if request.url.path == "/callback":
            sent.append(time.perf_counter())

    def hears(response: "httpx2.Response") -> None:
        if response.request.url.path == "/callback":
            answered.append(time.perf_counter())

    http.event_hooks = {"request": [asks], "response": [hears]}
    return sent, answered


def _withdraw_everything(alice: Any) -> None:
    url = f"{alice.stack.url}/api/grants"
    for grant in alice.http.get(url).json()["grants"]:
        alice.http.delete(f"{url}/{grant['id']}", headers=alice.csrf())


def _theirs(cloud: "Cloud", agent: "Agent", turn: int) -> Waited:
    from tests.contract.identity_stack import consent, query_of

    url: str = agent.begin("consent")["url"]
    session_uri = query_of(consent(url))["session_uri"]
    time.sleep(PHASE_S * turn % 3.0)
    sent = time.perf_counter()
    cloud.stack.complete(session_uri, cloud.token)
    answered = time.perf_counter()
    agent.hear()
    went_on = time.perf_counter()
    return Waited((went_on - answered) * 1000, (went_on - sent) * 1000)


@contextmanager
def _stack(directory: Path) -> Iterator[Any]:
    from tests.e2e.running import RunningStack

    running = RunningStack(directory)
    try:
        yield running.start()
    finally:
        running.stop()
