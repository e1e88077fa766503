"""Strangers at the agent's doors: with a key of their own and the ids of somebody else's run, or with no key at all."""

import asyncio
import hashlib
import json

import pytest

from fujie import AgentApp
from fujie.agents.config import AgentConfig
from tests.agents.calling import alive, client, question

ALICE, MALLORY = "alice-key", "mallory-key"
SECRET = "alice-asks-and-is-told-this"
HASHES = [hashlib.sha256(key.encode()).hexdigest() for key in (ALICE, MALLORY)]
UNKNOWN = "0e974e24-0000-4000-8000-00000000abcd"
RPC = {"jsonrpc": "2.0", "id": 1}
MCP = {"mcp-protocol-version": "2025-11-25", "accept": "application/json, text/event-stream"}
A2A = {"a2a-version": "1.0"}
AG_UI = {"messages": [{"id": "1", "role": "user", "content": "x"}], "tools": [], "context": [], "state": {}}


def rpc(method, **params):
    return "POST", "/a2a", A2A, RPC | {"method": method, "params": params}


def ways(run, session):
    """Yield every request by which a run, or the session that it is in, can be named."""
    response = f"resp_{run}"
    yield "POST", "/process", {"last-event-id": "0"}, question(id=f"response_{run}")
    yield "POST", "/process", {}, question(session_id=session)
    yield "GET", f"/process/response_{run}/events", {}, None
    yield "POST", "/process/stop", {}, {"id": f"response_{run}"}
    yield "POST", "/process/stop", {}, {"session_id": session}
    yield "GET", f"/process/task/{run}", {}, None
    yield "POST", f"/v1/chat/completions?sessionId={session}", {}, {"messages": [{"role": "user", "content": "x"}]}
    yield "GET", f"/v1/responses/{response}", {}, None
    yield "GET", f"/v1/responses/{response}?stream=true", {}, None
    yield "POST", f"/v1/responses/{response}/cancel", {}, {}
    yield "POST", "/v1/responses", {}, {"input": "x", "previous_response_id": response}
    yield "POST", "/v1/responses", {}, {"input": "x", "conversation": session}
    yield rpc("GetTask", id=run)
    yield rpc("CancelTask", id=run)
    yield rpc("SubscribeToTask", id=run)
    yield rpc("SendMessage", message={"role": "ROLE_USER", "messageId": "m", "taskId": run, "parts": [{"text": "x"}]})
    yield rpc(
        "SendMessage", message={"role": "ROLE_USER", "messageId": "m", "contextId": session, "parts": [{"text": "x"}]}
    )
    yield rpc("CreateTaskPushNotificationConfig", taskId=run, url="https://1.1.1.1/")
    yield rpc("ListTaskPushNotificationConfigs", taskId=run)
    yield rpc("DeleteTaskPushNotificationConfig", taskId=run, id="1")
    yield "GET", f"/a2a/tasks/{run}", A2A, None
    yield "POST", f"/a2a/tasks/{run}:cancel", A2A, {}
    yield "POST", f"/a2a/v1/tasks/{run}:cancel", {}, {}
    yield "POST", "/ag-ui", {}, AG_UI | {"threadId": session, "runId": "r"}
    yield "POST", "/ag-ui/connect", {}, AG_UI | {"threadId": session, "runId": run}
    resume = [{"interruptId": f"{run}.consent", "status": "cancelled"}]
    yield "POST", "/ag-ui", {}, AG_UI | {"threadId": session, "runId": "r", "resume": resume}
    yield "GET", "/mcp", MCP | {"last-event-id": f"{run}.0.WzEsbnVsbF0"}, None
    yield "POST", "/mcp", MCP, RPC | {"id": f"{run}.consent", "result": {"action": "decline"}}
    yield "POST", "/invocations", {}, {"run_id": run}
    yield "POST", "/invocations", {}, {"prompt": "x", "session_id": session}


WAYS = list(ways("{run}", "{session}"))
OWN_SESSIONS = [way for way in WAYS if "{run}" not in str(way) and "stop" not in way[1]]
"""Those that name a session alone begin one of the caller's own of that name, as with any other name."""


def filled(way, run, session):
    method, path, headers, body = json.loads(json.dumps(way).replace("{run}", run).replace("{session}", session))
    return {"method": method, "url": path, "headers": headers, "json": body}


@pytest.fixture(params=["", "kept"])
async def world(request, tmp_path):
    """Alice's run, which has said something and goes on; where runs are kept, and where they are not."""
    database = f"sqlite+aiosqlite:///{tmp_path}/runs.db" if request.param else ""
    app, go = AgentApp("Friday", config=AgentConfig(api_keys=HASHES, database_url=database)), asyncio.Event()

    @app.query(framework="text")
    async def answer(msgs):
        if msgs[-1].content[-1].text != SECRET:
            yield "nothing"
            return
        yield SECRET
        await go.wait()
        yield "end"

    async with alive(app), client(app) as http:
        alice = {"x-api-key": ALICE}
        body = question(SECRET, session_id="alices-session")
        run = (await http.post("/process/task", json=body, headers=alice)).json()["task_id"]

        async def stands():
            return (await http.get(f"/process/task/{run}", headers=alice)).json()["status"]

        while await stands() != "running":
            await asyncio.sleep(0)
        yield http, run, stands
        go.set()
        while await stands() != "finished":
            await asyncio.sleep(0)


async def test_nobody_reads_stops_or_joins_a_run_of_somebody_elses(world):
    """Hurt: Alice, whose answer would be read, stopped or sent elsewhere by who learned an id of hers."""
    http, run, stands = world
    for way in WAYS:
        asked = filled(way, run, "alices-session")
        asked["headers"]["x-api-key"] = MALLORY
        answer = await asyncio.wait_for(http.request(**asked), 5)
        assert SECRET not in answer.text, way
        if way not in OWN_SESSIONS:
            assert answer.status_code >= 400 or '"error"' in answer.text, (way, answer.status_code, answer.text)
        assert await stands() == "running", way


async def test_who_has_no_key_does_not_learn_which_ids_there_are(world):
    """Hurt: Alice, of whose runs strangers would know that there are any."""
    http, run, stands = world
    for way in WAYS:
        there, not_there = [
            await asyncio.wait_for(http.request(**filled(way, *ids)), 5)
            for ids in ((run, "alices-session"), (UNKNOWN, "another-session"))
        ]
        told = there.text.replace(run, UNKNOWN).replace("alices-session", "another-session")
        assert (there.status_code, told) == (401, not_there.text), way
    assert await stands() == "running"
