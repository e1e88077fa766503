"""OpenAI's door, entered by the official client, unmodified: sync and async, stream and whole."""

import asyncio
import json

import openai
import pytest

from fujie.agents.errors import StepLimitError
from fujie.agents.serving import stream as streaming
from fujie.protocols.events import (
    DataProduced,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
)
from tests.agents.doubles import SUNNY, eventually
from tests.contract.openai_world import blocking, client, ours
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import BOB, ID_TOKEN, Connection

ASKED = [{"role": "user", "content": "hi"}]
CHAT = {"model": "m", "messages": ASKED}
PATHS = ["/openai/v1", "/v1"]


async def ask(made, **fields):
    return await client(made).chat.completions.create(**CHAT | fields)


async def stream(made, **fields):
    return [chunk async for chunk in await ask(made, stream=True, **fields)]


def said(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finish(chunks):
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


# Answers


@pytest.mark.parametrize("path", PATHS)
async def test_the_async_client_gets_a_whole_answer_at_either_prefix(path):
    made = world("hello you")
    answer = await client(made, path=path).chat.completions.create(**CHAT)
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "helloyou", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (10, 1, 11)
    run = await made.store.run(answer.fujie["run_id"])
    assert (answer.id, answer.fujie["session_id"]) == (f"chatcmpl-{run.id}", run.conversation_id)


async def test_the_async_client_gets_chunks_and_usage_when_it_asks():
    chunks = await stream(world("hello you"), stream_options={"include_usage": True})
    assert said(chunks) == "helloyou"
    assert finish(chunks) == ["stop"]
    assert chunks[-1].usage.total_tokens == 11
    assert (await stream(world("hello you")))[-1].usage is None


async def test_the_blocking_client_gets_both():
    made = world("hello you", "and again")

    def both(sync):
        whole = sync.chat.completions.create(**CHAT)
        with sync.chat.completions.create(**CHAT, stream=True) as chunks:
            return whole.choices[0].message.content, said(list(chunks))

    assert await blocking(made, both) == ("helloyou", "andagain")


@pytest.mark.parametrize("streamed", [True, False])
async def test_reasoning_and_values_stand_beside_the_answer(streamed):
    thought = [ReasoningStarted("r"), ReasoningDelta("r", "let me"), ReasoningDelta("r", " think"), ReasoningEnded("r")]
    made = world((*thought, TextStarted("m"), TextDelta("m", "42"), TextEnded("m"), DataProduced("d", '{"a": 1}')))
    if streamed:
        chunks = await stream(made)
        deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
        reasoning = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
        text, data = said(chunks), [ours(chunk)["data"] for chunk in chunks if "data" in ours(chunk)]
    else:
        answer = await ask(made)
        reasoning, text = answer.choices[0].message.reasoning_content, answer.choices[0].message.content
        data = answer.fujie["data"]
    assert (reasoning, text, data) == ("let me think", '42\n\n{"a": 1}', [{"a": 1}])


async def test_the_clients_stream_helper_adds_the_chunks_up():
    made = world([("get_weather", {"city": "Hangzhou"})], "it's sunny", get_weather=SUNNY)
    async with client(made).chat.completions.stream(**CHAT) as events:
        kinds = [event.type async for event in events]
        final = await events.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert final.choices[0].message.content == "it'ssunny"
    assert final.choices[0].message.tool_calls[0].function.name == "get_weather"


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_tool_call_is_visible_and_the_answer_stops(streamed):
    made = world([("get_weather", {"city": "Hangzhou"})], "it's sunny", get_weather=SUNNY)
    if streamed:
        chunks = await stream(made)
        calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
        results = [ours(chunk)["tool_result"] for chunk in chunks if "tool_result" in ours(chunk)]
        reason = finish(chunks)[0]
    else:
        answer = await ask(made)
        calls, results = answer.choices[0].message.tool_calls, answer.fujie["tool_results"]
        reason = answer.choices[0].finish_reason
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("get_weather", {"city": "Hangzhou"})
    ]
    assert [(result["call_id"], result["output"]) for result in results] == [(calls[0].id, "sunny")]
    assert reason == "stop"


