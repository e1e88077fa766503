"""The configured model: how it is asked, and what its faults become."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic_ai import Agent
from pydantic_ai import exceptions as theirs

from fujie.llm import model as model_module
from fujie.llm.errors import (
    LlmNotConfiguredError,
    LlmOutputError,
    LlmRefusedError,
    LlmThrottledError,
    LlmUnavailableError,
)
from fujie.llm.model import llm_error_from, model_from_settings
from fujie.secret import Secret
from fujie.settings import LlmSettings


class Service(ThreadingHTTPServer):
    """An OpenAI-compatible service that answers each status in turn, and at last with a word."""

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.asked = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        url = f"http://127.0.0.1:{self.server_port}/v1"
        return self, LlmSettings(url, Secret("sk-very-secret"), "small")

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers, body))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        message = {"role": "assistant", "content": "hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}
        refused = {"error": {"message": f"Incorrect API key: {self.headers['authorization']}"}}
        content = json.dumps(whole if status == 200 else refused).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("retry-after-ms", "1")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_): ...


async def test_the_configured_endpoint_is_asked_with_key_and_model():
    with Service() as (service, settings):
        result = await Agent(model_from_settings(settings)).run("hi")
    assert result.output == "hello"
    path, headers, body = service.asked[0]
    assert (path, headers["authorization"], body["model"]) == (
        "/v1/chat/completions",
        "Bearer sk-very-secret",
        "small",
    )


async def test_another_model_may_be_named():
    with Service() as (service, settings):
        await Agent(model_from_settings(settings, "large")).run("hi")
    assert service.asked[0][2]["model"] == "large"


async def test_a_passing_fault_is_retried_and_not_for_ever():
    with Service(503, 429) as (service, settings):
        assert (await Agent(model_from_settings(settings)).run("hi")).output == "hello"
        assert len(service.asked) == 3
    with Service(*[503] * 9) as (service, settings):
        with pytest.raises(theirs.AgentRunError):
            await Agent(model_from_settings(settings)).run("hi")
        assert len(service.asked) == 1 + model_module.MAX_RETRIES


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, LlmRefusedError), (404, LlmRefusedError), (429, LlmThrottledError), (500, LlmUnavailableError)],
)
async def test_each_fault_has_its_error_which_repeats_no_key(status, error):
    with Service(*[status] * 9) as (_, settings), pytest.raises(theirs.AgentRunError) as caught:
        await Agent(model_from_settings(settings)).run("hi")
    found = llm_error_from(caught.value)
    assert type(found) is error
    assert "sk-very-secret" not in found.message + found.repair
    assert str(status) in found.message


async def test_a_service_that_is_not_there_is_unavailable():
    settings = LlmSettings("http://127.0.0.1:9/v1", Secret("k"), "small")
    with pytest.raises(theirs.AgentRunError) as caught:
        await Agent(model_from_settings(settings)).run("hi")
    assert type(llm_error_from(caught.value)) is LlmUnavailableError


def test_what_a_model_babbles_is_an_output_error():
    assert type(llm_error_from(theirs.UnexpectedModelBehavior("x"))) is LlmOutputError


def test_without_a_model_the_error_says_how_to_set_one():
    with pytest.raises(LlmNotConfiguredError) as caught:
        model_from_settings(None)
    assert "FUJIE_LLM_BASE_URL" in caught.value.repair
