"""The Responses API as OpenAI's official client speaks it: created, streamed, retrieved, canceled, gone on with."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import openai
import pytest

from fujie import clock
from fujie.agents.errors import StepLimitError
from fujie.agents.runner import ToolCall
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalling,
)
from tests.agents.doubles import SUNNY, eventually
from tests.contract.openai_world import blocking, client, ours
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import BOB, Connection

ASKED = {"model": "m", "input": "hi"}
PATHS = ["/openai/v1", "/v1", "/compatible-mode/v1"]


async def ask(made, **fields):
    return await client(made).responses.create(**ASKED | fields)


async def stream(made, **fields):
    return [event async for event in await ask(made, stream=True, **fields)]


def kinds(events):
    return [event.type.removeprefix("response.") for event in events]


def run_id(response):
    return response.id.removeprefix("resp_")


async def bob(made):
    return client(made, token=(await made.bearer(user=BOB))["authorization"].split()[1])


# Answers


@pytest.mark.parametrize("path", PATHS)
async def test_a_whole_answer_is_a_real_response_at_every_prefix(path):
    made = world("hello you")
    response = await client(made, path=path).responses.create(**ASKED, metadata={"k": "v"}, temperature=0.5)
    assert (response.object, response.status, response.output_text) == ("response", "completed", "helloyou")
    assert (response.model, response.metadata, response.temperature) == ("m", {"k": "v"}, 0.5)
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (10, 1, 11)
    run = await made.store.run(run_id(response))
    assert (response.conversation.id, ours(response)["session_id"]) == (run.conversation_id, run.conversation_id)


async def test_the_stream_helper_adds_the_events_up():
    async with client(world("hello you")).responses.stream(**ASKED) as events:
        found = [event async for event in events]
        final = await events.get_final_response()
    assert kinds(found) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in found] == list(range(10))
    assert (final.status, final.output_text) == ("completed", "helloyou")


async def test_the_blocking_client_gets_all_of_it():
    made = world("hello you", "and again", "in the background")

    def everything(sync):
        whole = sync.responses.create(**ASKED)
        with sync.responses.create(**ASKED, stream=True) as events:
            streamed = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        begun = sync.responses.create(**ASKED, background=True)
        with sync.responses.stream(response_id=begun.id, starting_after=1) as later:
            text = later.get_final_response().output_text
        return whole.output_text, streamed, begun.status, text, sync.responses.retrieve(begun.id).output_text

    told = await blocking(made, everything)
    assert told == ("helloyou", "andagain", "queued", "inthebackground", "inthebackground")


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_tool_call_and_what_it_gave_are_visible(streamed):
    made = world([("get_weather", {"city": "Hangzhou"})], "it's sunny", get_weather=SUNNY)
    response = (await stream(made))[-1].response if streamed else await ask(made)
    call, output, message = response.output
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "get_weather", {"city": "Hangzhou"})
    assert (output.type, output.call_id, output.output) == ("function_call_output", call.call_id, "sunny")
    assert (ours(output)["ok"], message.type, response.output_text) == (True, "message", "it'ssunny")


async def test_a_call_in_the_writing_arrives_whole():
    writing = [ToolCalling("m1", "call_1", "get_weather", text) for text in ("", "{}", '{"city": "Hang')]
    made = world((*writing, ToolCall("call_1", "get_weather", {"city": "Hangzhou"})), "sunny", get_weather=SUNNY)
    async with client(made).responses.stream(**ASKED) as events:
        found = [event async for event in events]
    deltas = [event for event in found if event.type == "response.function_call_arguments.delta"]
    assert [event.snapshot for event in deltas] == ['{"city": "Hangzhou"}']
    assert [item.type for item in found[-1].response.output] == ["function_call", "function_call_output", "message"]


async def test_reasoning_is_an_item_before_the_answer():
    thought = [ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"), ReasoningEnded("r")]
    made = world((*thought, TextStarted("m"), TextDelta("m", "42"), TextEnded("m")))
    found = await stream(made)
    assert [event.delta for event in found if event.type == "response.reasoning_text.delta"] == ["let me", " think"]
    reasoning, message = found[-1].response.output
    assert (reasoning.type, reasoning.content[0].text, message.type) == ("reasoning", "let me think", "message")
    assert found[-1].response.output_text == "42"


# Conversations


@pytest.mark.parametrize("by", ["previous_response_id", "conversation"])
async def test_a_conversation_goes_on_with_what_is_new(by):
    made = world("one", "two")
    first = await ask(made)
    named = {"previous_response_id": first.id} if by == "previous_response_id" else {"conversation": first.conversation}
    second = await ask(made, **named)
    assert second.conversation == first.conversation
    assert second.previous_response_id == (first.id if by == "previous_response_id" else None)
    assert len(made.mind.seen[1].prior) == 1


async def test_without_one_earlier_items_are_context_and_instructions_come_first():
    made = world("fine")
    earlier = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}]
    await ask(made, instructions="Be brief.", input=[*earlier, {"role": "user", "content": "hi"}])
    (step,) = made.mind.seen
    assert [message.role for message in step.request.input] == ["system", "user", "assistant", "user"]
    assert step.request.question() == "hi"


async def test_what_a_response_put_out_can_be_sent_back_as_context():
    made = world([("get_weather", {})], "sunny", "rainy", get_weather=SUNNY)
    first = await ask(made)
    await ask(made, input=[*(item.model_dump() for item in first.output), {"role": "user", "content": "and tomorrow?"}])
    assert [message.role for message in made.mind.seen[-1].request.input] == ["assistant", "user"]


async def test_a_previous_response_that_is_not_there_or_somebody_elses_is_not_found():
    made = world("mine")
    first = await ask(made)
    for sender, id_ in ((client(made), "resp_0"), (client(made), "x"), (await bob(made), first.id)):
        with pytest.raises(openai.NotFoundError) as missing:
            await sender.responses.create(**ASKED, previous_response_id=id_)
        assert (missing.value.code, missing.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_somebody_elses_conversation_is_another():
    made = world("mine", "his")
    first = await ask(made)
    his = await (await bob(made)).responses.create(**ASKED, conversation=first.conversation.id)
    assert (his.output_text, his.conversation.id) == ("his", first.conversation.id)
    assert list(made.mind.seen[-1].prior) == []


# Kept


async def test_a_response_is_retrieved_as_it_was_answered():
    made = world([("get_weather", {})], "it's sunny", get_weather=SUNNY)
    first = await ask(made, instructions="Be brief.", metadata={"k": "v"})
    assert await client(made).responses.retrieve(first.id) == first


async def test_a_run_that_came_in_by_another_door_is_a_response_too():
    made = world("hello you")
    chat = await client(made).chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    response = await client(made).responses.retrieve(f"resp_{chat.fujie['run_id']}")
    assert (response.output_text, response.model) == ("helloyou", made.parts.agent.app_name)


async def test_a_stream_is_read_again_from_any_event_on():
    made = world([("get_weather", {})], "it's sunny", get_weather=SUNNY)
    whole = await stream(made)
    id_ = whole[0].response.id
    again = client(made).responses
    assert [event async for event in await again.retrieve(id_, stream=True)] == whole
    assert [event async for event in await again.retrieve(id_, stream=True, starting_after=6)] == whole[7:]


async def test_a_response_that_is_not_there_or_somebody_elses_is_not_found():
    made = world("mine")
    first = await ask(made)
    for method in ("retrieve", "cancel"):
        for sender, id_ in ((client(made), "resp_0"), (client(made), "chatcmpl-1"), (await bob(made), first.id)):
            with pytest.raises(openai.NotFoundError) as missing:
                await getattr(sender.responses, method)(id_)
            assert missing.value.code == "response_not_found"


async def test_nothing_is_deleted():
    with pytest.raises(openai.APIStatusError) as refused:
        await client(world()).responses.delete("resp_0")
    assert refused.value.status_code == 405


async def test_a_place_in_the_stream_is_a_number():
    made = world("mine")
    first = await ask(made)
    with pytest.raises(openai.BadRequestError) as wrong:
        await client(made).responses.retrieve(first.id, stream=True, extra_query={"starting_after": "x"})
    assert wrong.value.param == "starting_after"


# In the background


async def test_a_run_in_the_background_goes_on_without_its_client():
    go = asyncio.Event()
    made = world(go.wait)
    made.mind.script.append("unheard")
    begun = await ask(made, background=True)
    assert (begun.status, begun.background, begun.output) == ("queued", True, [])
    await eventually(lambda: status_is(made, begun.id, "in_progress"))
    cancelled = await client(made).responses.cancel(begun.id)
    assert cancelled.status == "cancelled"
    assert await client(made).responses.cancel(begun.id) == cancelled


async def status_is(made, id_, status):
    return (await client(made).responses.retrieve(id_)).status == status


async def test_a_streams_reader_may_leave_a_run_in_the_background_and_come_back():
    made = world("hello you")
    events = await ask(made, background=True, stream=True)
    first = await anext(events)
    await events.close()
    await eventually(lambda: status_is(made, first.response.id, "completed"))
    later = await client(made).responses.retrieve(first.response.id, stream=True, starting_after=first.sequence_number)
    found = [event async for event in later]
    assert [event.sequence_number for event in found] == list(range(1, 10))
    assert found[-1].response.output_text == "helloyou"


# Failures


@pytest.mark.parametrize("script", [[], [[("get_weather", {})]]])
async def test_a_failure_before_or_after_the_first_token_is_a_failed_response(script):
    found = await stream(world(*script, StepLimitError("in a circle"), get_weather=SUNNY))
    response = found[-1].response
    assert (kinds(found)[-1], response.status) == ("failed", "failed")
    assert (response.error.code, response.error.message) == ("server_error", "in a circle")
    assert ours(response)["error_code"] == "step_limit"


async def test_a_whole_answer_that_failed_raises_and_is_not_asked_for_again():
    made = world(StepLimitError("in a circle"), "a second try")
    with pytest.raises(openai.InternalServerError) as failed:
        await ask(made)
    assert (failed.value.code, failed.value.type) == ("step_limit", "server_error")
    assert len(made.mind.seen) == 1


async def test_a_text_that_breaks_off_is_closed_as_incomplete():
    made = world((TextStarted("m"), TextDelta("m", "half an ans"), StepLimitError("gone")))
    found = await stream(made)
    assert kinds(found)[-4:] == ["output_text.done", "content_part.done", "output_item.done", "failed"]
    (message,) = found[-1].response.output
    assert (message.status, message.content[0].text) == ("incomplete", "half an ans")


async def test_a_run_that_is_canceled_meanwhile_says_so_in_its_answer():
    hold = asyncio.Event()
    made = world(hold.wait)
    waiting = asyncio.create_task(ask(made, conversation="s"))
    await eventually(lambda: begun(made))
    (run,) = await made.store.runs("s")
    await client(made).responses.cancel(f"resp_{run.id}")
    assert (await asyncio.wait_for(waiting, 3)).status == "cancelled"


async def begun(made):
    return any([await made.store.events(run.id) for run in await made.store.runs("s")])


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_goes_away_cancels_its_run(streamed):
    made = world(lambda: asyncio.sleep(60))
    body = json.dumps(ASKED | {"stream": streamed, "conversation": "s"}).encode()
    connection = Connection(made.app, "/v1/responses", body, await made.bearer())
    await eventually(lambda: begun(made))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    assert [run.status for run in await made.store.runs("s")] == ["canceled"]


# Consent


async def test_a_pause_gives_the_link_as_text_and_as_data_and_is_incomplete():
    found = await stream(waiting_world().made)
    response = found[-1].response
    assert (kinds(found)[-1], response.status) == ("incomplete", "incomplete")
    asked = ours(response)["authorization_required"]
    assert asked["connect_url"] == "http://localhost/connect/c1"
    assert asked["connect_url"] in response.output_text
    assert ours(response.output[-1]) == {"authorization_required": asked}
    assert ours(response)["waiting_for"] == ["c1"]


async def test_until_it_is_settled_its_conversation_is_busy():
    waiting = waiting_world()
    first = await ask(waiting.made)
    assert first.status == "incomplete"
    with pytest.raises(openai.ConflictError) as busy:
        await ask(waiting.made, previous_response_id=first.id)
    assert busy.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_who_comes_back_after_the_answer_reads_on_where_the_pause_was(outcome):
    waiting = waiting_world("that's it")
    seen = await stream(waiting.made)
    id_ = seen[-1].response.id
    coming = asyncio.create_task(rest_of(waiting.made, id_, seen[-1].sequence_number))
    await waiting.settle(outcome)
    await waiting.wake()
    found = await asyncio.wait_for(coming, 5)
    assert [event.sequence_number for event in found] == list(range(len(seen), len(seen) + len(found)))
    response = found[-1].response
    assert (kinds(found)[-1], response.status) == ("completed", "completed")
    assert response.output_text.endswith("that'sit")
    assert ours(response)["authorizations_resolved"] == [{"consent_id": "c1", "outcome": outcome}]
    output = next(item for item in response.output if item.type == "function_call_output")
    assert ours(output)["ok"] == (outcome == "completed")
    assert await client(waiting.made).responses.retrieve(id_) == response


async def test_a_wait_that_ran_out_is_answered_to_who_asks_for_it(monkeypatch):
    made = waiting_world("too late").made
    first = await ask(made)
    later = replace(made.runs._timing, now=lambda: clock.now() + timedelta(minutes=11))
    monkeypatch.setattr(made.runs, "_timing", later)
    response = (await asyncio.wait_for(rest_of(made, first.id, 0), 5))[-1].response
    assert (response.status, response.output_text.endswith("toolate")) == ("completed", True)
    assert ours(response)["authorizations_resolved"] == [{"consent_id": "c1", "outcome": "expired"}]


async def rest_of(made, id_, after):
    return [event async for event in await client(made).responses.retrieve(id_, stream=True, starting_after=after)]


async def test_a_run_that_waits_can_be_canceled():
    waiting = waiting_world()
    first = await ask(waiting.made)
    cancelled = await client(waiting.made).responses.cancel(first.id)
    assert cancelled.status == "cancelled"
    assert "waiting_for" not in ours(cancelled)


# Who is let in, and what is wrong


async def test_without_a_good_token_nothing_begins():
    made = world()
    for call in (lambda c: c.responses.create(**ASKED), lambda c: c.responses.retrieve("resp_0")):
        with pytest.raises(openai.AuthenticationError) as refused:
            await call(client(made, token="x"))
        assert (refused.value.code, refused.value.type) == ("token_invalid", "authentication_error")
        assert refused.value.response.headers["www-authenticate"] == "Bearer"
    assert made.mind.seen == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0]"),
        ({"conversation": "a b"}, "conversation"),
    ],
)
async def test_what_is_wrong_is_a_bad_request_that_says_where(fields, param):
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(world(), **fields)
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")


async def test_a_body_that_is_no_json_is_a_bad_request():
    made = world()
    answer = await made.client.post("/v1/responses", content=b"{", headers=await made.bearer())
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
