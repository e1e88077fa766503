"""AgentScope 1.x: its own agent, pipeline and messages."""

import re
from pathlib import Path

import pytest
from agentscope.agent import ReActAgent
from agentscope.formatter import OpenAIChatFormatter
from agentscope.memory import InMemoryMemory
from agentscope.message import Msg, TextBlock
from agentscope.model import ChatModelBase, ChatResponse, OpenAIChatModel
from agentscope.pipeline import stream_printing_messages
from agentscope.tool import Toolkit, ToolResponse

from fujie.agents.compat import AgentScopeSessionHistoryMemory, InMemorySessionHistoryService
from fujie.protocols.agentscope.encode import encode
from fujie.protocols.events import RunCompleted, RunStarted
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


def get_weather(city: str) -> ToolResponse:
    """Weather of a city.

    Args:
        city (str): the city
    """
    return ToolResponse(content=[TextBlock(type="text", text=f"{city}: sunny, 25C")])


def agent(model, memory=None, tool=get_weather):
    toolkit = Toolkit()
    toolkit.register_tool_function(tool)
    made = ReActAgent("Friday", "Be brief.", model, OpenAIChatFormatter(), toolkit, memory or InMemoryMemory())
    made.set_console_output_enabled(enabled=False)
    return made


def scripted():
    return OpenAIChatModel("scripted", api_key="any", client_kwargs={"base_url": f"{MODEL_URL}/llm/v1"})


async def heard(model, *messages):
    hearing, friday = Heard("agentscope"), agent(model)
    msgs = hearing.adapter.messages(request(*messages))
    return await hearing.all(stream_printing_messages(agents=[friday], coroutine_task=friday(msgs)))


class Saying(ChatModelBase):
    """A model that streams snapshots of what it is told to say."""

    def __init__(self, *snapshots):
        super().__init__("told", stream=True)
        self.snapshots = snapshots

    async def __call__(self, *args, **kwargs):
        async def stream():
            for content in self.snapshots:
                yield ChatResponse(content=content)

        return stream()


async def test_a_call_its_result_and_the_answer():
    run = await heard(scripted(), text("user", QUESTION))
    assert run.shape == ANSWERED
    assert run.of("ToolCalled")[0].arguments == '{"city": "Hangzhou"}'
    assert run.of("ToolReturned")[0].output == "Hangzhou: sunny, 25C"
    assert run.text == "Hangzhou: sunny, 25C"
    assert len({event.message_id for event in run.of("ToolCalling") + run.of("ToolCalled")}) == 1


async def test_thinking_and_text_are_two_messages_each_said_once():
    thought = {"type": "thinking", "thinking": "let me think"}
    run = await heard(
        Saying(
            [{"type": "thinking", "thinking": "let me"}],
            [thought],
            [thought, {"type": "text", "text": "4"}],
            [thought, {"type": "text", "text": "42"}],
        ),
        text("user", "hi"),
    )
    assert run.shape == [
        "ReasoningStarted", "ReasoningDelta", "ReasoningEnded", "TextStarted", "TextDelta", "TextEnded",
    ]  # fmt: skip
    assert [event.text for event in run.of("ReasoningDelta")] == ["let me", " think"]
    assert run.text == "42"


async def test_text_that_was_changed_afterwards_is_a_new_message():
    run = await heard(
        Saying([{"type": "text", "text": "It rains"}], [{"type": "text", "text": "No: sun"}]), text("user", "hi")
    )
    assert run.shape == ["TextStarted", "TextDelta", "TextEnded", "TextStarted", "TextDelta", "TextEnded"]
    assert [event.text for event in run.of("TextDelta")] == ["It rains", "No: sun"]


async def test_a_whole_message_and_speech_beside_it_can_be_yielded():
    async def query():
        yield Msg("Friday", "hello", "assistant"), True, {"type": "audio", "source": {"type": "base64", "data": "AA=="}}

    run = await Heard("agentscope").all(query())
    assert run.kinds == ["TextStarted", "TextDelta", "DataProduced", "TextEnded"]


async def test_an_error_of_the_agent_is_the_runs():
    class Broken(ChatModelBase):
        async def __call__(self, *args, **kwargs):
            raise RuntimeError("kaboom from the model")

    with pytest.raises(RuntimeError, match="kaboom"):
        await heard(Broken("broken", stream=True), text("user", "hi"))


def messages(*said):
    return Heard("agentscope").adapter.messages(request(*said))


