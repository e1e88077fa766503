"""What the page on A2A shows is what is answered."""

import re
from dataclasses import replace

import httpx2
import pytest

from functions.process.app import create_app
from tests.agents.doubles import SUNNY
from tests.contract.exchanges import documented, neutral, on_several_lines
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import ID_TOKEN

HEADERS = {"authorization": f"Bearer {ID_TOKEN}", "a2a-version": "1.0"}
MESSAGE = {"messageId": "q1", "contextId": "s1", "role": "ROLE_USER", "parts": [{"text": "What is the weather?"}]}
OLD = {
    "kind": "message",
    "messageId": "q1",
    "contextId": "s1",
    "role": "user",
    "parts": [{"kind": "text", "text": "hi"}],
}
_TIMESTAMP = re.compile(r'("timestamp": ?)"[^"]*"')


async def called(made, method, params, **headers):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return (await made.client.post("/a2a", json=body, headers=HEADERS | headers)).text


async def stream():
    made = world([("get_weather", {"city": "Hangzhou"})], "25 °C", get_weather=SUNNY)
    return await called(made, "SendStreamingMessage", {"message": MESSAGE})


async def pause():
    made = waiting_world("it is noon").made
    answer = await made.client.post("/a2a/message:send", json={"message": MESSAGE}, headers=HEADERS)
    return on_several_lines(answer.text)


async def old():
    return await called(world("hello you"), "message/stream", {"message": OLD}, **{"a2a-version": "0.3"})


async def refused():
    return on_several_lines(await called(world(), "GetTask", {"id": "somebody-elses"}))


async def card():
    app = create_app(replace(world().parts, public_url="https://agents.example"))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://agents.example")
    return on_several_lines((await client.get("/.well-known/agent-card.json")).text)


def without_times(text):
    return _TIMESTAMP.sub(r'\1"now"', text)


@pytest.mark.parametrize("exchange", [stream, pause, old, refused, card])
async def test_the_documented_exchange_is_what_is_answered(exchange):
    assert without_times(documented("a2a.md", exchange.__name__)) == without_times(neutral(await exchange()))
