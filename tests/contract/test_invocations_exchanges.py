"""What the page on /invocations shows is what is answered."""

import json
import re

import pytest
import websockets

from tests.agents.doubles import SUNNY
from tests.contract.exchanges import documented, neutral, on_several_lines
from tests.contract.openai_world import served
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import ID_TOKEN

PERSON = {"authorization": f"Bearer {ID_TOKEN}"}


def with_a_tool():
    return world([("get_weather", {"city": "Hangzhou"})], "25 °C", get_weather=SUNNY)


async def posted(made, payload):
    return (await made.client.post("/invocations", json=payload, headers=PERSON)).text


async def stream():
    return await posted(with_a_tool(), {"prompt": "What is the weather in Hangzhou?"})


async def whole():
    return on_several_lines(await posted(with_a_tool(), {"prompt": "Weather?", "stream": False, "session_id": "s1"}))


async def pause():
    return on_several_lines(await posted(waiting_world().made, {"prompt": "time?", "stream": False}))


async def ping():
    told = (await with_a_tool().client.get("/ping")).text
    return re.sub(r'"timestamp":"[^"]+"', '"timestamp":"2026-11-21T12:00:00+00:00"', told)


async def socket():
    made = with_a_tool()
    async with served(made.app) as url:
        address = f"{url.replace('http', 'ws')}/ws"
        async with websockets.connect(address, additional_headers=PERSON) as opened:
            await opened.send('{"prompt": "What is the weather in Hangzhou?"}')
            told = [await opened.recv()]
            while json.loads(told[-1]) != {"type": "run_ended", "status": "completed"}:
                told.append(await opened.recv())
    return "\n".join(told)


@pytest.mark.parametrize("exchange", [stream, whole, pause, ping, socket], ids=lambda exchange: exchange.__name__)
async def test_the_documented_exchange_is_what_is_answered(exchange):
    found = re.sub(r'("time_of_last_update":)\d+', r"\g<1>0", neutral(await exchange()))
    shown = documented("invocations.md", exchange.__name__)
    assert re.sub(r'("time_of_last_update":)\d+', r"\g<1>0", shown) == found
