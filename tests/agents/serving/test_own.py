"""The developer's own endpoints: how long they may take, and what of Starlette's they may give."""

import asyncio

import pytest
from fastapi import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse

from fujie.agents.app import AgentApp
from fujie.agents.compat import BedrockAgentCoreApp
from fujie.agents.config import AgentConfig
from tests.agents.calling import client, question


def agent(**config):
    return AgentApp("Friday", config=AgentConfig(open_access=True, **config))


async def test_an_endpoint_that_takes_too_long_is_ended_and_says_so():
    app, ended = agent(timeout_s=0.01), []

    @app.endpoint("/slow")
    async def slow():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    @app.endpoint("/stream")
    async def stream():
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended.append("stream")

    async with client(app) as http:
        answer = await http.post("/slow", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "run_timeout")
        told = (await http.post("/stream", json={})).text
    assert told.startswith('data: "first"')
    assert "it took longer than 0.01 s" in told
    assert ended == ["slow", "stream"]


async def test_a_response_is_sent_as_it_is_and_an_http_exception_in_fastapis_form():
    app = agent()

    @app.endpoint("/made")
    async def made():
        return JSONResponse({"made": 1}, status_code=201, headers={"x-made": "yes"})

    @app.endpoint("/away")
    async def away():
        raise HTTPException(404, {"no": "such thing"}, headers={"x-why": "gone"})

    async with client(app) as http:
        answer = await http.post("/made", json={})
        assert (answer.status_code, answer.json(), answer.headers["x-made"]) == (201, {"made": 1}, "yes")
        answer = await http.post("/away", json={})
        assert (answer.status_code, answer.json()) == (404, {"detail": {"no": "such thing"}})
        assert answer.headers["x-why"] == "gone"


async def _pieces():
    yield "a"
    yield "b"


@pytest.mark.parametrize(
    ("gives", "status", "text"),
    [
        (lambda: JSONResponse({"error": "no such thing"}, status_code=404), 404, '{"error":"no such thing"}'),
        (lambda: PlainTextResponse("made", status_code=201), 201, "made"),
        (lambda: StreamingResponse(_pieces()), 200, "ab"),
    ],
)
async def test_an_entrypoints_response_is_sent_as_it_is_with_the_runs_ids(gives, status, text):
    app = BedrockAgentCoreApp()

    @app.entrypoint
    def answer(payload):
        return gives()

    async with client(app) as http:
        answered = await http.post("/invocations", json={"prompt": "hi"})
    assert (answered.status_code, answered.text) == (status, text)
    assert answered.headers["x-fujie-run-id"]


async def test_an_entrypoints_http_exception_is_its_status_and_ends_the_run_in_every_other_protocol():
    app = BedrockAgentCoreApp()

    @app.entrypoint
    def answer(payload):
        raise HTTPException(422, "say more")

    async with client(app) as http:
        answered = await http.post("/invocations", json={"prompt": "hi"})
        assert (answered.status_code, answered.json()["error"]) == (422, "say more")
        told = (await http.post("/process", json=question("hi"))).text
    assert '"code":"http_422","message":"say more"' in told


async def test_elsewhere_an_entrypoints_response_is_the_value_in_it():
    app = BedrockAgentCoreApp()

    @app.entrypoint
    def answer(payload):
        return JSONResponse({"temperature": 25})

    async with client(app) as http:
        told = (await http.post("/process", json=question("hi"))).text
    assert '"temperature":25' in told.replace(" ", "")