def test_the_input_becomes_msgs_with_their_blocks():
    msgs = messages(
        text("user", "look"),
        {"role": "user", "content": [{"type": "image", "image_url": PNG}]},
        called("c1"),
        returned("c1"),
    )
    assert all(isinstance(msg, Msg) for msg in msgs)
    assert [msg.role for msg in msgs] == ["user", "user", "assistant", "system"]
    assert msgs[0].get_text_content() == "look"
    (image,) = msgs[1].get_content_blocks("image")
    assert image["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert msgs[2].get_content_blocks("tool_use")[0]["input"] == {"q": 1}
    assert msgs[3].get_content_blocks("tool_result")[0]["output"] == [{"type": "text", "text": "found"}]


def test_messages_that_were_one_msg_are_one_again():
    metadata = {"original_id": "m7", "original_name": "Friday"}
    (msg,) = messages(
        text("assistant", "hm", type="reasoning", metadata=metadata), text("assistant", "42", metadata=metadata)
    )
    assert (msg.id, msg.name) == ("m7", "Friday")
    assert [block["type"] for block in msg.content] == ["thinking", "text"]


async def test_a_history_with_calls_is_taken_by_the_model():
    run = await heard(
        scripted(), text("user", "look"), called("c1"), returned("c1"), text("assistant", "found"), text("user", "hi")
    )
    assert run.shape == ["TextStarted", "TextDelta", "TextEnded"]


# Golden traces, from the agent to the bytes


class Steps(ChatModelBase):
    """A model whose n-th go streams the n-th snapshots; it remembers what it was given."""

    def __init__(self, *steps):
        super().__init__("told", stream=True)
        self.steps = list(steps)
        self.seen = []

    async def __call__(self, messages, *args, **kwargs):
        self.seen.append([message["role"] for message in messages])
        snapshots = self.steps.pop(0)

        async def stream():
            for content in snapshots:
                yield ChatResponse(content=content)

        return stream()


def words(*snapshots):
    return [[{"type": "text", "text": text}] for text in snapshots]


def use(**arguments):
    return [{"type": "tool_use", "id": "call_1", "name": "get_weather", "input": arguments}]


def neutral(stream):
    """Return frames with each id of a message replaced by its place among them."""
    places = {}
    return re.sub(r"msg_[\w-]+", lambda found: f"msg_{places.setdefault(found[0], len(places))}", stream)


def traced(name):
    return neutral((Path(__file__).parents[2] / "protocols" / "traces" / name).read_text())


async def test_a_plain_answer_is_the_golden_trace_byte_for_byte():
    run = await heard(Steps(words("Hel", "Hello ", "Hello 世界")), text("user", "hi"))
    said = [RunStarted("0e974e24", "s-hi", 1795216714), *run.events, RunCompleted(1795216714)]
    assert neutral(encode(said)) == traced("plain_text.sse")


async def test_a_tool_call_is_the_golden_trace_byte_for_byte():
    steps = Steps([use(), use(city="Hangzhou")], words("sunny"))
    run = await heard(steps, text("user", "weather?"))
    said = [RunStarted("0e974e24", "s-hi", 1795216714), *run.events]
    frames = encode(said).split("\n\n")
    assert neutral("\n\n".join(frames[2:8]) + "\n\n") == traced("tool_call.sse")


# The memory of a session


async def test_an_agent_of_a_later_request_knows_what_was_said_and_called():
    async with InMemorySessionHistoryService() as service:
        steps = Steps([use(), use(city="Hangzhou")], words("sunny"), words("you asked for the weather"), words("who?"))
        for question, session_id in (("weather?", "s"), ("what did I ask?", "s"), ("and here?", "other")):
            memory = AgentScopeSessionHistoryMemory(service=service, session_id=session_id, user_id="u")
            friday = agent(steps, memory)
            await friday(Msg("user", question, "user"))
            assert set(friday.state_dict()["memory"]) == {"_compressed_summary"}
        assert steps.seen[0] == ["system", "user"]
        assert steps.seen[2] == ["system", "user", "assistant", "tool", "assistant", "user"]
        assert steps.seen[3] == ["system", "user"]
        assert len((await service.get_session("u", "s")).messages) == 6


async def test_messages_are_forgotten_by_id_by_mark_and_all_at_once():
    async with InMemorySessionHistoryService() as service:
        memory = AgentScopeSessionHistoryMemory(service, "u", "s")
        first, second, third = (Msg("user", words_, "user") for words_ in "abc")
        await memory.add([first, second], marks="hint")
        await memory.add(third)
        await memory.add(third)
        assert await memory.size() == 3
        assert await memory.delete([first.id]) == 1
        assert await memory.update_messages_mark("kept", msg_ids=[third.id]) == 1
        assert [msg.content for msg in await memory.get_memory(mark="kept")] == ["c"]
        assert await memory.delete_by_mark("hint") == 1
        again = AgentScopeSessionHistoryMemory(service, "u", "s")
        assert [msg.id for msg in await again.get_memory()] == [third.id]
        await again.clear()
        assert await memory.size() == 0


async def test_a_tool_whose_user_has_to_allow_something_pauses_the_run():
    permission = Permission()

    def get_weather(city: str) -> ToolResponse:
        """Weather of a city.

        Args:
            city (str): the city
        """
        permission.need()
        return ToolResponse(content=[TextBlock(type="text", text="sunny")])

    async def query(msgs):
        friday = agent(scripted(), tool=get_weather)
        async for item in stream_printing_messages(agents=[friday], coroutine_task=friday(msgs)):
            yield item

    before, after = await permission.asked_over_a_pause("agentscope", query)
    assert before[-2:] == ["ConsentRequired", "RunPaused"]
    assert "ToolReturned" not in before
    assert after[:2] == ["RunResumed", "ConsentResolved"]
    assert after[-1] == "RunCompleted"
