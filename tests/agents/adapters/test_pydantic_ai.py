"""Agents of Pydantic AI behind a query function of the developer's own: its stream as events, its history from ours."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, DeferredToolRequests, ImageUrl, ModelRetry
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ThinkingPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.providers.openai import OpenAIProvider

from fujie.agents.adapters import adapter_for
from fujie.agents.app import AgentApp
from fujie.agents.transient import TransientRuns
from fujie.errors import InputError
from fujie.identity.errors import OwnAuthorizationRequired
from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.request import request_from_body
from fujie.protocols.events import value_of
from fujie_emulator.testing import running
from tests.agents.adapters.test_history import PNG, called, returned, text
from tests.agents.doubles import alice


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
async def scripted(cloud):
    async with openai.AsyncOpenAI(base_url=f"{cloud.url}/llm/v1", api_key="any") as client:
        yield OpenAIChatModel("scripted", provider=OpenAIProvider(openai_client=client))


def asked(*messages):
    return request_from_body(json.dumps({"input": list(messages)}).encode())


async def heard(agent, request, **options):
    adapter = adapter_for("pydantic_ai")
    events = []
    async with agent.run_stream_events(message_history=adapter.messages(request), **options) as stream:
        async for item in stream:
            events += adapter.hear(item)
    return SimpleNamespace(events=events + list(adapter.end()), usage=adapter.usage)


def kinds(events):
    return [type(event).__name__ for event in events]


def with_weather(model, **options):
    agent = Agent(model, **options)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Weather of a city."""
        return f"{city}: sunny"

    return agent


async def test_a_call_is_seen_in_the_writing_and_its_result_before_the_answer(scripted):
    run = await heard(with_weather(scripted), asked(text("user", "What is the weather in Hangzhou today?")))
    assert kinds(run.events) == [
        "ToolCalling", "ToolCalling", "ToolCalling", "ToolCalled", "ToolReturned",
        "TextStarted", "TextDelta", "TextDelta", "TextEnded",
    ]  # fmt: skip
    assert [event.arguments for event in run.events[:4]] == [
        "", '{"city": "Ha', '{"city": "Hangzhou"}', '{"city": "Hangzhou"}',
    ]  # fmt: skip
    assert len({event.message_id for event in run.events[:4]}) == 1
    assert (run.events[4].output, run.events[4].ok) == ("Hangzhou: sunny", True)
    assert run.usage["input_tokens"] > run.usage["output_tokens"] > 0


def speaking(*steps):
    """A model whose n-th go yields the n-th step."""
    goes = iter(steps)

    async def stream(_messages, _info: AgentInfo):
        for delta in next(goes):
            yield delta

    return FunctionModel(stream_function=stream)


async def test_reasoning_is_a_message_of_its_own():
    model = speaking([{0: DeltaThinkingPart(content="let me")}, {0: DeltaThinkingPart(content=" think")}, "42"])
    run = await heard(Agent(model), asked(text("user", "hi")))
    assert kinds(run.events) == [
        "ReasoningStarted", "ReasoningDelta", "ReasoningDelta", "ReasoningEnded",
        "TextStarted", "TextDelta", "TextEnded",
    ]  # fmt: skip


async def test_a_call_that_fails_says_so_and_the_answer_is_tried_again():
    model = speaking([{0: DeltaToolCall("look", "{}", tool_call_id="c1")}], ["done"])
    agent = Agent(model)

    @agent.tool_plain
    def look() -> str:
        raise ModelRetry("look elsewhere")

    run = await heard(agent, asked(text("user", "hi")))
    output = next(event for event in run.events if type(event).__name__ == "ToolReturned")
    assert (output.ok, output.error_code) == (False, "retried")
    assert "look elsewhere" in output.output


class Forecast(BaseModel):
    city: str


async def test_a_typed_output_is_a_value_and_its_tool_is_no_call():
    run = await heard(Agent(TestModel(), output_type=Forecast), asked(text("user", "hi")))
    assert kinds(run.events) == ["DataProduced"]
    assert value_of(run.events[0].data) == {"city": "a"}


