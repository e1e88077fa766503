"""A task's state from its run's events, and what stops one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.errors import InputError
from fujie.protocols.agentscope.ids import run_id_of
from fujie.protocols.agentscope.stopping import StopRequest, stop_request
from fujie.protocols.agentscope.tasks import submitted, task_not_found, task_state
from fujie.protocols.events import RunCanceled, RunCompleted, RunFailed, RunPaused, RunResumed
from tests.protocols.test_agentscope_encode import HELLO, STARTED, bodies, encode, events

LAST = bodies(encode(HELLO))[-1]
PAUSED = bodies(encode([STARTED, RunPaused(("c1",))]))[-1]


@pytest.mark.parametrize(
    ("log", "state"),
    [
        ([], {"status": "pending", "result": None}),
        (HELLO[:4], {"status": "running", "started_at": 1.5, "result": None}),
        (HELLO, {"status": "finished", "result": LAST}),
        ([STARTED, RunPaused(("c1",))], {"status": "running", "started_at": 1.5, "result": PAUSED}),
        ([STARTED, RunPaused(("c1",)), RunResumed(2)], {"status": "running", "started_at": 1.5, "result": None}),
        ([STARTED, RunFailed(9, "llm", "too slow")], {"status": "error", "result": "too slow"}),
        ([STARTED, RunCanceled(9)], {"status": "error", "result": "the run was canceled"}),
    ],
)
def test_how_a_task_stands(log, state):
    text = task_state(log, 1.5)
    assert json.loads(text) == state
    assert ", " not in text.replace("too slow", "")


@given(st.lists(events, max_size=20))
def test_any_events_are_a_state(log):
    state = json.loads(task_state(log, 1.5).encode())
    assert state["status"] in {"pending", "running", "finished", "error"}
    assert (state["status"] == "finished") == bool(log and isinstance(log[-1], RunCompleted))


def test_a_task_is_named_whatever_its_id_holds():
    assert json.loads(submitted("t1"))["task_id"] == "t1"
    assert json.loads(task_not_found('a"b' + "x" * 500))["error"].startswith('Task a"b')
    assert len(task_not_found("x" * 500)) < 160


@pytest.mark.parametrize(
    ("id_", "run"), [("response_a-1", "a-1"), ("a-1", "a-1"), ("", ""), ("a b", ""), ("\x00", ""), ("a" * 65, "")]
)
def test_an_id_names_a_run_or_nothing(id_, run):
    assert run_id_of(id_) == run


def test_a_stop_names_a_run_or_its_session():
    assert stop_request(b'{"input": [], "session_id": "s", "user_id": "bob"}') == StopRequest(session_id="s")
    assert stop_request(b'{"id": "response_1"}') == StopRequest(id="response_1")


@given(st.binary() | st.dictionaries(st.sampled_from(["id", "session_id"]), st.text()).map(json.dumps).map(str.encode))
def test_any_bytes_are_a_stop_or_an_error(body):
    try:
        asked = stop_request(body)
    except InputError:
        return
    assert asked.id or asked.session_id
