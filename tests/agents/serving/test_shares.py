"""No user holds all of an agent's open requests or runs: his share ends where another would find no room."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fujie.agents import bounds
from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.errors import TooBusyError
from fujie.agents.port import Principal
from fujie.agents.runs import RunService
from fujie.agents.serving.shares import HELD, FairInbound
from fujie.agents.transient import TransientRuns
from fujie.errors import FujieError
from fujie.identity.rows import User
from fujie.sessions.memory import MemoryStore
from tests.agents.calling import client, question
from tests.agents.doubles import BOB, FakeTools, alice, asked
from tests.contract.both_worlds import Doorman

MESSAGE = {"messageId": "q", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
CALL = {"name": "Fair", "arguments": {"message": "hi"}}
AG_UI = {
    "threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {},
    "messages": [{"id": "m", "role": "user", "content": "hi"}],
}  # fmt: skip
ASKS = {
    "/process": question("hi"),
    "/process/task": question("hi"),
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"input": "hi"},
    "/a2a": {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": MESSAGE}},
    "/a2a/message:send": {"message": MESSAGE},
    "/ag-ui": AG_UI,
    "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL},
    "/invocations": {"prompt": "hi"},
    "/extra": {},
    "/long": {},
}


class Agent:
    """An agent for four requests at once, whose function waits until it is told to go on."""

    def __init__(self):
        self.go, self.begun = asyncio.Event(), 0
        self.app = AgentApp("Fair", config=AgentConfig(max_open_requests=4), inbound=Doorman())
        self.app.query(self.answer)
        self.app.endpoint("/extra")(self.extra)
        self.app.task("/long")(self.extra)

    async def answer(self, msgs):
        self.begun += 1
        await self.go.wait()
        yield "done"

    async def extra(self, request):
        return {}

    async def ask(self, path="/process", who="alice"):
        headers = {"a2a-version": "1.0"} if path.startswith("/a2a") else {}
        async with client(self.app, authorization=f"Bearer {who}", **headers) as http:
            return await http.post(path, json=ASKS[path])


@asynccontextmanager
async def held(agent, number):
    """Hold so many of alice's requests open."""
    asking = [asyncio.create_task(agent.ask()) for _ in range(number)]
    while agent.begun < number:
        await asyncio.sleep(0)
    yield
    agent.go.set()
    assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}


@pytest.mark.parametrize("path", ASKS)
async def test_beyond_his_share_a_user_hears_when_to_come_again_in_each_protocols_words(path):
    agent = Agent()
    async with held(agent, 2):
        refused = await agent.ask(path)
        assert refused.status_code == 429, refused.text
        assert refused.headers["retry-after"] == "1"
        assert "as many of your requests are open as may be" in refused.text
        if path.startswith("/v1"):
            assert refused.json()["error"]["code"] == "rate_limited"
        others = asyncio.create_task(agent.ask(who="bob"))
        while agent.begun < 3:
            await asyncio.sleep(0)
    assert (await others).status_code == 200
    assert (await agent.ask()).status_code == 200, "what was held is given back"


async def test_the_more_the_others_hold_the_smaller_is_a_share():
    class Named(Doorman):
        async def admit(self, headers):
            return Principal(User("default", headers["who"], ""), "")

    inbound, admitted = FairInbound(Named(), 12), {}
    for who in "abc" * 12:
        HELD.set({})
        try:
            await inbound.admit({"who": who})
        except FujieError:
            continue
        admitted[who] = admitted.get(who, 0) + 1
    assert admitted == {"a": 3, "b": 3, "c": 3}
    HELD.set({})
    await inbound.admit({"who": "new"})


async def test_one_request_counts_once_however_often_it_is_admitted():
    inbound = FairInbound(Doorman(), 2)
    HELD.set(mine := {})
    for _ in range(5):
        await inbound.admit({"authorization": "Bearer alice"})
    assert len(mine) == 1


@pytest.mark.parametrize("make", [RunService, TransientRuns])
async def test_nor_all_of_the_runs_that_nobody_listens_to(make, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_AT_WORK", 4)
    agent = Agent()
    runner = agent.app.own.runner
    runs = (
        RunService(MemoryStore(), runner, FakeTools(), agent="Fair")
        if make is RunService
        else TransientRuns(runner, agent="Fair", timeout_s=10.0)
    )
    for _ in range(2):
        runs.background(await runs.start(alice(), asked("hi")))
    await asyncio.sleep(0)
    with pytest.raises(TooBusyError) as busy:
        await runs.start(alice(), asked("hi"))
    assert busy.value.retry_after_s == 1
    await runs.start(Principal(BOB, ""), asked("hi"))
    await runs.close()


@pytest.mark.parametrize("path", ASKS)
async def test_nobody_reads_the_body_of_a_stranger(path):
    sent = []

    async def receive():
        raise AssertionError("the body was asked for")

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"agent"), (b"content-type", b"application/json"), (b"a2a-version", b"1.0")]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await Agent().app(scope, receive, send)
    assert sent[0]["status"] == 401
