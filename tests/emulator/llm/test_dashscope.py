"""DashScope's wire to the scripted model; AgentScope's own model speaks it in tests/frameworks."""

import json

import httpx2
import pytest

from fujie_emulator.core.app import create_app
from fujie_emulator.core.services import load_services
from fujie_emulator.llm.dashscope import generation
from fujie_emulator.llm.errors import LlmError

PATH = "/llm/api/v1/services/aigc/text-generation/generation"
KEY = {"authorization": "Bearer any"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def asked(text, **parameters):
    parameters = {"result_format": "message", **parameters}
    return {"model": "qwen", "input": {"messages": [{"role": "user", "content": text}]}, "parameters": parameters}


async def post(cloud, body, **headers):
    transport = httpx2.ASGITransport(create_app(cloud, load_services()))
    async with httpx2.AsyncClient(transport=transport, base_url=cloud.base_url) as http:
        return await http.post(PATH, json=body, headers=KEY | headers)


async def streamed(cloud, body):
    answer = await post(cloud, body, **{"x-dashscope-sse": "enable"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")[:-1]
    assert [event.split("\n")[:3] for event in events] == [
        [f"id:{number}", "event:result", ":HTTP_STATUS/200"] for number in range(1, len(events) + 1)
    ]
    return [json.loads(event.split("\n")[3].removeprefix("data:"))["output"]["choices"][0] for event in events]


async def test_an_answer_comes_whole(cloud):
    answer = (await post(cloud, asked("讲个笑话"))).json()
    choice = answer["output"]["choices"][0]
    assert choice["message"]["content"].startswith("我是脚本模型")
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]


async def test_a_stream_is_in_pieces_or_in_snapshots(cloud):
    whole = (await post(cloud, asked("讲个笑话"))).json()["output"]["choices"][0]["message"]["content"]
    pieces = await streamed(cloud, asked("讲个笑话", incremental_output=True))
    assert "".join(piece["message"]["content"] for piece in pieces) == whole
    snapshots = await streamed(cloud, asked("讲个笑话"))
    assert snapshots[-1]["message"]["content"] == whole
    assert [piece["finish_reason"] for piece in pieces[-2:]] == ["null", "stop"]


async def test_a_question_becomes_a_call(cloud):
    (choice,) = await streamed(cloud, asked("What is the weather in Hangzhou?", tools=[WEATHER]))
    (call,) = choice["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == (
        "get_weather",
        {"city": "Hangzhou"},
    )
    assert choice["finish_reason"] == "tool_calls"


def test_the_parts_of_multimodal_messages_have_no_type():
    body = asked([{"text": "What is the weather in Hangzhou?"}])
    assert generation(body, {}).chat.question == "What is the weather in Hangzhou?"


@pytest.mark.parametrize(
    "body", [None, {}, {"input": []}, {"input": {}, "parameters": []}, asked("x", result_format="text")]
)
def test_a_request_that_is_none_is_refused(body):
    with pytest.raises(LlmError):
        generation(body, {})


async def test_an_error_is_in_dashscopes_form(cloud):
    answer = await post(cloud, {})
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "request_id"}
