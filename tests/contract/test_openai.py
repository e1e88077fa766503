"""The official openai package against the scripted model."""

import json

import httpx2
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


ASKED = QUESTION["content"]
FUNCTION = {"type": "function", "strict": False, **WEATHER["function"]}


def test_a_response_calls_a_tool_and_answers_from_its_result(client):
    first = client.responses.create(model="scripted", input=ASKED, instructions="Be brief.", tools=[FUNCTION])
    (call,) = first.output
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "Hangzhou"})
    assert (first.status, first.instructions, first.tools[0].name) == ("completed", "Be brief.", "get_weather")
    items = [QUESTION, *(item.model_dump(exclude_none=True) for item in first.output)]
    output = json.dumps({"city": "Hangzhou", "temperature_c": 21})
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": output})
    second = client.responses.create(model="scripted", input=items, tools=[FUNCTION])
    assert "21 °C" in second.output_text
    assert second.usage.total_tokens == second.usage.input_tokens + second.usage.output_tokens > 0


def test_a_response_streams_its_words_in_the_official_order(client):
    with client.responses.stream(model="scripted", input="Tell me a joke") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert set(kinds[4:-4]) == {"output_text.delta"}
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert "".join(event.delta for event in events[4:-4]) == events[-4].text == final.output_text
    assert final.output_text.startswith("I am a scripted model")


def test_a_response_streams_a_call_with_its_arguments_in_pieces(client):
    events = list(client.responses.create(model="scripted", input=ASKED, tools=[FUNCTION], stream=True))
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[:3] == ["created", "in_progress", "output_item.added"]
    assert set(kinds[3:-3]) == {"function_call_arguments.delta"}
    assert kinds[-3:] == ["function_call_arguments.done", "output_item.done", "completed"]
    assert "".join(event.delta for event in events[3:-3]) == events[-3].arguments
    assert events[-1].response.output[0].call_id == events[2].item.call_id
    with client.responses.stream(model="scripted", input=ASKED, tools=[FUNCTION]) as stream:
        assert json.loads(stream.get_final_response().output[0].arguments) == {"city": "Hangzhou"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "poet", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": ["text"]}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "n"}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"temperature": 3}, "temperature"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
    ],
)
def test_a_wrong_request_for_a_response_is_refused_in_openais_form(client, body, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(**{"model": "scripted", "input": ASKED} | body)
    assert error.value.param == param


@pytest.mark.parametrize("text", ["NaN", "1e999", r'"\ud800"'])
def test_what_no_answer_could_repeat_is_no_json(cloud, text):
    body = f'{{"model": "scripted", "input": "x", "metadata": {{"a": {text}}}}}'
    answer = httpx2.post(f"{cloud.url}/llm/v1/responses", content=body, headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "parse" in answer.json()["error"]["message"]


def test_a_response_to_too_large_a_body_is_refused(client):
    with pytest.raises(openai.APIStatusError) as error:
        client.responses.create(model="scripted", input="x" * (9 << 20))
    assert error.value.status_code == 413


def test_no_response_is_kept(client):
    with pytest.raises(openai.APIStatusError) as error:
        client.responses.retrieve("resp_1")
    assert error.value.status_code == 404
