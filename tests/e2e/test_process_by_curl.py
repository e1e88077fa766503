"""`/process` for callers with a bearer id_token: the AgentScope stream, the pause included."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.e2e.person import Answer, Person, events_of
from tests.e2e.questions import BY_NAME

pytestmark = pytest.mark.e2e


def token_of(stack, user):
    fujie = Path(sys.executable).with_name("fujie")
    done = subprocess.run(
        [fujie, "token", "--user", user, "--state", stack.state], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


def curl(stack, token, body, *options):
    done = subprocess.run(
        ["curl", "-sN", "-w", "\n%{http_code}", f"{stack.url}/process", "-H", f"Authorization: Bearer {token}"]
        + ["-H", "Content-Type: application/json", "-d", json.dumps(body), *options],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


def question(text, **more):
    return {"input": [{"role": "user", "content": [{"type": "text", "text": text}]}], **more}


def test_a_bearer_id_token_is_enough_for_a_streamed_answer(stack):
    status, text = curl(stack, token_of(stack, "alice"), question(BY_NAME["schedule"].en))
    answer = Answer(events_of(text))
    assert status == 200
    assert answer.status == "completed"
    assert "09:30" in answer.text
    assert dict(answer.tools)["get_schedule"]["credential"]["user"] == "alice"


def test_the_pause_is_in_the_stream_and_any_browser_of_the_same_user_may_allow_it(own_stack):
    stack = own_stack()
    _, text = curl(stack, token_of(stack, "bob"), question(BY_NAME["time"].en))
    answer = Answer(events_of(text))
    assert answer.status == "incomplete"
    assert answer.consents[0]["connect_url"] in answer.text
    bob = Person(stack, "bob").sign_in()
    bob.allow(answer.consents[0]["connect_url"])
    assert bob.follow(answer).status == "completed"
    alice = Person(stack, "alice").sign_in()
    assert alice.http.get(f"{stack.url}/api/runs/{answer.run_id}/events").status_code in {403, 404}
    alice.close()
    bob.close()


def test_stream_false_gives_one_json_object(stack):
    status, text = curl(stack, token_of(stack, "alice"), question(BY_NAME["weather"].en, stream=False))
    whole = json.loads(text)
    assert status == 200
    assert whole["object"] == "response"
    assert whole["status"] == "completed"


@pytest.mark.parametrize(
    "header",
    [{}, {"Authorization": "Bearer not-a-token"}, {"Authorization": "Basic YTpi"}],
    ids=["none", "malformed", "another scheme"],
)
def test_without_a_good_token_there_is_no_answer(stack, header):
    answer = httpx2.post(f"{stack.url}/process", json=question("hello"), headers=header, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"]


def test_a_malformed_user_token_never_becomes_a_weaker_identity(stack):
    before = stack.last_request()
    token = token_of(stack, "alice")
    broken = token[:-8] + ("A" * 8)
    status, _ = curl(stack, broken, question(BY_NAME["weather"].en))
    assert status == 401
    assert not [row for row in stack.requests(before) if row["action"].startswith("GetWorkloadAccessToken")]


def test_an_expired_token_is_refused(own_stack):
    stack = own_stack()
    token = token_of(stack, "alice")
    stack.advance_clock(2 * 3600)
    status, text = curl(stack, token, question(BY_NAME["weather"].en))
    assert status == 401
    assert "expired" in text
