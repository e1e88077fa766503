"""What a service is told, beside what the official library tells it of the same conversation."""

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai import BinaryContent, ImageUrl
from pydantic_ai.messages import (
    AudioUrl,
    InstructionPart,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.tools import ToolDefinition

from fujie.errors import InputError
from fujie.llm.chat_model import PROVIDER_NAME
from fujie.llm.messages import wire_messages
from tests.llm.services import URL, answering, chunk, model_at, sse

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
IDS = st.sampled_from(["call_1", "call_2", "call_3"])
ARGUMENTS = st.one_of(st.just({"city": "杭州"}), st.just('{"city": "Xi\'an"}'), st.just({}))
USER_CONTENT = st.one_of(
    TEXTS,
    st.builds(ImageUrl, url=st.sampled_from(["https://example.com/a.png", "data:image/png;base64,AA=="])),
    st.just(BinaryContent(b"\x89PNG", media_type="image/png")),
)
ASKED = st.one_of(
    st.builds(UserPromptPart, content=st.one_of(TEXTS, st.lists(USER_CONTENT, max_size=3))),
    st.builds(SystemPromptPart, content=TEXTS),
    st.builds(ToolReturnPart, tool_name=st.just("weather"), content=st.one_of(TEXTS, ARGUMENTS), tool_call_id=IDS),
)
ANSWERED = st.one_of(
    st.builds(TextPart, content=TEXTS),
    st.builds(ToolCallPart, tool_name=st.just("weather"), args=ARGUMENTS, tool_call_id=IDS),
    st.builds(
        ThinkingPart,
        content=TEXTS,
        id=st.sampled_from([None, "content", "reasoning", "reasoning_content"]),
        provider_name=st.sampled_from([None, PROVIDER_NAME, "another"]),
    ),
)
MESSAGES = st.lists(
    st.one_of(
        st.builds(ModelRequest, parts=st.lists(ASKED, min_size=1, max_size=3)),
        st.builds(ModelResponse, parts=st.lists(ANSWERED, max_size=4)),
    ),
    max_size=6,
)
TOOL = ToolDefinition(
    name="weather",
    description="The weather of a city",
    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    strict=False,
)
INSTRUCTIONS = [InstructionPart(content="Be brief."), InstructionPart(content="Answer in Chinese.")]
PARAMETERS = ModelRequestParameters(function_tools=[TOOL], instruction_parts=INSTRUCTIONS)


def official_at(transport):
    client = openai.AsyncOpenAI(
        base_url=URL, api_key="k", max_retries=0, http_client=httpx2.AsyncClient(transport=transport)
    )
    return OpenAIChatModel("small", provider=OpenAICompatibleProvider(PROVIDER_NAME, openai_client=client))


async def body_of(make, messages, parameters=PARAMETERS, settings=None):
    transport, asked = answering(sse(chunk(content="x"), chunk("stop")))
    async with make(transport).request_stream(messages, settings, parameters) as stream:
        async for _ in stream:
            pass
    return asked[0]


@given(MESSAGES)
async def test_any_conversation_is_told_as_the_official_library_tells_it(messages):
    assert await body_of(model_at, messages) == await body_of(official_at, messages)


async def test_settings_go_out_under_the_names_that_the_official_library_gives_them():
    asked = [ModelRequest([UserPromptPart("hi")])]
    settings = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.5, "seed": 7, "stop_sequences": ["END"]}
    ours = await body_of(model_at, asked, settings=settings)
    assert ours == await body_of(official_at, asked, settings=settings)
    assert ours["max_completion_tokens"] == 9


async def test_without_tools_none_are_told():
    ours = await body_of(model_at, [ModelRequest([UserPromptPart("hi")])], ModelRequestParameters())
    assert set(ours) == {"model", "messages", "stream", "stream_options"}


def test_what_the_wire_has_no_word_for_is_refused_before_anything_is_sent():
    asked = [ModelRequest([UserPromptPart([AudioUrl("https://example.com/a.mp3")])])]
    with pytest.raises(InputError):
        wire_messages([], asked, PROVIDER_NAME)
