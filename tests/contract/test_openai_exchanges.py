"""What the pages on OpenAI's APIs show is what is answered."""

import pytest

from tests.agents.doubles import SUNNY
from tests.contract.exchanges import documented, neutral, on_several_lines
from tests.contract.runtime_world import waiting_world, world

CHAT = {"model": "Fujie", "messages": [{"role": "user", "content": "hi"}]}
RESPONSE = {"model": "Fujie", "input": "hi"}


async def posted(made, path, body):
    return (await made.client.post(path, json=body, headers=await made.bearer())).text


def with_a_tool():
    return world([("get_weather", {"city": "Hangzhou"})], "25 °C", get_weather=SUNNY)


async def chat_stream():
    body = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
    return await posted(with_a_tool(), "/openai/v1/chat/completions", body)


async def chat_pause():
    return on_several_lines(await posted(waiting_world().made, "/v1/chat/completions", CHAT))


async def response_stream():
    return await posted(with_a_tool(), "/v1/responses", RESPONSE | {"stream": True})


async def response_pause():
    return on_several_lines(await posted(waiting_world().made, "/v1/responses", RESPONSE))


@pytest.mark.parametrize(
    ("page", "name", "exchange"),
    [
        ("openai-chat.md", "stream", chat_stream),
        ("openai-chat.md", "pause", chat_pause),
        ("openai-responses.md", "stream", response_stream),
        ("openai-responses.md", "pause", response_pause),
    ],
)
async def test_the_documented_exchange_is_what_is_answered(page, name, exchange):
    assert documented(page, name) == neutral(await exchange())
