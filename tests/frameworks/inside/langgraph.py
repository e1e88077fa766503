"""LangGraph and LangChain: a prebuilt agent in every stream mode, interrupts, and messages."""

from typing import TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

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


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"{city}: sunny"


def model(**options):
    return ChatOpenAI(model="scripted", base_url=f"{MODEL_URL}/llm/v1", api_key="any", **options)


async def heard(mode, *, graph=None, said=(), **options):
    hearing = Heard("langgraph")
    graph = graph or create_agent(model(stream_usage=True), [get_weather])
    msgs = hearing.adapter.messages(request(*(said or [text("user", QUESTION)])))
    return await hearing.all(graph.astream({"messages": msgs}, stream_mode=mode, **options))


WHOLE = ["ToolCalled", "ToolReturned", "TextStarted", "TextDelta", "TextEnded"]


@pytest.mark.parametrize(
    ("mode", "options", "shape"),
    [
        ("messages", {}, ANSWERED),
        ("updates", {}, WHOLE),
        ("values", {}, WHOLE),
        (["messages", "updates"], {}, ANSWERED),
        (["messages", "values", "updates"], {"subgraphs": True}, ANSWERED),
        ("messages", {"subgraphs": True}, ANSWERED),
        ("messages", {"version": "v2"}, ANSWERED),
    ],
)
async def test_every_mode_says_the_call_the_result_and_the_answer_once(mode, options, shape):
    run = await heard(mode, **options)
    assert run.shape == shape
    assert run.text == "Hangzhou: sunny"
    assert run.of("ToolCalled")[0].arguments == '{"city": "Hangzhou"}'
    assert run.of("ToolReturned")[0].output == "Hangzhou: sunny"
    assert run.adapter.usage["input_tokens"] > run.adapter.usage["output_tokens"] > 0


async def test_the_pairs_of_agentscope_runtime_are_understood():
    async def query():
        graph = create_agent(model(), [get_weather])
        async for chunk, _ in graph.astream({"messages": [HumanMessage(QUESTION)]}, stream_mode="messages"):
            yield chunk, getattr(chunk, "chunk_position", "") == "last"

    assert (await Heard("langgraph").all(query())).shape == ANSWERED


async def test_the_events_of_a_runnable_are_understood():
    graph = create_agent(model(), [get_weather])
    run = await Heard("langgraph").all(graph.astream_events({"messages": [HumanMessage(QUESTION)]}, version="v2"))
    assert run.shape == ANSWERED


async def test_a_chain_of_langchain_streams_chunks():
    assert (await Heard("langgraph").all(model().astream("讲个笑话"))).shape == [
        "TextStarted",
        "TextDelta",
        "TextEnded",
    ]


@pytest.mark.parametrize(
    "chunk",
    [
        AIMessageChunk("", id="m", additional_kwargs={"reasoning_content": "hm"}),
        AIMessageChunk([{"type": "reasoning", "reasoning": "hm"}], id="m"),
        AIMessageChunk([{"type": "thinking", "thinking": "hm"}], id="m"),
    ],
)
async def test_reasoning_is_a_message_of_its_own(chunk):
    async def query():
        yield chunk, {}
        yield AIMessageChunk("42", id="m"), {}
        yield AIMessageChunk("", id="m", chunk_position="last"), {}

    run = await Heard("langgraph").all(query())
    assert run.kinds == [
        "ReasoningStarted", "ReasoningDelta", "ReasoningEnded", "TextStarted", "TextDelta", "TextEnded",
    ]  # fmt: skip


async def test_a_tool_that_failed_says_so():
    async def query():
        yield ToolMessage("no such city", tool_call_id="c", name="get_weather", status="error"), {}

    output = (await Heard("langgraph").all(query())).events[-1]
    assert (output.ok, output.error_code, output.output) == (False, "error", "no such city")


class Plan(TypedDict):
    topic: str
    steps: list[str]


