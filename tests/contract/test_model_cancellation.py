"""Whoever cancels a run ends the request to the model with it, whatever the model still writes."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import httpx2
import openai
import pytest

from fujie.agents.app import AgentApp
from fujie.agents.making import runner_for
from fujie.agents.runs import RunService
from fujie.agents.transient import TransientRuns
from fujie.protocols.agentscope.decode import Decoder
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from fujie.settings import LlmSettings
from tests.agents.calling import question
from tests.agents.doubles import FakeTools
from tests.contract.both_worlds import World
from tests.contract.streaming_asgi import StreamingASGI

CHUNK = {
    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Well"}, "finish_reason": None}],
}  # fmt: skip
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Model:
    """A model at a socket that never ends its answer, and notices when its caller goes away."""

    def __init__(self, *, speaks):
        self.speaks = speaks
        self.asked, self.left = asyncio.Event(), asyncio.Event()
        self.url = ""

    async def serve(self, reader, writer):
        with suppress(ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.partition(b":")[2]))
            if self.speaks:
                frame = f"data: {json.dumps(CHUNK)}\n\n".encode()
                writer.write(HEAD + f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                await writer.drain()
            self.asked.set()
            await reader.read()
        self.left.set()
        writer.close()


@asynccontextmanager
async def model(*, speaks):
    made = Model(speaks=speaks)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()


def shipped(url):
    """Return what answers where the agent has instructions alone."""
    return runner_for(AgentApp("Fujie"), LlmSettings(url, Secret("any"), "m"))


def own(url):
    """Return a developer's function that asks the model with its official client."""
    app = AgentApp("Fujie")

    @app.query
    async def answer(msgs):
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            said = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            async for chunk in said:
                yield chunk.choices[0].delta.content

    return app.own.runner


def kept(runner):
    return World(RunService(MemoryStore(), runner, FakeTools(), agent="Fujie"), None)


def unkept(runner):
    return World(TransientRuns(runner, agent="Fujie", timeout_s=60.0), None)


async def leave(made, asked):
    """Go away in the middle of the answer."""
    headers = {"authorization": "Bearer alice"}
    async with (
        httpx2.AsyncClient(transport=StreamingASGI(made.app), base_url="http://agent", headers=headers) as http,
        http.stream("POST", "/process", json=question("hi")) as answer,
    ):
        await asked.wait()
        assert answer.status_code == 200


async def stop(made, asked):
    """Use AgentScope's own way."""
    answering = asyncio.create_task(made.post("/process", question("hi", session_id="s")))
    await asked.wait()
    assert (await made.post("/process/stop", {"session_id": "s"})).json()["status"] == "canceled"
    assert Decoder().feed((await answering).text)[-1]["status"] == "canceled"


async def cancel_task(made, asked):
    """Use A2A's."""
    message = {"messageId": "q", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    body = {"message": message, "configuration": {"returnImmediately": True}}
    task = (await made.post("/a2a/message:send", body, **{"a2a-version": "1.0"})).json()["task"]
    await asked.wait()
    canceled = await made.post(f"/a2a/tasks/{task['id']}:cancel", {}, **{"a2a-version": "1.0"})
    assert canceled.json()["status"]["state"] == "TASK_STATE_CANCELED"


@pytest.mark.parametrize("how", [leave, stop, cancel_task])
@pytest.mark.parametrize("keep", [kept, unkept])
@pytest.mark.parametrize("agent", [shipped, own])
@pytest.mark.parametrize("speaks", [True, False], ids=["in the middle of its words", "before its first word"])
async def test_a_cancellation_closes_the_request_to_the_model(speaks, agent, keep, how):
    async with model(speaks=speaks) as scripted:
        made = keep(agent(scripted.url))
        async with asyncio.timeout(60):
            await how(made, scripted.asked)
            await scripted.left.wait()
