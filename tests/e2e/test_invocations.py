"""The running product before callers of PPIO's and AgentCore's protocol: JSON, a stream, a web socket, a pause."""

import json

import httpx2
import pytest
from websockets.sync.client import connect

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.test_process_by_curl import token_of

pytestmark = pytest.mark.e2e


def headers_of(stack, user):
    return {"authorization": f"Bearer {token_of(stack, user)}"}


def invoke(stack, headers, payload):
    return httpx2.post(f"{stack.url}/invocations", json=payload, headers=headers, timeout=60)


def test_a_question_is_answered_as_one_value_and_over_a_web_socket(stack):
    headers = headers_of(stack, "alice")
    answer = invoke(stack, headers, {"prompt": BY_NAME["weather"].en, "stream": False}).json()
    assert (answer["status"], answer["tool_results"][0]["credential"]["kind"]) == ("success", "api_key")
    assert "Hangzhou" in answer["result"]
    assert httpx2.get(f"{stack.url}/ping").json()["status"] == "Healthy"
    with connect(f"{stack.url.replace('http', 'ws')}/ws", additional_headers=headers) as socket:
        socket.send(json.dumps({"prompt": BY_NAME["weather"].en}))
        told = [json.loads(socket.recv(timeout=60))]
        while not (isinstance(told[-1], dict) and told[-1].get("type") == "run_ended"):
            told.append(json.loads(socket.recv(timeout=60)))
    assert told[-1]["status"] == "completed"
    assert "".join(item for item in told if isinstance(item, str)) == answer["result"]


def test_a_pause_is_said_in_json_and_the_run_read_on_when_it_was_granted(own_stack):
    stack = own_stack()
    headers = headers_of(stack, "bob")
    paused = invoke(stack, headers, {"prompt": BY_NAME["time"].en, "stream": False}).json()
    assert paused["status"] == "authorization_required"
    bob = Person(stack, "bob").sign_in()
    assert bob.allow(paused["authorization"][0]["connect_url"]).status_code == 200
    bob.close()
    answer = invoke(stack, headers, {"run_id": paused["run_id"], "stream": False}).json()
    while answer["status"] == "authorization_required":
        answer = invoke(stack, headers, {"run_id": paused["run_id"], "stream": False}).json()
    assert (answer["status"], answer["tool_results"][0]["credential"]["kind"]) == ("success", "oauth")
