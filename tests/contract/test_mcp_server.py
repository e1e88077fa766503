"""The agent as an MCP tool, called by the official client, unmodified, in the current revision and in earlier ones."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace

import httpx2
import mcp_types
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.errors import StepLimitError
from fujie.agents.runner import ToolCall
from fujie.agents.serving import mcp
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RunPaused,
    TextDelta,
    TextEnded,
    TextStarted,
)
from tests.agents.doubles import SUNNY, eventually
from tests.contract.runtime_world import waiting_world, world
from tests.contract.streaming_asgi import StreamingASGI
from tests.functions.process_world import BOB, ID_TOKEN, Connection

MODERN, LEGACY = "2026-07-28", "legacy"
ERAS = [MODERN, LEGACY]
ISSUER = "http://issuer.example"
BEARER = {"authorization": f"Bearer {ID_TOKEN}"}


@asynccontextmanager
async def connected(made, mode, *, headers=BEARER, **options):
    """The official client: what it is sent arrives piece by piece, and it goes away when it likes."""
    async with (
        httpx2.AsyncClient(transport=StreamingASGI(made.app), headers=headers, timeout=5) as http,
        Client(streamable_http_client("http://127.0.0.1:8080/mcp", http_client=http), mode=mode, **options) as client,
    ):
        yield client


async def call(made, mode, message="hi", *, progress=None, **options):
    session = options.pop("session_id", None)
    arguments = {"message": message} | ({"session_id": session} if session else {})
    async with connected(made, mode, **options) as client:
        (tool,) = (await client.list_tools()).tools
        return await client.call_tool(tool.name, arguments, progress_callback=progress)


def said(result):
    (block,) = result.content
    return block.text


@pytest.mark.parametrize("mode", [*ERAS, "auto"])
async def test_the_agent_is_a_tool_and_its_answer_text_and_structure(mode):
    made = world("hello you")
    async with connected(made, mode) as client:
        if mode != MODERN:  # a client that pins the revision asks nobody for a name
            assert client.server_info.name == "Fujie"
        assert client.protocol_version == ("2025-11-25" if mode == LEGACY else MODERN)
        (tool,) = (await client.list_tools()).tools
        assert (tool.name, tool.input_schema["required"]) == ("Fujie", ["message"])
        result = await client.call_tool("Fujie", {"message": "hi"})
    assert (said(result), result.is_error) == ("helloyou", False)
    told = result.structured_content
    assert (told["status"], told["answer"]) == ("completed", "helloyou")
    assert told["usage"] == {"input_tokens": 10, "output_tokens": 1}
    assert (await made.store.run(told["run_id"])).conversation_id == told["session_id"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_conversation_goes_on_with_its_session_id(mode):
    made = world("one", "two")
    first = await call(made, mode)
    await call(made, mode, "and now?", session_id=first.structured_content["session_id"])
    assert [len(step.prior) for step in made.mind.seen] == [0, 1]


@pytest.mark.parametrize("mode", ERAS)
async def test_progress_tells_of_thoughts_tools_and_the_answer_as_it_comes(mode):
    made = world(
        (ReasoningStarted("r"), ReasoningDelta("r", "hm"), ReasoningEnded("r"), ToolCall("call_1", "get_weather", {})),
        (TextStarted("m"), TextDelta("m", "It is sunny. " * 8), TextDelta("m", "Bye."), TextEnded("m")),
        get_weather=SUNNY,
    )
    seen = []

    async def progress(value, _total, message):
        seen.append((value, message))

    result = await call(made, mode, progress=progress)
    assert [value for value, _ in seen] == [1, 2, 3, 4, 5]
    assert [message for _, message in seen] == [
        "thinking", "calling get_weather", "get_weather answered", "It is sunny. " * 8, "Bye.",
    ]  # fmt: skip
    assert said(result) == "It is sunny. " * 8 + "Bye."


@pytest.mark.parametrize("mode", ERAS)
async def test_an_error_before_or_after_the_first_token_is_the_result(mode):
    for step in (StepLimitError("in a circle"), (TextDelta("m", "Hel"), StepLimitError("in a circle"))):
        result = await call(world(step), mode)
        assert result.is_error
        assert said(result) == "in a circle (step_limit)"
        assert result.structured_content["error"]["code"] == "step_limit"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_call_that_cannot_begin_is_told_to_the_model(mode):
    made = world("one", "to bob")
    first = await call(made, mode)
    async with connected(made, mode) as client:
        empty = await client.call_tool("Fujie", {"message": " "})
        assert (empty.is_error, said(empty)) == (True, "message must say something")
        unknown = await client.call_tool("Fujie", {"message": "x", "user_id": "mallory"})
        assert unknown.is_error
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("other", {"message": "x"})
    headers = await made.bearer(user=BOB)
    session_id = first.structured_content["session_id"]
    body = modern("tools/call", name="Fujie", arguments={"message": "x", "session_id": session_id})
    result = (await post(made, body, headers=headers)).json()["result"]
    assert (result["isError"], result["structuredContent"]["session_id"]) == (False, session_id), "it is his own"
    assert len(made.mind.seen[-1].prior) == 0


@pytest.mark.parametrize("mode", ERAS)
async def test_a_call_that_is_canceled_stops_its_run(mode):
    made = world(asyncio.Event().wait)
    async with connected(made, mode) as client:
        calling = asyncio.create_task(client.call_tool("Fujie", {"message": "x"}))
        await eventually(lambda: _running(made))
        calling.cancel()
        await asyncio.wait([calling])
        await eventually(lambda: _status(made, "canceled"))


async def _running(made):
    return bool(made.mind.seen)


async def _status(made, status):
    return [run.status for run in made.store._runs.values()] == [status]


@pytest.mark.parametrize(("era", "status"), [("modern", "canceled"), ("legacy", "completed")])
async def test_going_away_cancels_a_call_in_the_current_revision_and_not_in_an_earlier_one(era, status):
    go_on = asyncio.Event()
    made = world((go_on.wait, TextDelta("m", "done")))
    params = {"name": "Fujie", "arguments": {"message": "x"}}
    body, headers = (
        (modern("tools/call", **params), MODERN_HEADERS | {"mcp-name": "Fujie"})
        if era == "modern"
        else (legacy("tools/call", **params), LEGACY_HEADERS)
    )
    connection = Connection(made.app, "/mcp", json.dumps(body).encode(), headers)
    await eventually(lambda: _running(made))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    go_on.set()
    await eventually(lambda: _status(made, status))


# Consent


class Person:
    """Opens, or does not open, the address that the client shows him."""

    def __init__(self, waiting, action="accept", settles="completed", wakes=True):
        self.waiting = waiting
        self.action = action
        self.settles = settles
        self.wakes = wakes
        self.shown = []

    async def __call__(self, _context, params):
        self.shown.append(params)
        if self.action == "accept":
            await self.waiting.settle(self.settles)
            if self.wakes:
                await self.waiting.wake()
        return mcp_types.ElicitResult(action=self.action)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("settled", ["completed", "denied", "expired"])
async def test_the_client_opens_the_address_and_the_same_call_goes_on(mode, settled):
    waiting = waiting_world("so it is")
    person = Person(waiting, settles=settled, wakes=mode == LEGACY)
    result = await call(waiting.made, mode, elicitation_callback=person)
    (shown,) = person.shown
    assert (shown.mode, shown.url) == ("url", "http://localhost/connect/c1")
    assert shown.message == "Time: allow get_time to read the time. To tell the time."
    assert (said(result), result.is_error) == ("soitis", False)
    assert result.structured_content["run_id"] == waiting.run_id


@pytest.mark.parametrize("mode", ERAS)
async def test_a_call_waits_while_the_person_is_still_at_the_page(mode):
    waiting = waiting_world("so it is")
    at_the_page = asyncio.Event()

    async def only_accept(_context, _params):
        at_the_page.set()
        return mcp_types.ElicitResult(action="accept")

    calling = asyncio.create_task(call(waiting.made, mode, elicitation_callback=only_accept))
    await at_the_page.wait()
    await waiting.settle("completed")
    await waiting.wake()
    assert said(await calling) == "soitis"


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_who_does_not_open_the_address_ends_the_run(mode, action):
    waiting = waiting_world("never")
    result = await call(waiting.made, mode, elicitation_callback=Person(waiting, action=action))
    assert (result.is_error, result.structured_content["status"]) == (True, "canceled")
    assert len(waiting.made.tools.calls) == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_opens_no_addresses_gets_the_address_in_words(mode):
    waiting = waiting_world("so it is", "indeed")
    result = await call(waiting.made, mode)
    assert not result.is_error
    assert "http://localhost/connect/c1" in said(result)
    told = result.structured_content
    assert told["status"] == "authorization_required"
    assert told["authorizations"][0]["connect_url"] == "http://localhost/connect/c1"
    busy = await call(waiting.made, mode, session_id=told["session_id"])
    assert busy.structured_content["error"]["code"] == "conflict"
    await waiting.settle("completed")
    await waiting.wake()
    assert said(await call(waiting.made, mode, session_id=told["session_id"])) == "indeed"


# On the wire


META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
}
MODERN_HEADERS = BEARER | {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": MODERN,
    "mcp-method": "tools/call",
}
LEGACY_HEADERS = BEARER | {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
    "mcp-session-id": "url-s1",
}


def modern(method, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params | {"_meta": META}}


def legacy(method, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


async def post(made, body, **options):
    headers = {"mcp-protocol-version": MODERN, "mcp-method": body["method"]} | options.pop("headers", BEARER)
    if "name" in body.get("params", {}):
        headers |= {"mcp-name": body["params"]["name"]}
    return await made.client.post("/mcp", json=body, headers=headers, **options)


async def test_a_state_is_worth_nothing_to_others_nor_with_another_question():
    waiting = waiting_world("never")
    asked = modern("tools/call", name="Fujie", arguments={"message": "time?"})
    paused = (await post(waiting.made, asked)).json()["result"]
    assert paused["resultType"] == "input_required"
    again = asked | {"id": 8, "params": asked["params"] | {"requestState": paused["requestState"]}}
    foreign = await post(waiting.made, again, headers=await waiting.made.bearer(user=BOB))
    assert foreign.json()["result"]["structuredContent"]["error"]["code"] == "forbidden"
    other = again | {"params": again["params"] | {"arguments": {"message": "something else"}}}
    for body, words in (
        (other, "another call"),
        (again | {"params": again["params"] | {"requestState": "x"}}, "none of ours"),
    ):
        answer = await post(waiting.made, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)
        assert words in answer.json()["error"]["message"]


async def test_a_broken_stream_of_an_earlier_revision_is_read_on_anywhere():
    made = world("hello you")
    asked = legacy("tools/call", name="Fujie", arguments={"message": "hi"})
    whole = await made.client.post("/mcp", json=asked, headers=LEGACY_HEADERS)
    frames = whole.text.split("\n\n")[:-1]
    assert [frame.split("\n")[1][:6] for frame in frames] == ["data: "] * len(frames)
    for seen in range(len(frames) - 1):
        last = frames[seen].split("\n")[0].removeprefix("id: ")
        rest = await made.client.get("/mcp", headers=LEGACY_HEADERS | {"last-event-id": last})
        assert rest.text.split("\n\n")[:-1] == frames[seen + 1 :]
    foreign = await made.client.get(
        "/mcp", headers=LEGACY_HEADERS | await made.bearer(user=BOB) | {"last-event-id": last}
    )
    assert foreign.status_code == 403
    assert (await made.client.get("/mcp", headers=LEGACY_HEADERS | {"last-event-id": "x"})).status_code == 400
    assert (await made.client.get("/mcp", headers=LEGACY_HEADERS)).status_code == 405
    assert (await made.client.delete("/mcp", headers=LEGACY_HEADERS)).status_code == 405


BAD = [
    (b"{", {}, 400, -32700),
    (b"[]", {}, 400, -32600),
    (b'{"jsonrpc":"2.0","id":[],"method":"ping"}', {}, 400, -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":[]}', {}, 400, -32600),
    (json.dumps(modern("tools/list")), {"mcp-method": "tools/call"}, 400, -32020),
    (json.dumps(modern("tools/list")), {"mcp-protocol-version": "2025-11-25", "mcp-method": "tools/list"}, 200, None),
    (json.dumps(modern("nothing")), {"mcp-method": "nothing"}, 404, -32601),
    (json.dumps(legacy("nothing")), {"mcp-protocol-version": "2025-06-18"}, 200, -32601),
    (json.dumps(legacy("tools/list")), {"mcp-method": "tools/list"}, 400, -32602),
    (json.dumps(modern("tools/call", name="other")), {"mcp-method": "tools/call", "mcp-name": "Fujie"}, 400, -32020),
    (json.dumps(modern("tools/call")), {"mcp-method": "tools/call"}, 400, -32602),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status", "code"), BAD)
async def test_what_is_wrong_is_said_in_json_rpc_with_the_status_that_goes_with_it(body, headers, status, code):
    answer = await world().client.post(
        "/mcp", content=body, headers=BEARER | {"mcp-protocol-version": MODERN} | headers
    )
    told = answer.json()
    assert (answer.status_code, told.get("error", {}).get("code")) == (status, code)
    (mcp_types.JSONRPCError if code else mcp_types.JSONRPCResponse).model_validate(told)


async def test_an_unknown_revision_is_told_the_known_ones():
    body = modern("tools/list")
    body["params"]["_meta"] = META | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    headers = BEARER | {"mcp-protocol-version": "2099-01-01", "mcp-method": "tools/list"}
    answer = await world().client.post("/mcp", json=body, headers=headers)
    assert answer.json()["error"]["code"] == -32022
    assert answer.json()["error"]["data"] == {
        "supported": ["2026-07-28", "2025-11-25", "2025-06-18"],
        "requested": "2099-01-01",
    }


async def test_an_earlier_client_gets_the_revision_it_asks_for_or_our_newest_of_its_kind():
    for asked, given in (("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2024-11-05", "2025-11-25")):
        body = legacy("initialize", protocolVersion=asked, capabilities={}, clientInfo={"name": "c", "version": "1"})
        answer = await world().client.post("/mcp", json=body, headers=BEARER)
        assert answer.json()["result"]["protocolVersion"] == given
        assert answer.headers["mcp-session-id"]


# Who may ask


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x.y.z"}])
async def test_without_a_token_a_client_is_led_to_where_tokens_come_from(headers):
    made = world(issuer=ISSUER)
    refused = await post(made, modern("tools/list"), headers=headers)
    assert refused.status_code == 401
    address = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
    assert address == "http://process/.well-known/oauth-protected-resource/mcp"
    told = (await made.client.get(address)).json()
    assert (told["resource"], told["authorization_servers"]) == ("http://process/mcp", [ISSUER])


@pytest.mark.parametrize(
    ("public_url", "origin", "status"),
    [
        ("https://agents.example", "https://agents.example", 200),
        ("https://agents.example", "https://evil.example", 403),
        ("https://agents.example", "http://localhost:3000", 403),
        ("https://agents.example", "null", 403),
        ("http://localhost:8090", "http://127.0.0.1:6274", 200),
        ("", "http://localhost:6274", 200),
        ("", "http://evil.example", 403),
        ("", "http://[bad", 403),
    ],
)  # fmt: skip
async def test_a_page_of_another_origin_may_not_ask(public_url, origin, status):
    made = world(public_url=public_url)
    answer = await post(made, modern("tools/list"), headers=BEARER | {"origin": origin, "host": "evil.example"})
    assert answer.status_code == status


@pytest.mark.parametrize("mode", ERAS)
async def test_an_app_of_its_own_is_a_tool_too(mode):
    app = AgentApp("Friday 2", "Helps.", config=AgentConfig(open_access=True))

    @app.query(framework="text")
    async def query(self, msgs, request=None, **kwargs):
        yield "Hello"

    async with connected(SimpleNamespace(app=app), mode, headers={}) as client:
        (tool,) = (await client.list_tools()).tools
        assert (tool.name, tool.title, tool.description) == ("Friday_2", "Friday 2", "Helps.")
        assert said(await client.call_tool(tool.name, {"message": "hi"})) == "Hello"


async def test_a_call_that_nobody_answers_in_time_asks_again():
    waiting = waiting_world(patience_s=0.01)
    asked = modern("tools/call", name="Fujie", arguments={"message": "time?"})
    first = (await post(waiting.made, asked)).json()["result"]
    state = {"requestState": first["requestState"], "inputResponses": {"c1": {"action": "accept"}}}
    again = asked | {"id": 8, "params": asked["params"] | state}
    assert (await post(waiting.made, again)).json()["result"] == first


async def test_a_stream_that_nobody_answers_in_time_ends_with_the_address_in_words(monkeypatch):
    async def until_the_pause(events, _patience_s):
        async with aclosing(events):
            async for event in events:
                yield event
                if isinstance(event, RunPaused):
                    return

    monkeypatch.setattr(mcp, "patiently", until_the_pause)
    body = legacy("tools/call", name="Fujie", arguments={"message": "time?"})
    answer = await waiting_world().made.client.post("/mcp", json=body, headers=LEGACY_HEADERS)
    messages = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    assert [message.get("method") for message in messages] == ["elicitation/create", None]
    assert messages[-1]["result"]["structuredContent"]["status"] == "authorization_required"
