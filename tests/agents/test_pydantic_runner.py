"""The agent that ships, step by step, with a model that the test plays."""

import json

import pytest
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import DeltaThinkingPart, DeltaToolCall, FunctionModel

from fujie.agents.pydantic_runner import RULES, PydanticRunner
from fujie.agents.runner import Step, StepDone, ToolSpec
from fujie.errors import InputError
from fujie.llm.errors import LlmOutputError, LlmUnavailableError
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
)
from tests.agents.doubles import asked, collect

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [ToolSpec("get_weather", "Tell the weather.", CITY), ToolSpec("get_time", "Tell the time.", {"type": "object"})]


def runner(*turns, seen=None, instructions="Be brief."):
    """Return a runner whose model plays `turns`: each a list of words and (name, JSON arguments, call id) calls."""
    script = list(turns)

    async def play(messages, info):
        if seen is not None:
            seen.append((list(messages), info))
        for index, move in enumerate(script.pop(0)):
            if isinstance(move, Exception):
                raise move
            if isinstance(move, str):
                yield move
            elif isinstance(move, DeltaThinkingPart):
                yield {index: move}
            else:
                name, arguments, call_id = move
                yield {index: DeltaToolCall(name=name, json_args=arguments, tool_call_id=call_id)}

    return PydanticRunner("test", instructions, lambda: FunctionModel(stream_function=play))


async def test_text_is_told_as_it_comes():
    *said, done = await collect(runner(["Hel", "", "lo", " 世界"]).step(Step(asked("hi"), TOOLS)))
    assert [type(item) for item in said] == [TextStarted, TextDelta, TextDelta, TextDelta, TextEnded]
    assert "".join(item.text for item in said if isinstance(item, TextDelta)) == "Hello 世界"
    assert len({item.message_id for item in said}) == 1
    assert done.calls == ()
    assert done.usage["output_tokens"] > 0


async def test_what_the_model_thinks_is_told_apart_from_what_it_says_and_remembered():
    thinking = DeltaThinkingPart(content="let me see")
    *said, done = await collect(runner([thinking, "42", ("get_time", "{}", "call_1")]).step(Step(asked("hi"), TOOLS)))
    assert [type(item) for item in said] == [
        ReasoningStarted, ReasoningDelta, ReasoningEnded, TextStarted, TextDelta, TextEnded,
    ]  # fmt: skip
    assert "let me see" in done.history
    assert [call.name for call in done.calls] == ["get_time"]


async def test_the_model_is_told_the_rules_the_instructions_and_the_tools():
    seen = []
    await collect(runner(["ok"], seen=seen).step(Step(asked("hi"), TOOLS)))
    ((messages, info),) = seen
    assert messages[-1].instructions == f"{RULES}\n\nBe brief."
    assert [(tool.name, tool.parameters_json_schema) for tool in info.function_tools] == [
        ("get_weather", CITY),
        ("get_time", {"type": "object"}),
    ]
    assert messages[-1].parts[0].content == ["hi"]


async def test_a_step_ends_at_the_tool_calls_and_the_next_goes_on_in_another_process():
    calls = [("get_weather", '{"city": "杭州"}', "c1"), ("get_time", "{}", "c2")]
    said = await collect(runner(["Let me see.", *calls]).step(Step(asked("hi"), TOOLS)))
    done = said[-1]
    assert [(call.call_id, call.name, call.arguments) for call in done.calls] == [
        ("c1", "get_weather", {"city": "杭州"}),
        ("c2", "get_time", {}),
    ]
    assert isinstance(said[1], TextDelta)
    seen = []
    step = Step(asked("hi"), TOOLS, history=done.history, results={"c1": "sunny", "c2": '{"kind": "tool-failed"}'})
    answer = await collect(runner(["It is sunny."], seen=seen).step(step))
    returns = [part for part in seen[0][0][-1].parts if isinstance(part, ToolReturnPart)]
    assert [(part.tool_call_id, part.content) for part in returns] == [
        ("c1", "sunny"),
        ("c2", '{"kind": "tool-failed"}'),
    ]
    assert seen[0][0][-1].instructions.startswith(RULES)
    assert [message["kind"] for message in json.loads(answer[-1].history)] == ["request", "response"] * 2


async def test_earlier_runs_come_first_and_are_not_remembered_twice():
    first = (await collect(runner(["I am one."]).step(Step(asked("one?"), TOOLS))))[-1]
    seen = []
    second = (await collect(runner(["two"], seen=seen).step(Step(asked("two?"), TOOLS, prior=[first.history]))))[-1]
    assert [message.kind for message in seen[0][0]] == ["request", "response", "request"]
    assert "one?" not in second.history
    assert "two?" in second.history


async def test_arguments_that_are_no_object_are_given_back_to_the_model():
    seen = []
    mind = runner([("get_weather", '{"city": ', "c1")], [("get_weather", "[1]", "c2")], ["sorry"], seen=seen)
    done = (await collect(mind.step(Step(asked("hi"), TOOLS))))[-1]
    assert isinstance(done, StepDone)
    assert done.calls == ()
    assert len(seen) == 3


async def test_a_tool_that_does_not_exist_is_not_called():
    done = (await collect(runner([("rm", "{}", "c1")], ["sorry"]).step(Step(asked("hi"), TOOLS))))[-1]
    assert done.calls == ()


@pytest.mark.parametrize(
    ("turns", "error"),
    [
        ([[("rm", "{}", f"c{n}")] for n in range(9)], LlmOutputError),
        ([[LlmUnavailableError("the model does not answer")]], LlmUnavailableError),
    ],
)
async def test_a_model_that_cannot_is_an_llm_error(turns, error):
    with pytest.raises(error) as caught:
        await collect(runner(*turns).step(Step(asked("hi"), TOOLS)))
    assert type(caught.value) is error


async def test_a_lone_surrogate_of_the_model_reaches_nobody():
    said = await collect(runner(["a\ud800b"]).step(Step(asked("hi"), TOOLS)))
    assert said[1].text == "a\ufffdb"
    said[-1].history.encode()


async def test_the_whole_input_is_read():
    body = {
        "input": [
            {"role": "system", "content": [{"type": "text", "text": "be kind"}]},
            {"role": "user", "content": [{"type": "text", "text": "one"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "two"}]},
            {"role": "tool", "type": "plugin_call_output", "content": [{"type": "data", "data": {"x": 1}}]},
            {"role": "user", "content": [{"type": "data", "data": {"a": 1}}, {"type": "text", "text": "three"}]},
        ]
    }
    seen = []
    await collect(runner(["ok"], seen=seen).step(Step(AgentRequest.from_value(body), TOOLS)))
    parts = [(part.part_kind, part.content) for message in seen[0][0] for part in message.parts]
    assert parts == [
        ("system-prompt", "be kind"),
        ("user-prompt", ["one"]),
        ("text", "two"),
        ("user-prompt", ['{"a": 1}', "three"]),
    ]


@pytest.mark.parametrize(
    "given",
    [
        [],
        [{"role": "assistant", "content": [{"type": "text", "text": "two"}]}],
        [{"role": "user", "content": [{"type": "audio", "data": "x"}]}],
        [{"role": "user", "content": [{"type": "image", "image_url": "http://169.254.169.254/"}]}],
    ],
)
async def test_an_input_that_cannot_be_answered_says_what_would_be_right(given):
    with pytest.raises(InputError) as caught:
        await collect(runner(["ok"]).step(Step(AgentRequest.from_value({"input": given}), TOOLS)))
    assert caught.value.repair
