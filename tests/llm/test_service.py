"""How a service is asked over a real connection, and what its faults become."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from fujie.llm import service as module
from fujie.llm.errors import LlmOutputError, LlmRefusedError, LlmThrottledError, LlmUnavailableError
from fujie.llm.service import ChatService
from fujie.secret import Secret
from tests.llm.services import URL, chunk, sse

BODY = {"model": "small", "messages": []}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers, asked))
        status, wait = self.server.statuses.pop(0) if self.server.statuses else (200, "")
        refused = {"error": {"code": "no_luck", "message": f"your key: {self.headers['authorization']}"}}
        content = sse(chunk(content="hello")) if status == 200 else json.dumps(refused).encode()
        self.send_response(status)
        self.send_header("retry-after-ms" if wait == "1" else "retry-after", wait)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_): ...


@contextmanager
def serving(*statuses, wait="1"):
    """Serve each status in turn, and at last a word; give the requests and the service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.statuses, server.asked = [(status, wait) for status in statuses], []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.asked, ChatService(f"http://127.0.0.1:{server.server_port}/v1/", Secret("sk-very-secret"))
    finally:
        server.shutdown()
        server.server_close()


async def heard(service):
    async with service.ask(BODY) as chunks:
        return [chunk["choices"][0]["delta"]["content"] async for chunk in chunks]


async def test_the_configured_endpoint_is_asked_with_the_key():
    with serving() as (asked, service):
        assert await heard(service) == ["hello"]
    path, headers, body = asked[0]
    assert (path, headers["authorization"], body) == ("/v1/chat/completions", "Bearer sk-very-secret", BODY)


async def test_a_passing_fault_is_retried_and_not_for_ever():
    with serving(503, 429) as (asked, service):
        assert await heard(service) == ["hello"]
        assert len(asked) == 3
    with serving(*[503] * 9) as (asked, service):
        with pytest.raises(LlmUnavailableError):
            await heard(service)
        assert len(asked) == 1 + module.MAX_RETRIES


async def test_a_service_that_asks_for_too_much_patience_is_not_waited_for():
    with serving(429, wait="3600") as (asked, service):
        with pytest.raises(LlmThrottledError):
            await heard(service)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [(401, LlmRefusedError, 1), (404, LlmRefusedError, 1), (429, LlmThrottledError, 3), (500, LlmUnavailableError, 3)],
)
async def test_each_fault_has_its_error_which_names_status_and_code_and_repeats_no_key(status, error, tries):
    with serving(*[status] * 9) as (asked, service), pytest.raises(error) as caught:
        await heard(service)
    assert len(asked) == tries
    assert f"(HTTP {status}, no_luck)" in caught.value.message
    assert "sk-very-secret" not in caught.value.message + caught.value.repair


async def test_a_service_that_is_not_there_is_unavailable(monkeypatch):
    monkeypatch.setattr(module, "MAX_RETRIES", 0)
    with pytest.raises(LlmUnavailableError) as caught:
        await heard(ChatService("http://127.0.0.1:9/v1", Secret("k")))
    assert "ConnectError" in caught.value.message


async def test_a_redirect_is_not_followed_with_the_key():
    elsewhere = httpx2.MockTransport(lambda _: httpx2.Response(302, headers={"location": "http://elsewhere.example/"}))
    with pytest.raises(LlmRefusedError):
        await heard(ChatService(URL, Secret("k"), http=httpx2.AsyncClient(transport=elsewhere)))


async def test_a_line_without_end_is_not_kept():
    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b"x" * 2**20

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Endless()))
    with pytest.raises(LlmOutputError):
        await heard(ChatService(URL, Secret("k"), http=httpx2.AsyncClient(transport=transport)))


def test_the_key_is_not_in_what_is_printed():
    assert "sk-very-secret" not in repr(ChatService(URL, Secret("sk-very-secret")))
