"""One person's journey, who reloads a page that failed, and asks again only where nothing can have been done.

He signs in and asks; two hours later his permission is asked for anew, since the first request for it and his id_token
have ended; he allows it, and reads the answer.
"""

import contextlib
import time
import uuid
from dataclasses import dataclass

import httpx2

from tests.e2e.person import Answer, Person, events_of
from tests.e2e.questions import BY_NAME

QUESTION = BY_NAME["document"].en
WRITE = "write_dingtalk_document"
UNKNOWN = {"outcome_unknown", "tool_crashed", "tool_unreachable"}
ENDED = {"completed", "failed", "canceled"}
TRIES = 6
TWO_HOURS_S = 2 * 3600
PATIENCE_S = 60


@dataclass(frozen=True)
class Verdict:
    """What the person saw, and what is in the world."""

    said: str
    """done; unknown; or safe, where nothing can have been done."""
    writes: int
    runs: tuple
    """Status of each, and what failed in it."""

    @property
    def holds(self):
        """Was it done once and said so, or said to be unknown? And has everything ended?"""
        ended = all(status in ENDED for status, *_ in self.runs)
        return ended and {"done": self.writes == 1, "unknown": self.writes <= 1}.get(self.said, False)


@dataclass(frozen=True)
class Trip:
    """A journey, what was committed on it, and whose instance died."""

    verdict: Verdict
    commits: list
    killed: str


def trip(rig, **death):
    """Make a journey on which the instance dies that makes the commit that `Odometer.arm` is told of."""
    rig.odometer.arm(**death)
    try:
        return Trip(Journey(rig).make(), rig.odometer.commits, rig.odometer.killed)
    finally:
        rig.odometer.disarm()


class Journey:
    """Made once, by somebody who was never here before."""

    def __init__(self, rig):
        self.rig = rig
        self.began = rig.last_request()
        self.person = Person(rig, rig.somebody())
        self.conversation = str(uuid.uuid4())
        self.questions = 0

    def make(self):
        """Return how it ended."""
        with contextlib.closing(self.person):
            self.sign_in()
            self.ask()
            self.look(set())
            self.rig.advance(TWO_HOURS_S)
            answer = self.rest()
            while said_by(answer) == "safe" and self.questions < TRIES:
                if "sign_in_again" in faults_of(answer):
                    self.sign_in()
                self.ask()
                answer = self.rest()
            runs = self.conversation_now()["runs"]
            ends = tuple((run["status"], *faults_of(Answer(run["events"]))) for run in runs)
            return Verdict(said_by(answer), self.writes(), ends)

    def writes(self):
        """Return how often the provider was made to write."""
        rows = self.rig.requests(self.began)
        return sum((row["service"], row["action"]) == ("partner.dingtalk", "WriteDocument") for row in rows)

    def sign_in(self):
        for _ in range(TRIES):
            with contextlib.suppress(AssertionError, httpx2.HTTPError, StopIteration, ValueError, TypeError):
                self.person.sign_in()
                return
        raise AssertionError("nobody can sign in")

    def ask(self):
        """Ask until the question is there; whether it is, the conversation says."""
        before = len(self.conversation_now()["runs"])
        for _ in range(TRIES):
            with contextlib.suppress(httpx2.HTTPError, ValueError):
                self.person.post_chat(QUESTION, self.conversation)
            if len(self.conversation_now()["runs"]) > before:
                self.questions += 1
                return
        raise AssertionError("the question was never taken")

    def rest(self):
        """Allow what the newest run asks for until it says no more; return its events."""
        answered = set()
        while (answer := self.look(answered)).status not in ENDED:
            for consent in answer.consents:
                if consent["consent_id"] not in answered:
                    self.allow(consent["connect_url"])
                    answered.add(consent["consent_id"])
        return answer

    def look(self, answered):
        """Return the newest run's events once it has ended, or asks for what was not answered yet."""
        run_id = self.conversation_now()["runs"][-1]["run_id"]
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            answer = self.follow(run_id, answered)
            if rests(answer, answered):
                return answer
        raise AssertionError(f"the run {run_id} never rests: {self.conversation_now()}")

    def follow(self, run_id, answered):
        """Read the run's events until it has ended, or asks for what was not answered yet."""
        events = []
        url = f"{self.rig.url}/api/runs/{run_id}/events?after=-1"
        with contextlib.suppress(httpx2.HTTPError), self.person.http.stream("GET", url) as stream:
            for line in stream.iter_lines():
                events += events_of(line)
                if events and rests(Answer(events), answered):
                    break
        return Answer(events or [{"object": "response", "status": "unseen"}])

    def allow(self, url):
        """Press Allow wherever it is; a page that fails is reloaded."""
        for _ in range(TRIES):
            try:
                page = self.person.allow(url)
            except (httpx2.HTTPError, AssertionError):
                continue
            for _ in range(TRIES):
                if page.status_code < 500:
                    break
                with contextlib.suppress(httpx2.HTTPError):
                    page = self.person.open(str(page.url))
            if page.request.method == "GET" and "/callback" in str(page.url):
                return
            if page.status_code in {409, 410, 401, 404}:
                return

    def conversation_now(self):
        for _ in range(TRIES):
            with contextlib.suppress(httpx2.HTTPError, ValueError):
                found = self.person.http.get(f"{self.rig.url}/api/conversations/{self.conversation}")
                if found.status_code == 404:
                    return {"runs": []}
                if found.status_code == 200:
                    return found.json()
        raise AssertionError("the conversation cannot be seen")


def rests(answer, answered):
    """Has the run ended, or does it ask for what was not answered yet?"""
    asks = {consent["consent_id"] for consent in answer.consents} - answered
    return answer.status in ENDED or (answer.status == "incomplete" and bool(asks))


def said_by(answer):
    if any(metadata["ok"] for name, metadata in answer.tools if name == WRITE):
        return "done"
    return "unknown" if UNKNOWN & set(faults_of(answer)) else "safe"


def faults_of(answer):
    """Return the codes of what failed in a run: calls, then the run itself."""
    calls = [metadata["error_code"] for _, metadata in answer.tools if not metadata["ok"]]
    return (*calls, *(event["error"]["code"] for event in answer.events if event.get("error")))
