"""The pages on AG-UI and MCP show what is answered: each exchange is made again and compared."""

from fujie.agents.runner import ToolCall
from fujie.protocols.events import ReasoningDelta, ReasoningEnded, ReasoningStarted, TextDelta, TextEnded, TextStarted
from tests.agents.doubles import SUNNY
from tests.contract.exchanges import documented, neutral, on_several_lines
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import ID_TOKEN
from tests.protocols.ag_ui_rules import read, run_input

BEARER = {"authorization": f"Bearer {ID_TOKEN}"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
    "progressToken": 1,
}
HEADERS = BEARER | {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "Fujie",
}


async def ag_ui_exchanges():
    waiting = waiting_world((TextStarted("m"), TextDelta("m", "It is "), TextDelta("m", "noon."), TextEnded("m")))
    paused = await waiting.made.client.post("/ag-ui", content=run_input(), headers=BEARER)
    (interrupt,) = read(paused.text).events[-1]["outcome"]["interrupts"]
    await waiting.settle("completed")
    entry = {"interruptId": interrupt["id"], "status": "resolved"}
    resumed = await waiting.made.client.post("/ag-ui", content=run_input(runId="r2", resume=[entry]), headers=BEARER)
    return {"interrupt": paused.text, "resume": resumed.text}


async def call(made, message, **headers):
    params = {"name": "Fujie", "arguments": {"message": message}, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return (await made.client.post("/mcp", json=body, headers=HEADERS | headers)).text


async def mcp_exchanges():
    thought = (ReasoningStarted("r"), ReasoningDelta("r", "hm"), ReasoningEnded("r"))
    told = (TextStarted("m"), TextDelta("m", "25 "), TextDelta("m", "°C"), TextEnded("m"))
    made = world((*thought, ToolCall("call_1", "get_weather", {"city": "Hangzhou"})), told, get_weather=SUNNY)
    asked = await call(waiting_world().made, "What time is it?", accept="application/json")
    return {"call": await call(made, "How warm is it in Hangzhou?"), "input-required": on_several_lines(asked)}


async def test_the_page_on_ag_ui_shows_what_is_answered():
    for name, text in (await ag_ui_exchanges()).items():
        assert documented("ag-ui.md", name) == neutral(text)


async def test_the_page_on_mcp_shows_what_is_answered():
    for name, text in (await mcp_exchanges()).items():
        assert documented("mcp.md", name) == neutral(text)
