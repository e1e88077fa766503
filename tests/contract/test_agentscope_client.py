"""AgentScope Runtime's own client, unmodified, blocking and not, before runs that are kept and runs that are not."""

import asyncio
from contextlib import aclosing

import httpx
import pytest
import requests

from fujie.agents.errors import StepLimitError
from fujie.protocols.events import ReasoningDelta, ReasoningEnded, ReasoningStarted, TextDelta, TextEnded, TextStarted
from tests.agents.doubles import eventually
from tests.contract.both_worlds import BOTH
from tests.contract.openai_world import served
from tests.contract.runtime_world import waiting_world
from tests.protocols.agentscope_models import official_client
from tests.protocols.test_agentscope_traces import ARGUMENTS, CALLED, RETURNED

SAID = (TextStarted("m"), TextDelta("m", "Hel"), TextDelta("m", "lo 世界"), TextEnded("m"))
THOUGHT = (ReasoningStarted("r"), ReasoningDelta("r", "let me think"), ReasoningEnded("r"))


@pytest.fixture(params=BOTH)
def world(request):
    return request.param


@pytest.fixture(scope="module")
def agentscope():
    return official_client()


@pytest.fixture(params=["stream", "astream"])
def asked(request, agentscope):
    """Return what asks a world with the blocking or the asynchronous client, and gives its events."""

    async def ask(made, token="alice", **fields):
        question = agentscope.create_simple_text_request("hi", **fields)
        async with served(made.app) as url:
            client = agentscope.HTTPAgentAPIClient(f"{url}/process", token=token)
            if request.param == "astream":
                return [event async for event in client.astream(question)]
            return await asyncio.to_thread(lambda: list(client.stream(question)))

    return ask


def text_of(agentscope, events):
    contents = [event for event in events if event.object == "content" and event.delta]
    return "".join(agentscope.extract_text_from_event(event) for event in contents)


async def test_a_plain_answer(world, agentscope, asked):
    events = await asked(world(SAID), session_id="s1")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert text_of(agentscope, events) == "Hello 世界"
    assert (events[-1].status, events[-1].session_id, len(events[-1].output)) == ("completed", "s1", 1)


async def test_a_tool_call_and_reasoning(world, asked):
    events = await asked(world((*THOUGHT, *CALLED, RETURNED, *SAID)))
    thought, call, output, _ = events[-1].output
    assert (thought.type, thought.content[0].text) == ("reasoning", "let me think")
    assert (call.type, call.content[0].data["arguments"]) == ("plugin_call", ARGUMENTS)
    assert (output.type, output.metadata["ok"]) == ("plugin_call_output", True)


@pytest.mark.parametrize("before", [(), SAID[:2]])
async def test_an_error_before_or_after_the_first_token(world, asked, before):
    events = await asked(world((*before, StepLimitError("in a circle"))))
    assert (events[-1].status, events[-1].error.code) == ("failed", "step_limit")
    assert [message.status for message in events[-1].output or ()] == ["incomplete"] * bool(before)


async def test_a_client_that_is_not_let_in_raises(world, asked):
    with pytest.raises((httpx.HTTPStatusError, requests.HTTPError), match="401"):
        await asked(world(), token="x")


async def test_a_client_that_leaves_stops_its_run(world, agentscope):
    made = world((*SAID[:2], lambda: asyncio.sleep(60)))
    question = agentscope.create_simple_text_request("hi", session_id="s1")
    async with served(made.app) as url:
        async with aclosing(agentscope.HTTPAgentAPIClient(f"{url}/process", token="alice").astream(question)) as events:
            first = await anext(events)

        async def is_stopped():
            task = await made.get(f"/process/task/{first.id.removeprefix('response_')}")
            return task.json() == {"status": "error", "result": "the run was canceled"}

        await eventually(is_stopped)


async def test_a_pause_is_text_with_the_link_and_an_incomplete_response(agentscope, asked):
    made = waiting_world().made
    token = (await made.bearer())["authorization"].split()[1]
    events = await asked(made, token=token)
    assert "http://localhost/connect/c1" in text_of(agentscope, events)
    assert events[-1].status == "incomplete"
    assert events[-1].output[-1].content[1].data["type"] == "authorization_required"


async def test_a_run_that_is_stopped_ends_the_clients_stream(world, asked):
    made = world((*SAID[:2], lambda: asyncio.sleep(60)))
    asking = asyncio.create_task(asked(made, session_id="s1"))

    async def has_begun():
        return (await made.post("/process/stop", {"session_id": "s1"})).status_code == 200

    await eventually(has_begun, 10)
    assert (await asyncio.wait_for(asking, 10))[-1].status == "canceled"


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_after_each_answer_to_a_pause_the_session_goes_on(asked, outcome):
    waiting = waiting_world("that's it", "as I said")
    token = (await waiting.made.bearer())["authorization"].split()[1]
    assert (await asked(waiting.made, token=token, session_id="s1"))[-1].status == "incomplete"
    await waiting.settle(outcome)
    await waiting.wake()
    token = (await waiting.made.bearer())["authorization"].split()[1]
    events = await asked(waiting.made, token=token, session_id="s1")
    assert (events[-1].status, len(waiting.made.mind.seen[-1].prior)) == ("completed", 1)
    assert ["noon" in result for result in waiting.made.mind.seen[1].results.values()] == [outcome == "completed"]
