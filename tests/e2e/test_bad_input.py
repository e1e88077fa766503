"""Bad input gets a clear, typed error, and the next good request is answered."""

import httpx2
import pytest

from tests.e2e.questions import BY_NAME
from tests.e2e.test_process_by_curl import question, token_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def bearer(stack):
    return {"Authorization": f"Bearer {token_of(stack, 'alice')}"}


def post(stack, path, **kwargs):
    return httpx2.post(stack.url + path, trust_env=False, timeout=30, **kwargs)


def test_a_body_that_is_not_json_is_refused_in_the_protocols_words(stack, bearer):
    answer = post(stack, "/process", content=b'{"input": [', headers=bearer | {"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "json_invalid"


@pytest.mark.parametrize("body", [[], "text", {"input": "hello"}, {"input": [{"role": 7}]}, {}, {"input": [], "n": 9}])
def test_wrong_types_are_refused_before_anything_runs(stack, bearer, body):
    answer = post(stack, "/process", json=body, headers=bearer)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_ten_megabytes_are_too_many(stack, bearer, person):
    big = "x" * (10 * 1024 * 1024)
    assert post(stack, "/process", json=question(big), headers=bearer).status_code == 413
    alice = person("alice")
    answer = alice.post_chat(big)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert alice.ask(BY_NAME["weather"].en).status == "completed"


def test_somebody_elses_conversation_is_not_there_for_others(stack, person):
    alices = person("alice").ask(BY_NAME["weather"].en).conversation_id
    bob = person("bob")
    assert bob.http.get(f"{stack.url}/api/conversations/{alices}").status_code in {403, 404}
    token = {"Authorization": f"Bearer {token_of(stack, 'bob')}"}
    answer = post(stack, "/process", json=question("hello", session_id=alices), headers=token)
    assert answer.status_code == 200, "the name is his own, too"
    runs = person("alice").http.get(f"{stack.url}/api/conversations/{alices}").json()["runs"]
    assert len(runs) == 1


def test_an_unknown_run_is_not_found(stack, person):
    answer = person("alice").http.get(f"{stack.url}/api/runs/00000000-0000-4000-8000-000000000000/events")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "query", ["", "?state=x", "?session_uri=x", "?session_uri=urn:ietf:params:oauth:request_uri:1&state=" + "y" * 5000]
)
def test_a_malformed_callback_is_a_page_not_a_crash(person, query):
    alice = person("alice")
    page = alice.open(f"{alice.stack.url}/callback{query}")
    assert 400 <= page.status_code < 500
    assert "Traceback" not in page.text


def test_a_sign_in_return_with_a_foreign_state_is_refused(stack):
    answer = httpx2.get(f"{stack.url}/auth/callback?code=abc&state=def", trust_env=False)
    assert answer.status_code == 400
    assert "fujie_session" not in answer.headers.get("set-cookie", "")


def test_chat_needs_a_session_and_a_csrf_token(stack, person):
    body = {"conversation_id": None, "message": "hi", "language": "en"}
    assert post(stack, "/api/chat", json=body).status_code == 401
    alice = person("alice")
    assert alice.http.post(f"{stack.url}/api/chat", json=body).status_code == 403


@pytest.mark.parametrize("path", ["/invoke", "/initialize", "/pre-stop"])
def test_what_the_platform_calls_is_refused_from_outside(stack, path):
    headers = {"x-fc-control-path": path}
    for base in (stack.url, stack.ready["functions"]["process"]):
        assert httpx2.post(base + path, headers=headers, trust_env=False).status_code in {400, 403, 404}
        assert httpx2.post(base + path, trust_env=False).status_code in {403, 404}


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "drop"}], ids=["fails", "drops"])
def test_a_provider_that_fails_is_told_in_words(stack, person, fault):
    alice = person("alice")
    stack.admin("POST", "faults", json={"service": "partner.weather", "count": 5} | fault)
    try:
        answer = alice.ask(BY_NAME["weather"].en)
    finally:
        stack.admin("DELETE", "faults")
    assert answer.status == "completed"
    assert dict(answer.tools)["get_weather"]["ok"] is False
    assert answer.text
    assert alice.ask(BY_NAME["weather"].en, answer.conversation_id).tools[0][1]["ok"] is True


def test_a_provider_that_hangs_is_given_up_at_the_tools_deadline(stack, person):
    alice = person("alice")
    stack.admin("POST", "faults", json={"service": "partner.weather", "kind": "latency", "latency_s": 300, "count": 1})
    try:
        answer = alice.ask(BY_NAME["weather"].en)
    finally:
        stack.admin("DELETE", "faults")
    assert dict(answer.tools)["get_weather"]["ok"] is False
    assert answer.status == "completed"
