"""What the page on AgentScope's protocol shows is what is answered."""

import pytest

from tests.agents.doubles import SUNNY, eventually
from tests.contract.exchanges import documented, neutral, on_several_lines
from tests.contract.runtime_world import waiting_world, world

ID = "response_0e974e24-0000-4000-8000-00000000abcd"
QUESTION = {"input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "session_id": "s1", "id": ID}


async def posted(made, path="/process", **fields):
    return (await made.client.post(path, json=QUESTION | fields, headers=await made.bearer())).text


def with_a_tool():
    return world([("get_weather", {"city": "Hangzhou"})], "25 °C", get_weather=SUNNY)


async def stream():
    return await posted(with_a_tool())


async def resumed():
    made = with_a_tool()
    await posted(made)
    headers = await made.bearer() | {"last-event-id": "14"}
    return (await made.client.get(f"/process/{ID}/events", headers=headers)).text


async def pause():
    return on_several_lines(await posted(waiting_world().made, stream=False))


async def task():
    made = with_a_tool()
    submitted = await posted(made, "/process/task")
    states = []

    async def finished():
        path = f"/process/task/{ID.removeprefix('response_')}"
        states.append((await made.client.get(path, headers=await made.bearer())).text)
        return '"finished"' in states[-1]

    await eventually(finished)
    return f"{submitted}\n{states[-1]}"


@pytest.mark.parametrize("exchange", [stream, resumed, pause, task])
async def test_the_documented_exchange_is_what_is_answered(exchange):
    assert documented("agentscope.md", exchange.__name__) == neutral(await exchange())
