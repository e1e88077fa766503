"""AgentScope 2.x: the events of its agent, and its messages."""

import pytest
from agentscope.agent import Agent, InjectionConfig
from agentscope.credential import OpenAICredential
from agentscope.event import (
    DataBlockDeltaEvent,
    DataBlockEndEvent,
    DataBlockStartEvent,
    ReplyEndEvent,
    ThinkingBlockDeltaEvent,
    ThinkingBlockEndEvent,
    ThinkingBlockStartEvent,
    ToolResultEndEvent,
    ToolResultStartEvent,
    ToolResultTextDeltaEvent,
)
from agentscope.message import AssistantMsg, Msg
from agentscope.model import OpenAIChatModel
from agentscope.permission import PermissionBehavior, PermissionDecision
from agentscope.tool import FunctionTool, Toolkit
from agentscope.types import ErrorInfo, ReplyFinishedReason

from fujie.agents.errors import AgentError
from fujie.protocols.events import value_of
from tests.frameworks.inside.hearing import (
    ANSWERED,
    MODEL_URL,
    PNG,
    QUESTION,
    Heard,
    Permission,
    called,
    request,
    returned,
    text,
)

ALLOW = PermissionDecision(behavior=PermissionBehavior.ALLOW, message="")


def get_weather(city: str) -> str:
    """Weather of a city.

    Args:
        city: the city
    """
    return f"{city}: sunny, 25C"


def agent(tool=get_weather):
    model = OpenAIChatModel(OpenAICredential(api_key="any", base_url=f"{MODEL_URL}/llm/v1"), "scripted")
    toolkit = Toolkit([FunctionTool(tool, permission=ALLOW)])
    return Agent("Friday", "Be brief.", model, toolkit, injection_config=InjectionConfig(inject_runtime_state=False))


async def heard(*messages):
    hearing = Heard("agentscope")
    return await hearing.all(agent().reply_stream(hearing.adapter.messages(request(*messages))))


async def test_a_call_its_result_and_the_answer():
    run = await heard(text("user", QUESTION))
    assert run.shape == ANSWERED
    assert run.of("ToolCalled")[0].arguments == '{"city": "Hangzhou"}'
    assert run.of("ToolReturned")[0].output == "Hangzhou: sunny, 25C"
    assert run.of("ToolReturned")[0].ok
    assert "sunny" in run.text
    assert run.adapter.usage["input_tokens"] > 0


async def said(*events):
    async def stream():
        for event in events:
            yield event

    return await Heard("agentscope").all(stream())


async def test_thinking_is_a_message_of_its_own():
    ids = {"reply_id": "r", "block_id": "b"}
    run = await said(
        ThinkingBlockStartEvent(**ids), ThinkingBlockDeltaEvent(**ids, delta="hm"), ThinkingBlockEndEvent(**ids)
    )
    assert run.kinds == ["ReasoningStarted", "ReasoningDelta", "ReasoningEnded"]


async def test_an_image_that_comes_in_pieces_is_one_value():
    ids = {"reply_id": "r", "block_id": "b", "media_type": "image/png"}
    run = await said(
        DataBlockStartEvent(**ids),
        DataBlockDeltaEvent(**ids, data="iVBO"),
        DataBlockDeltaEvent(**ids, data="Rw=="),
        DataBlockEndEvent(reply_id="r", block_id="b"),
    )
    (produced,) = run.events
    source = {"type": "base64", "data": "iVBORw==", "media_type": "image/png"}
    assert value_of(produced.data) == {"type": "data", "source": source}


async def test_a_tool_that_was_denied_did_not_go_well():
    ids = {"reply_id": "r", "tool_call_id": "c"}
    run = await said(
        ToolResultStartEvent(**ids, tool_call_name="pay"),
        ToolResultTextDeltaEvent(**ids, delta="not "),
        ToolResultTextDeltaEvent(**ids, delta="allowed"),
        ToolResultEndEvent(**ids, state="denied"),
    )
    output = run.events[-1]
    assert (output.output, output.ok, output.error_code) == ("not allowed", False, "denied")


async def test_a_reply_that_failed_fails_the_run():
    end = ReplyEndEvent(
        session_id="s",
        reply_id="r",
        finished_reason=ReplyFinishedReason.ERROR,
        error=ErrorInfo(message="no quota"),
    )
    with pytest.raises(AgentError, match="no quota"):
        await said(end)


async def test_a_whole_message_can_be_yielded():
    run = await said(AssistantMsg(name="Friday", content="hello"))
    assert run.kinds == ["TextStarted", "TextDelta", "TextEnded"]


async def test_a_tool_that_needs_the_users_word_is_told_as_a_value():
    hearing = Heard("agentscope")
    friday = agent()
    friday.toolkit = Toolkit([FunctionTool(get_weather)])
    run = await hearing.all(friday.reply_stream(hearing.adapter.messages(request(text("user", QUESTION)))))
    (asked,) = [value_of(event.data) for event in run.of("DataProduced")]
    assert (asked["type"], asked["tool_calls"][0]["name"]) == ("require_user_confirm", "get_weather")


def messages(*asked):
    return Heard("agentscope").adapter.messages(request(*asked))


def test_an_image_is_a_data_block():
    (msg,) = messages({"role": "user", "content": [{"type": "image", "image_url": PNG}]})
    assert isinstance(msg, Msg)
    assert (msg.content[0].type, msg.content[0].source.media_type) == ("data", "image/png")


async def test_a_history_that_the_agent_would_refuse_is_told_in_words():
    run = await heard(
        text("system", "be kind"), text("user", "look"), called("c1"), returned("c1"),
        text("assistant", "hm", type="reasoning"), text("assistant", "found"), text("user", "hi"),
    )  # fmt: skip
    assert run.shape == ["TextStarted", "TextDelta", "TextEnded"]
    told = "\n".join(msg.get_text_content() for msg in messages(called("c1"), returned("c1")))
    assert "search" in told
    assert "found" in told


async def test_a_tool_whose_user_has_to_allow_something_pauses_the_run():
    permission = Permission()

    def get_weather(city: str) -> str:
        """Weather of a city.

        Args:
            city: the city
        """
        permission.need()
        return "sunny"

    async def query(msgs):
        async for item in agent(get_weather).reply_stream(msgs):
            yield item

    before, after = await permission.asked_over_a_pause("agentscope", query)
    assert before[-2:] == ["ConsentRequired", "RunPaused"]
    assert "ToolReturned" not in before
    assert after[:2] == ["RunResumed", "ConsentResolved"]
    assert after[-1] == "RunCompleted"