async def test_calls_for_somebody_else_are_told_as_a_value():
    model = speaking([{0: DeltaToolCall("pay", '{"amount": 5}', tool_call_id="c1")}])
    agent = Agent(model, output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay(amount: int) -> str:
        return "paid"

    run = await heard(agent, asked(text("user", "hi")))
    told = value_of(next(event.data for event in run.events if type(event).__name__ == "DataProduced"))
    assert told["approvals"] == [{"call_id": "c1", "name": "pay", "arguments": '{"amount": 5}'}]
    assert kinds(run.events).count("ToolCalled") == 1


async def test_the_pieces_of_run_stream_are_text_and_its_cost_is_known(scripted):
    adapter, events = adapter_for("pydantic_ai"), []
    async with Agent(scripted).run_stream("讲个笑话") as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            events += adapter.hear(piece)
        events += adapter.hear(result)
    events += adapter.end()
    assert kinds(events)[0 :: len(events) - 1] == ["TextStarted", "TextEnded"]
    assert kinds(events).count("TextDelta") > 3
    assert adapter.usage["output_tokens"] > 0


async def test_snapshots_of_a_response_say_what_is_new(scripted):
    adapter, events = adapter_for("pydantic_ai"), []
    async with Agent(scripted).run_stream("讲个笑话") as result:
        async for response in result.stream_response(debounce_by=None):
            events += adapter.hear(response)
        whole = await result.get_output()
    events += adapter.end()
    assert "".join(event.text for event in events if type(event).__name__ == "TextDelta") == whole


def messages(*said):
    return adapter_for("pydantic_ai").messages(asked(*said))


def test_tool_history_becomes_calls_and_returns_in_the_models_own_order():
    history = messages(
        text("system", "be brief"),
        text("user", "look"),
        text("assistant", "I look"),
        called("c1"),
        returned("c1"),
        text("assistant", "found"),
        text("user", "thanks"),
    )
    assert [type(message) for message in history] == [
        ModelRequest, ModelRequest, ModelResponse, ModelRequest, ModelResponse, ModelRequest,
    ]  # fmt: skip
    assert history[2].parts == [TextPart("I look"), ToolCallPart("search", {"q": 1}, "c1")]
    assert isinstance(history[3].parts[0], ToolReturnPart)
    assert (history[3].parts[0].tool_name, history[3].parts[0].content) == ("search", "found")


def test_reasoning_is_told_again():
    history = messages(text("assistant", "hm", type="reasoning"), text("assistant", "42"), text("user", "sure?"))
    assert history[0].parts == [ThinkingPart("hm"), TextPart("42")]


def test_images_come_by_address_or_as_bytes():
    content = [{"type": "image", "image_url": PNG}, {"type": "image", "image_url": "https://a.example/b.png"}]
    (request,) = messages({"role": "user", "content": content})
    assert request.parts[0].content == [
        BinaryContent(b"\x89PNG\r\n\x1a\n", media_type="image/png"),
        ImageUrl("https://a.example/b.png"),
    ]


@pytest.mark.parametrize("address", ["http://a.example/b.png", "data:image/png;base64,=*="])
def test_an_image_that_cannot_be_fetched_safely_or_read_is_refused(address):
    with pytest.raises(InputError, match="image"):
        messages({"role": "user", "content": [{"type": "image", "image_url": address}]})


def test_an_input_without_a_question_is_refused():
    with pytest.raises(InputError, match="does not end"):
        messages(text("assistant", "yes?"))


async def test_a_tool_whose_user_has_to_allow_something_pauses_the_run():
    ends, allowed = datetime.now(UTC) + timedelta(minutes=5), []
    shown = ConsentRequest("", "weather", "Weather", (), "", "", "https://cloud.example/authorize", ends.isoformat())
    app, agent = AgentApp("Friday"), Agent(TestModel())

    @agent.tool_plain
    def get_weather() -> str:
        """Weather."""
        if not allowed:
            raise OwnAuthorizationRequired(shown, session_uri="urn", expires_at=ends)
        return "sunny"

    @app.query(framework="pydantic_ai")
    async def answer(msgs):
        async with agent.run_stream_events(message_history=msgs) as stream:
            async for event in stream:
                yield event

    runs = TransientRuns(app.own.runner, agent="Friday", timeout_s=10.0)
    run = await runs.start(alice(), asked(text("user", "hi")))
    assert kinds([event async for event in runs.execute(run)])[-2:] == ["ConsentRequired", "RunPaused"]
    allowed.append("yes")
    (consent,) = runs._runs[run.id].waiting.paused().waiting_for
    runs._granted(run.id, consent)
    told = kinds([event async for event in runs.watch(run.id, run.user)])
    assert told[-1] == "RunCompleted"
    assert told.count("ToolReturned") == 1