async def test_values_say_the_state_and_custom_data_is_a_value():
    def plan(state):
        get_stream_writer()({"progress": 50})
        return {"steps": [f"read about {state['topic']}"]}

    graph = StateGraph(Plan).add_node("plan", plan).add_edge(START, "plan").compile()
    run = await Heard("langgraph").all(graph.astream({"topic": "tea"}, stream_mode=["values", "custom"]))
    assert run.kinds == ["StateChanged", "DataProduced", "StateChanged"]
    assert value_of(run.events[1].data) == {"progress": 50}
    assert value_of(run.events[2].state) == {"topic": "tea", "steps": ["read about tea"]}


async def test_custom_data_alone_is_a_value_too():
    def plan(state):
        get_stream_writer()({"progress": 50})
        get_stream_writer()("half way")
        return {"steps": []}

    graph = StateGraph(Plan).add_node("plan", plan).add_edge(START, "plan").compile()
    run = await Heard("langgraph").all(graph.astream({"topic": "tea"}, stream_mode="custom"))
    assert value_of(run.of("DataProduced")[0].data) == {"progress": 50}
    assert run.text == "half way"


async def test_earlier_answers_of_a_thread_are_not_said_again():
    graph = create_agent(
        GenericFakeChatModel(messages=iter([AIMessage("one"), AIMessage("two")])), checkpointer=InMemorySaver()
    )
    thread = {"config": {"configurable": {"thread_id": "t"}}}
    first = await heard("values", graph=graph, said=[text("user", "a")], **thread)
    second = await heard("values", graph=graph, said=[text("user", "b")], **thread)
    assert (first.text, second.text) == ("one", "two")


async def test_an_interrupt_is_told_once_as_a_value():
    def ask(state):
        return {"messages": [AIMessage(interrupt({"question": "sure?"}))]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile(checkpointer=InMemorySaver())
    run = await heard(["updates", "values"], graph=graph, config={"configurable": {"thread_id": "t"}})
    (told,) = [value_of(event.data) for event in run.of("DataProduced")]
    assert (told["type"], told["value"]) == ("interrupt", {"question": "sure?"})


def messages(*said):
    return Heard("langgraph").adapter.messages(request(*said))


def test_what_the_assistant_said_and_called_is_one_message():
    history = messages(
        text("system", "be brief"), text("user", "look"), text("assistant", "I look"), called("c1"), returned("c1")
    )
    assert [type(message) for message in history] == [SystemMessage, HumanMessage, AIMessage, ToolMessage]
    assert history[2].content == "I look"
    assert history[2].tool_calls[0]["args"] == {"q": 1}
    assert (history[3].content, history[3].tool_call_id) == ("found", "c1")


def test_an_image_is_a_block_in_the_standard_form():
    (message,) = messages(
        {"role": "user", "content": [{"type": "image", "image_url": PNG}, {"type": "text", "text": "what is it?"}]}
    )
    assert message.content == [
        {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
        {"type": "text", "text": "what is it?"},
    ]


async def test_a_history_with_calls_and_an_image_is_taken_by_the_model():
    said = [
        text("user", "look"), called("c1"), returned("c1"), text("assistant", "found"),
        {"role": "user", "content": [{"type": "image", "image_url": PNG}, {"type": "text", "text": "hi"}]},
    ]  # fmt: skip
    assert (await heard("messages", said=said)).shape == ["TextStarted", "TextDelta", "TextEnded"]


async def test_a_tool_whose_user_has_to_allow_something_pauses_the_run_and_the_graph_goes_on_from_its_checkpoint():
    permission, memory, nodes = Permission(), InMemorySaver(), []

    @tool
    def get_weather(city: str) -> str:
        """Weather of a city."""
        permission.need()
        return f"{city}: sunny"

    async def query(msgs, context):
        graph = create_agent(model(), [get_weather], checkpointer=memory)
        asked = None if context.is_resumed else {"messages": msgs}
        config = {"configurable": {"thread_id": context.session_id}}
        async for update in graph.astream(asked, config, stream_mode="updates"):
            nodes.extend(update)
            yield update

    before, after = await permission.asked_over_a_pause("langgraph", query)
    assert before[-2:] == ["ConsentRequired", "RunPaused"]
    assert after[:2] == ["RunResumed", "ConsentResolved"]
    assert after[-1] == "RunCompleted"
    assert nodes == ["model", "tools", "model"], "the model was not asked twice for what it had said"
