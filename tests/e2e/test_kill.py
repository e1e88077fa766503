"""SIGKILL of every process between question and consent loses nothing."""

import time

import pytest

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME

pytestmark = pytest.mark.e2e


def test_the_answer_arrives_although_everything_was_killed_at_the_pause(own_stack):
    stack = own_stack()
    alice = Person(stack, "alice").sign_in()
    answer = alice.ask(BY_NAME["document"].en)
    assert answer.status == "incomplete"

    stack.kill_everything()
    stack.start()

    assert alice.me()["user"]["name"] == "alice"
    alice.allow(answer.consents[0]["connect_url"])
    whole = alice.follow(answer)
    assert whole.status == "completed"
    assert "hello" in whole.text
    alice.close()


def test_killed_in_the_middle_of_an_answer_the_run_is_failed_and_the_conversation_lives_on(own_stack):
    stack = own_stack()
    alice = Person(stack, "alice").sign_in()
    first = alice.ask(BY_NAME["weather"].en)
    body = {"conversation_id": first.conversation_id, "message": "count to 200", "language": "en"}
    with alice.http.stream("POST", f"{stack.url}/api/chat", json=body, headers=alice.csrf()) as streaming:
        lines = streaming.iter_lines()
        for _ in range(20):
            next(lines)
        stack.kill_everything()
    stack.start()
    question = (BY_NAME["weather"].en, first.conversation_id)
    deadline = time.monotonic() + 40
    while alice.post_chat(*question).status_code == 409:  # until the dead worker's lease has ended
        assert time.monotonic() < deadline
        time.sleep(1)
    runs = alice.http.get(f"{stack.url}/api/conversations/{first.conversation_id}").json()["runs"]
    assert [run["status"] for run in runs] == ["completed", "failed", "completed"]
    alice.close()
