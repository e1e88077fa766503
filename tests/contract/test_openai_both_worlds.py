"""OpenAI's official client before an agent whose runs are kept, and before one whose runs are not."""

import asyncio

import openai
import pytest

from fujie.protocols.agentscope.decode import Decoder
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from tests.agents.doubles import eventually
from tests.contract.both_worlds import BOTH
from tests.contract.openai_world import client, served

ANSWER = (
    ReasoningStarted("r"), ReasoningDelta("r", "let me think"), ReasoningEnded("r"),
    ToolCalled("c", "call_1", "get_weather", "{}"), ToolReturned("o", "call_1", "get_weather", "sunny", True, 5),
    TextStarted("m"), TextDelta("m", "sun"), TextDelta("m", "ny"), TextEnded("m"),
)  # fmt: skip
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(params=BOTH)
def world(request):
    return request.param


def alice(made):
    return client(made, token="alice")


async def test_chat_tells_an_answer_whole_and_in_pieces(world):
    made = world(ANSWER, ANSWER)
    whole = (await alice(made).chat.completions.create(**CHAT)).choices[0].message
    assert (whole.content, whole.reasoning_content, whole.tool_calls[0].id) == ("sunny", "let me think", "call_1")
    chunks = [chunk async for chunk in await alice(made).chat.completions.create(**CHAT, stream=True)]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "sunny"


async def test_a_response_is_told_kept_for_a_while_and_streamed_again(world):
    made = world(ANSWER)
    responses = alice(made).responses
    events = [event async for event in await responses.create(model="m", input="hi", metadata={"k": "v"}, stream=True)]
    final = events[-1].response
    assert [item.type for item in final.output] == ["reasoning", "function_call", "function_call_output", "message"]
    assert (final.output_text, final.model, final.metadata) == ("sunny", "m", {"k": "v"})
    assert await responses.retrieve(final.id) == final
    again = await responses.retrieve(final.id, stream=True, starting_after=7)
    assert [event async for event in again] == events[8:]
    with pytest.raises(openai.NotFoundError):
        await client(made, token="bob").responses.retrieve(final.id)


async def test_a_response_in_the_background_is_canceled(world):
    hold = asyncio.Event()
    responses = alice(world(hold.wait)).responses
    begun = await responses.create(model="m", input="hi", background=True)

    async def is_running():
        return (await responses.retrieve(begun.id)).status == "in_progress"

    await eventually(is_running)
    await responses.cancel(begun.id)

    async def is_cancelled():
        return (await responses.retrieve(begun.id)).status == "cancelled"

    await eventually(is_cancelled)


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_client_that_closes_its_stream_cancels_the_run(world, api):
    made = world((TextStarted("m"), TextDelta("m", "half"), lambda: asyncio.sleep(60)))
    async with served(made.app) as url, openai.AsyncOpenAI(api_key="alice", base_url=f"{url}/v1") as sender:
        if api == "chat":
            stream = await sender.chat.completions.create(**CHAT, stream=True)
            run_id = (await anext(stream)).fujie["run_id"]
        else:
            stream = await sender.responses.create(model="m", input="hi", stream=True)
            run_id = (await anext(stream)).response.fujie["run_id"]
        await stream.close()

        async def is_canceled():
            return (await alice(made).responses.retrieve(f"resp_{run_id}")).status == "cancelled"

        await eventually(is_canceled)


async def test_a_reader_that_leaves_a_run_in_the_background_comes_back_for_the_rest(world):
    go = asyncio.Event()
    made = world((TextStarted("m"), TextDelta("m", "half"), go.wait, TextDelta("m", " and half"), TextEnded("m")))
    async with served(made.app) as url, openai.AsyncOpenAI(api_key="alice", base_url=f"{url}/v1") as sender:
        stream = await sender.responses.create(model="m", input="hi", background=True, stream=True)
        seen = [await anext(stream) for _ in range(5)]
        await stream.close()
        later = await sender.responses.retrieve(
            seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
        )
        go.set()
        rest = [event async for event in later]
    numbers = [event.sequence_number for event in seen + rest]
    assert numbers == list(range(len(numbers)))
    assert rest[-1].response.output_text == "half and half"


async def test_a_conversation_goes_on_from_a_response(world):
    made = world("one", "two")
    first = await alice(made).responses.create(model="m", input="hi")
    second = await alice(made).responses.create(model="m", input="and?", previous_response_id=first.id)
    assert (second.output_text, second.conversation) == ("two", first.conversation)


async def test_a_run_is_the_same_at_whichever_door_it_is_met(world):
    go = asyncio.Event()
    made = world((TextStarted("m"), TextDelta("m", "sun"), go.wait, TextDelta("m", "ny"), TextEnded("m")))
    asked = {"input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "session_id": "s"}
    task = (await made.post("/process/task", asked)).json()["task_id"]
    streaming = asyncio.create_task(made.get(f"/process/{task}/events"))
    responses = alice(made).responses

    async def has_begun():
        return (await responses.retrieve(f"resp_{task}")).output_text == "sun"

    await eventually(has_begun)
    go.set()
    frames = Decoder().feed((await asyncio.wait_for(streaming, 5)).text)
    final = await responses.retrieve(f"resp_{task}")
    assert frames[-1]["output"][0]["content"][0]["text"] == final.output_text == "sunny"
    assert (final.conversation.id, final.model) == ("s", "Fujie")