async def test_a_client_that_answers_the_shown_call_itself_does_not_make_it_happen_twice():
    made = world([("write", {})], "written", write=SUNNY)
    message = (await ask(made)).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "unknown tool"}
    with pytest.raises(openai.BadRequestError, match="the last message is not the user's"):
        await ask(made, messages=[*ASKED, message.model_dump(exclude_none=True), result])
    assert len(made.tools.calls) == 1


# Sessions


async def test_a_session_goes_on_and_without_one_each_request_is_a_new_conversation():
    made = world("one", "two", "three")
    for _ in range(2):
        answer = await ask(made, extra_query={"sessionId": "s1"})
        assert answer.fujie["session_id"] == "s1"
    assert len(await made.store.runs("s1")) == 2
    assert len(made.mind.seen[1].prior) == 1
    assert (await ask(made)).fujie["session_id"] != "s1"
    assert made.mind.seen[2].prior == []


@pytest.mark.parametrize(("query", "roles"), [({}, ["user", "assistant", "user"]), ({"sessionId": "s"}, ["user"])])
async def test_earlier_messages_count_only_without_a_session(query, roles):
    made = world("fine")
    earlier = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}]
    await ask(made, messages=[*earlier, *ASKED], extra_query=query)
    (step,) = made.mind.seen
    assert [message.role for message in step.request.input] == roles
    assert step.request.question() == "hi"


async def test_somebody_elses_session_is_another():
    made = world("hello", "bob")
    await ask(made, extra_query={"sessionId": "s1"})
    token = (await made.bearer(user=BOB))["authorization"].split()[1]
    his = await client(made, token=token).chat.completions.create(**CHAT, extra_query={"sessionId": "s1"})
    assert his.choices[0].message.content == "bob"
    assert list(made.mind.seen[-1].prior) == []


# Consent


async def test_a_pause_gives_the_link_as_text_and_as_data_and_stops():
    chunks = await stream(waiting_world().made)
    (asked,) = [ours(chunk)["authorization_required"] for chunk in chunks if "authorization_required" in ours(chunk)]
    assert asked["connect_url"] == "http://localhost/connect/c1"
    assert asked["connect_url"] in said(chunks)
    assert finish(chunks) == ["stop"]
    assert ours(chunks[-1]) == {"waiting_for": ["c1"]}


async def test_a_pause_is_one_object_and_until_it_is_settled_its_session_is_busy():
    made = waiting_world().made
    answer = await ask(made, extra_query={"sessionId": "s"})
    assert answer.fujie["authorization_required"]["consent_id"] == "c1"
    assert answer.fujie["authorization_required"]["connect_url"] in answer.choices[0].message.content
    with pytest.raises(openai.ConflictError) as busy:
        await ask(made, extra_query={"sessionId": "s"})
    assert busy.value.response.headers["x-should-retry"] == "false"


async def test_a_consent_that_was_settled_meanwhile_lets_the_same_stream_go_on():
    waiting = waiting_world("it's noon")
    ask_for_it = waiting.made.tools.answers["get_time"]

    async def get_time(call, behalf):
        outcome = await ask_for_it(call, behalf)
        if len(waiting.made.tools.calls) == 1:
            await waiting.settle("completed")
        return outcome

    waiting.made.tools.answers["get_time"] = get_time
    chunks = await stream(waiting.made)
    assert said(chunks).endswith("it'snoon")
    assert finish(chunks) == ["stop"]
    assert {"authorization_resolved": {"consent_id": "c1", "outcome": "completed"}} in map(ours, chunks)


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_once_it_is_settled_the_session_goes_on_with_what_was_answered(outcome):
    waiting = waiting_world("that's it", "as I said")
    await ask(waiting.made, extra_query={"sessionId": "s"})
    await waiting.settle(outcome)
    await waiting.wake()
    results = waiting.made.mind.seen[1].results.values()
    assert [("noon" in result) for result in results] == [outcome == "completed"]
    assert (await ask(waiting.made, extra_query={"sessionId": "s"})).choices[0].message.content == "asIsaid"
    assert len(waiting.made.mind.seen[-1].prior) == 1


