"""Two instances of each function, requests dealt in turn, and one killed at each commit of a journey in turn.

The document is written once and the run says so, or the run says that its outcome is unknown: never twice, never lost
in silence. FUJIE_TESTS_EVERY_COMMIT=1 kills at every commit of the journey, before and after it (some 120 journeys);
without it, at one commit of each kind (of chat's, which only sign in, at one), and before and after each of those
around the write.
"""

import os
from collections import Counter

import pytest

from tests.scale_out.journey import trip
from tests.scale_out.odometer import AFTER, BEFORE
from tests.scale_out.rig import INSTANCES

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]

EVERY_COMMIT = bool(os.environ.get("FUJIE_TESTS_EVERY_COMMIT"))
MOST = 200
"""Commits of a journey; one that makes more goes round in a circle."""
AROUND_THE_WRITE = ("tool delete:handled_events", "tool update:handled_events", "callback update:consents")


@pytest.fixture(scope="module")
def undisturbed(rig):
    """Two journeys on which nobody dies: the first instances make one, and those of two hours later the other."""
    made = []
    for _ in range(2):
        made.append(trip(rig))
        rig.rewind()
        rig.wait_until_up()
    return made


def test_the_journey_writes_once_and_its_requests_are_dealt_to_all_instances(undisturbed):
    for made in undisturbed:
        assert (made.verdict.said, made.verdict.writes) == ("done", 1)
        assert made.verdict.runs == (("completed", "consent_expired"), ("completed",))
    for function in ("chat", "process", "callback", "tool"):
        assert len({pid for _, name, pid, _ in undisturbed[1].commits if name == function}) == INSTANCES, function


def test_whoever_dies_at_whichever_commit_the_document_is_written_once_or_the_outcome_is_said_to_be_unknown(
    rig, undisturbed
):
    wrong, died = [], set()
    for death in deaths(undisturbed[1].commits):
        made = trip(rig, **death)
        died.add(made.killed)
        told = f"{death}: {made.killed or 'nobody'} died, {len(made.commits)} commits, {made.verdict}"
        print(told, flush=True)
        if not made.verdict.holds or not (made.killed or made.verdict.said == "done"):
            wrong.append(told)
        if not EVERY_COMMIT:
            rig.rewind()
        elif not made.killed:
            break
    assert not wrong, "\n".join(wrong)
    assert died >= {"chat", "process", "callback", "tool"}


def deaths(commits):
    """Yield at which commits to kill, and when."""
    if EVERY_COMMIT:
        yield from ({"target": n, "moment": moment} for n in range(1, MOST) for moment in (BEFORE, AFTER))
        return
    seen = Counter()
    for _, function, _, written in commits:
        if function == "chat" and seen:
            continue
        what = f"{function} {written}"
        seen[what] += 1
        if what.startswith(AROUND_THE_WRITE):
            yield from ({"what": what, "occurrence": seen[what], "moment": moment} for moment in (BEFORE, AFTER))
        elif seen[what] == 1:
            yield {"what": what, "occurrence": 1, "moment": len(seen) % 2}
