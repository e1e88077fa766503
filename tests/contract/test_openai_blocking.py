"""OpenAI's blocking client, unmodified, over a socket: chat and responses through all that can happen to an answer."""

import asyncio
import threading

import openai
import pytest

from fujie.agents.errors import StepLimitError
from fujie.protocols.events import ReasoningDelta, ReasoningEnded, ReasoningStarted, TextDelta, TextEnded, TextStarted
from tests.agents.doubles import SUNNY, eventually
from tests.contract.openai_world import blocking, ours
from tests.contract.runtime_world import waiting_world, world

HI = [{"role": "user", "content": "hi"}]
THOUGHT = (ReasoningStarted("r"), ReasoningDelta("r", "hm"), ReasoningEnded("r"))
HALF = (TextStarted("m"), TextDelta("m", "half"))
WHOLE = (*HALF, TextEnded("m"))
FAILED = StepLimitError("in a circle")


class Chat:
    """Chat completions; a session is named in the query."""

    def ask(self, sync, *, stream=True):
        return sync.chat.completions.create(model="m", messages=HI, stream=stream, extra_query={"sessionId": "s"})

    def read(self, told):
        """Return what was said, thought and called, and how it ended."""
        text, thought, called, end = "", "", [], ""
        for chunk in told:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                thought += (choice.delta.model_extra or {}).get("reasoning_content", "")
                called += [call.function.name for call in choice.delta.tool_calls or () if call.function.name]
                end = choice.finish_reason or end
        return text, thought, called, end

    def asked_for(self, answer):
        return ours(answer)["authorization_required"]

    def failure(self, sync):
        """Return the code of the failure that a stream ends in."""
        with pytest.raises(openai.APIError) as failed:
            self.read(self.ask(sync))
        return failed.value.code


class Responses:
    """The Responses API; a conversation is named in the body."""

    def ask(self, sync, *, stream=True):
        return sync.responses.create(model="m", input="hi", stream=stream, extra_body={"conversation": "s"})

    def read(self, told):
        response = [event.response for event in told if hasattr(event, "response")][-1]
        thoughts = [item.content[0].text for item in response.output if item.type == "reasoning"]
        called = [item.name for item in response.output if item.type == "function_call"]
        return response.output_text, "".join(thoughts), called, response.status

    def asked_for(self, answer):
        return ours(answer)["authorization_required"]

    def failure(self, sync):
        last = list(self.ask(sync))[-1]
        assert last.type == "response.failed"
        return last.response.error.code


@pytest.fixture(params=[Chat, Responses])
def api(request):
    return request.param()


async def test_a_tool_call(api):
    made = world([("get_weather", {})], "sunny", get_weather=SUNNY)
    text, _, called, end = await blocking(made, lambda sync: api.read(api.ask(sync)))
    assert (text, called, end in {"stop", "completed"}) == ("sunny", ["get_weather"], True)


async def test_reasoning(api):
    text, thought, _, _ = await blocking(world((*THOUGHT, *WHOLE)), lambda sync: api.read(api.ask(sync)))
    assert (text, thought) == ("half", "hm")


@pytest.mark.parametrize("script", [(FAILED,), (*HALF, FAILED)], ids=["before", "after"])
async def test_an_error_before_and_after_the_first_token(api, script):
    code = await blocking(world(script), api.failure)
    assert code in {"step_limit", "server_error"}


async def test_a_run_that_is_canceled_meanwhile(api):
    made = world((*HALF, asyncio.Event().wait))
    begun = threading.Event()

    def read(sync):
        told = []
        try:
            for event in api.ask(sync):
                told.append(event)
                begun.set()
        except openai.APIError as error:
            return error.code
        return told[-1].response.status

    reading = asyncio.create_task(blocking(made, read))
    await eventually(lambda: _is(begun.is_set()))
    (run,) = await made.store.runs("s")
    await made.runs.cancel(run.id, run.user)
    assert await asyncio.wait_for(reading, 10) in {"canceled", "cancelled"}


async def test_a_client_that_closes_its_stream_ends_the_run(api):
    made = world((*HALF, asyncio.Event().wait))

    def leave(sync):
        with api.ask(sync) as told:
            next(iter(told))

    async def is_canceled():
        return [run.status for run in await made.store.runs("s")] == ["canceled"]

    await blocking(made, leave)
    await eventually(is_canceled, 10)


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_a_pause_and_after_each_answer_the_session_goes_on(api, outcome):
    waiting = waiting_world("that's it", "as I said")
    first = await blocking(waiting.made, lambda sync: api.ask(sync, stream=False))
    asked = api.asked_for(first)
    assert "http://localhost/connect/c1" in str(asked)
    await waiting.settle(outcome)
    await waiting.wake()
    text, _, _, _ = await blocking(waiting.made, lambda sync: api.read(api.ask(sync)))
    assert text == "asIsaid"
    assert ["noon" in result for result in waiting.made.mind.seen[1].results.values()] == [outcome == "completed"]


async def test_a_response_is_read_on_from_any_event():
    made = world(WHOLE)

    def again(sync):
        first = list(Responses().ask(sync))
        id_, half = first[-1].response.id, len(first) // 2
        after = first[half].sequence_number
        return first[half + 1 :], list(sync.responses.retrieve(id_, stream=True, starting_after=after))

    rest, read = await blocking(made, again)
    assert [event.sequence_number for event in read] == [event.sequence_number for event in rest]


async def _is(true):
    return true