# Failures


async def test_a_failure_before_or_after_the_first_token_raises_in_the_client():
    failed = StepLimitError("in a circle")
    for script in ([failed], [(TextStarted("m"), TextDelta("m", "half"), failed)], [[("get_weather", {})], failed]):
        with pytest.raises(openai.APIError) as raised:
            await stream(world(*script, get_weather=SUNNY))
        assert (raised.value.code, raised.value.type) == ("step_limit", "server_error")


async def test_a_whole_answer_that_failed_is_not_asked_for_again():
    made = world(StepLimitError("in a circle"), "a second try")
    with pytest.raises(openai.InternalServerError) as failed:
        await ask(made)
    assert failed.value.code == "step_limit"
    assert len(made.mind.seen) == 1


async def test_a_canceled_run_is_an_error_and_no_answer():
    hold = asyncio.Event()
    made = world(hold.wait)
    waiting = asyncio.create_task(ask(made, extra_query={"sessionId": "s"}))
    await eventually(lambda: begun(made))
    (run,) = await made.store.runs("s")
    await made.runs.cancel(run.id, run.user)
    with pytest.raises(openai.InternalServerError) as failed:
        await asyncio.wait_for(waiting, 3)
    assert failed.value.code == "canceled"


async def begun(made):
    return any([await made.store.events(run.id) for run in await made.store.runs("s")])


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_client_that_goes_away_cancels_its_run(streamed):
    made = world(lambda: asyncio.sleep(60))
    body = json.dumps(CHAT | {"stream": streamed}).encode()
    connection = Connection(made.app, "/v1/chat/completions", body, await made.bearer())
    connection.scope["query_string"] = b"sessionId=s"
    await eventually(lambda: begun(made))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    assert [run.status for run in await made.store.runs("s")] == ["canceled"]


async def test_silence_is_filled_with_comments(monkeypatch):
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.02)
    made = world(lambda: asyncio.sleep(60))
    connection = Connection(
        made.app, "/v1/chat/completions", json.dumps(CHAT | {"stream": True}).encode(), await made.bearer()
    )

    async def pinged():
        return ": ping\n\n: ping\n\n" in connection.text

    await eventually(pinged)
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)


# Who is let in, and what is wrong with a body


@pytest.mark.parametrize("path", PATHS)
async def test_models_are_listed_to_those_who_are_let_in(path):
    made = world()
    assert [model.id async for model in client(made, path=path).models.list()] == [made.parts.agent.app_name]
    assert made.store._delegations == {}
    with pytest.raises(openai.AuthenticationError):
        await client(made, token="x", path=path).models.list()


async def test_without_a_good_token_nothing_begins():
    made = world()
    with pytest.raises(openai.AuthenticationError) as refused:
        await client(made, token=ID_TOKEN + "x").chat.completions.create(**CHAT)
    assert (refused.value.code, refused.value.type) == ("token_invalid", "authentication_error")
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
    assert made.mind.seen == []


async def test_a_user_in_the_body_or_a_part_is_not_believed():
    made = world("hello")
    part = {"type": "text", "text": "hi", "user_id": BOB.id}
    answer = await ask(
        made, messages=[{"role": "user", "content": [part]}], user=BOB.id, extra_body={"user_id": BOB.id}
    )
    run = await made.store.run(answer.fujie["run_id"])
    assert run.user.name == "alice"
    assert BOB.id not in run.request


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"messages": []}, "messages"), ({"n": 2}, "n"), ({"messages": [{"role": "x"}]}, "messages[0].role")],
)
async def test_what_is_wrong_is_a_bad_request_that_says_where(fields, param):
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(world(), **fields)
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")


async def test_a_body_beyond_the_limit_is_refused_in_openais_form():
    with pytest.raises(openai.APIStatusError) as refused:
        await ask(world(), messages=[{"role": "user", "content": "x" * (1024 * 1024)}])
    assert (refused.value.status_code, refused.value.code) == (413, "too_large")
