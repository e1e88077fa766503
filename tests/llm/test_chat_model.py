"""An answer as it streams in, beside what the official library makes of the same bytes."""

import asyncio
from contextlib import suppress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, TextPart, ThinkingPart, ToolCallPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters

from fujie.llm.errors import LlmError, LlmOutputError, LlmThrottledError, LlmUnavailableError
from tests.llm.services import answering, chunk, model_at, sse
from tests.llm.test_messages import TOOL, official_at

QUESTION = [ModelRequest([UserPromptPart("hi")])]
PARAMETERS = ModelRequestParameters(function_tools=[TOOL])
TEXTS = st.sampled_from(["a", "杭州", " ", "\n", "<think>", "</think>", "<th", "ink>", "b c"])


def call_delta(index, call_id=None, name=None, arguments=None):
    function = {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}
    return {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}


DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, TEXTS),
    st.builds(lambda text: {"reasoning_content": text, "content": None}, TEXTS),
    st.builds(lambda text: {"reasoning": text}, TEXTS),
    st.builds(lambda index: call_delta(index, f"call_{index}", "weather", ""), st.integers(0, 2)),
    st.builds(lambda index, text: call_delta(index, arguments=text), st.integers(0, 2), st.sampled_from(["{", "}"])),
    st.just({"role": "assistant", "content": ""}),
)
ENDS = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])


async def answered(model):
    async with model.request_stream(QUESTION, None, PARAMETERS) as stream:
        events = [event async for event in stream]
        return events, stream.get()


def named_first(deltas):
    """Return the deltas without those of calls that have no name yet, over which the official library stumbles."""
    named, kept = set(), []
    for delta in deltas:
        call = delta.get("tool_calls", [None])[0]
        if call and "name" in call["function"]:
            named.add(call["index"])
        if not call or call["index"] in named:
            kept.append(delta)
    return kept


@given(st.lists(DELTAS, max_size=8).map(named_first), ENDS)
async def test_any_stream_becomes_the_parts_that_the_official_library_makes_of_it(deltas, end):
    content = sse(*(chunk(**delta) for delta in deltas), chunk(end))
    (ours, answer), (theirs, official) = [
        await answered(make(answering(content)[0])) for make in (model_at, official_at)
    ]
    assert answer.parts == official.parts
    assert [event.event_kind for event in ours] == [event.event_kind for event in theirs]
    assert (answer.finish_reason, answer.model_name, answer.provider_response_id) == (
        official.finish_reason,
        official.model_name,
        official.provider_response_id,
    )


async def test_thoughts_text_calls_and_what_they_cost_come_in_their_order():
    usage = {"id": "c1", "model": "small", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    content = sse(
        chunk(reasoning_content="Where? "),
        chunk(content="I look."),
        chunk(**call_delta(0, "call_1", "weather", "")),
        chunk(**call_delta(0, arguments='{"city": "杭州"}')),
        chunk("tool_calls"),
        usage,
    )
    _, answer = await answered(model_at(answering(content)[0]))
    assert [type(part) for part in answer.parts] == [ThinkingPart, TextPart, ToolCallPart]
    assert answer.parts[2].args_as_dict() == {"city": "杭州"}
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.finish_reason) == (7, 3, "tool_call")


async def test_a_call_whose_name_comes_late_is_a_call():
    deltas = [call_delta(0, "call_1"), call_delta(0, arguments='{"city":'), {"content": "hm"}]
    deltas += [call_delta(0, None, "weather", ' "杭州"'), call_delta(0, arguments="}"), call_delta(1, "call_2")]
    _, answer = await answered(model_at(answering(sse(*(chunk(**delta) for delta in deltas), chunk("stop")))[0]))
    (call,) = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    assert (call.tool_call_id, call.tool_name, call.args_as_dict()) == ("call_1", "weather", {"city": "杭州"})


async def test_calls_that_nobody_numbered_are_as_many_as_have_an_id():
    deltas = [call_delta(None, "call_1", "weather", "{"), call_delta(None, arguments="}")]
    deltas += [call_delta(None, "call_2", "weather", '{"city": "杭州"}')]
    for delta in deltas:
        del delta["tool_calls"][0]["index"]
    _, answer = await answered(model_at(answering(sse(*(chunk(**delta) for delta in deltas), chunk("stop")))[0]))
    assert [(call.tool_call_id, call.args_as_dict()) for call in answer.parts] == [
        ("call_1", {}),
        ("call_2", {"city": "杭州"}),
    ]


async def test_a_whole_answer_is_read_to_its_end():
    answer = await model_at(answering(sse(chunk(content="hel"), chunk("stop", content="lo")))[0]).request(
        QUESTION, None, PARAMETERS
    )
    assert answer.text == "hello"


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": [{"type": "text", "text": "x"}]}}]},
        {"choices": [{"delta": {"tool_calls": [None, {"function": None}]}}]},
        {"usage": {"prompt_tokens": None}},
        {"id": 7, "model": ["x"]},
    ],
)
async def test_services_with_their_own_idea_of_the_protocol_are_borne_with(odd):
    _, answer = await answered(model_at(answering(sse(odd, chunk(content="hello"), chunk("stop")))[0]))
    assert answer.text.endswith("hello")


@pytest.mark.parametrize("content", [b"", b"data: [DONE]\n\n", b": ping\n\n"])
async def test_an_empty_stream_is_an_output_error(content):
    with pytest.raises(LlmOutputError):
        await answered(model_at(answering(content)[0]))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("not json", LlmOutputError),
        ("[1]", LlmOutputError),
        ('{"error": {"code": "rate_limit_exceeded", "message": "sk-very-secret"}}', LlmThrottledError),
        ('{"error": {"message": "sk-very-secret"}}', LlmUnavailableError),
        ('{"error": "sk-very-secret"}', LlmUnavailableError),
    ],
)
async def test_a_fault_in_the_middle_has_its_error_which_repeats_nothing(line, error):
    with pytest.raises(LlmError) as caught:
        await answered(model_at(answering(sse(chunk(content="hel"), line))[0]))
    assert type(caught.value) is error
    assert "sk-very-secret" not in caught.value.message + caught.value.repair


async def test_cancelling_ends_the_request_while_a_chunk_is_waited_for():
    ended = asyncio.Event()

    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self):
            yield sse(chunk(content="hel")).removesuffix(b"data: [DONE]\n\n")
            await asyncio.Event().wait()

        async def aclose(self):
            ended.set()

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Endless()))
    async with model_at(transport).request_stream(QUESTION, None, PARAMETERS) as stream:
        await anext(aiter(stream))
        await stream.cancel()
    await asyncio.wait_for(ended.wait(), 5)


NAMES = ["choices", "delta", "content", "tool_calls", "function", "name", "arguments", "index", "id", "usage", "error"]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 2), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=12,
)
CALLS = st.fixed_dictionaries({"index": JSON, "id": JSON, "function": JSON})
NEARLY = st.fixed_dictionaries({"content": JSON, "reasoning": JSON, "tool_calls": st.lists(CALLS, max_size=2)})


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(st.one_of(JSON, NEARLY.map(lambda d: chunk(**d)))).map(lambda c: sse(*c))
    )
)
async def test_whatever_a_service_sends_is_an_answer_or_a_typed_error(content):
    with suppress(LlmError):
        await answered(model_at(answering(content)[0]))
