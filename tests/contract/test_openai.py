"""The official openai package against the scripted model."""

import json

import openai
import pytest

from fujie_emulator.testing import running

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Hangzhou today?"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def client(cloud):
    with openai.OpenAI(base_url=f"{cloud.url}/llm/v1", api_key="any", max_retries=0) as client:
        yield client


def test_the_model_lists_itself(client):
    assert [model.id for model in client.models.list()] == ["scripted"]


def test_a_question_becomes_a_call_and_its_result_an_answer(client):
    first = client.chat.completions.create(model="scripted", messages=[QUESTION], tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    call = first.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Hangzhou"})
    result = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"city": "Hangzhou", "temperature_c": 21})}
    messages = [QUESTION, first.choices[0].message.model_dump(exclude_none=True), result]
    second = client.chat.completions.create(model="scripted", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert "21 °C" in second.choices[0].message.content
    assert second.usage.total_tokens == second.usage.prompt_tokens + second.usage.completion_tokens


def test_an_answer_streams_in_words_and_usage_comes_last(client):
    stream = client.chat.completions.create(
        model="scripted",
        messages=[{"role": "user", "content": [{"type": "text", "text": "讲个笑话"}]}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(words) > 10
    assert "".join(words).startswith("我是脚本模型")
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0


def test_a_call_streams_with_its_arguments_in_pieces(client):
    with client.chat.completions.stream(model="scripted", messages=[QUESTION], tools=[WEATHER]) as stream:
        completion = stream.get_final_completion()
    call = completion.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Hangzhou"}


def test_a_stream_can_be_left_early(client):
    stream = client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "count to 1000"}], stream=True
    )
    counted = ""
    for chunk in stream:
        counted += chunk.choices[0].delta.content or ""
        if "3 " in counted:
            break
    stream.close()
    assert counted == "1 2 3 "


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "poet", "content": "x"}]}, "messages[0].role"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ],
)
def test_a_wrong_request_is_refused_in_openais_form(client, body, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(**{"model": "scripted", "messages": [QUESTION]} | body)
    assert error.value.param == param


def test_a_request_without_key_is_refused(cloud):
    client = openai.OpenAI(base_url=f"{cloud.url}/llm/v1", api_key="x", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError):
        client.models.list(extra_headers={"Authorization": openai.Omit()})


def test_an_unknown_model_and_an_unknown_route_are_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-x")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="scripted", input="x")


def test_faults_reach_the_client(client, cloud):
    cloud.cloud.faults.arm({"service": "llm", "kind": "status", "status": 503})
    with pytest.raises(openai.InternalServerError):
        client.models.list()
    cloud.cloud.faults.arm({"service": "llm", "kind": "drop"})
    with pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_a_body_beyond_the_limit_is_refused(client):
    with pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "x" * (9 << 20)}])
    assert error.value.status_code == 413
