"""Tasks over A2A as the official clients see them: both lines, both transports, unmodified."""

import asyncio
import json

import pytest
import pytest_asyncio

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.errors import StepLimitError
from fujie.agents.serving.standalone import application
from fujie.protocols.events import DataProduced, ReasoningDelta, ReasoningEnded, ReasoningStarted, TextDelta
from tests.agents.doubles import SUNNY, eventually
from tests.contract.a2a.stage import PUBLIC_CARD_KEY, Caller, served
from tests.contract.runtime_world import waiting_world, world
from tests.functions.process_world import BOB

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLERS = [(line, transport) for line in ("1.0", "0.3") for transport in ("JSONRPC", "HTTP+JSON")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage():
    async with served() as stage:
        yield stage


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def an_empty_stage(stage):
    yield
    await stage.clear()


@pytest.fixture(params=CALLERS, ids=["-".join(caller) for caller in CALLERS])
def caller(stage, request):
    return Caller(stage, *request.param)


def states(seen):
    return [what["state"] for what in seen if "state" in what]


def text(seen):
    return "".join(piece for what in seen if what["kind"] == "artifact" for piece in what["texts"])


def data(seen):
    return [value for what in seen for value in what.get("data", ())]


async def test_a_plain_answer_streams_as_an_artifact_of_a_task(caller):
    made = caller.stage.show(world("hello you"))
    seen = await caller.see("send", text="hi", message_id="q1", context_id="s1")
    assert [what["kind"] for what in seen] == ["task", "artifact", "artifact", "artifact", "status"]
    assert (states(seen), text(seen)) == (["working", "completed"], "helloyou")
    assert (seen[0]["context"], seen[0]["history"]) == ("s1", ["q1"])
    assert [what["append"] for what in seen[1:4]] == [False, True, True]
    assert seen[-1]["usage"] == {"input_tokens": 10, "output_tokens": 1}
    run = await made.store.run(seen[0]["task"])
    assert (run.conversation_id, run.status) == ("s1", "completed")


async def test_a_plain_answer_is_one_task_where_no_stream_is_wanted(caller):
    caller.stage.show(world("hello you"))
    task = await caller.one("send", text="hi", stream=False)
    assert (task["state"], task["artifacts"]) == ("completed", ["helloyou"])
    again = await caller.one("get", task_id=task["task"])
    assert again == task


async def test_a_context_goes_on_with_the_next_question(caller):
    made = caller.stage.show(world("one", "two"))
    first = await caller.one("send", text="hi", stream=False)
    second = await caller.one("send", text="and now?", stream=False, context_id=first["context"])
    assert second["context"] == first["context"]
    assert second["task"] != first["task"]
    assert [len(step.prior) for step in made.mind.seen] == [0, 1]


async def test_a_tool_call_and_its_result_are_told(caller):
    caller.stage.show(world([("get_weather", {"city": "Hangzhou"})], "25 °C", get_weather=SUNNY))
    seen = await caller.see("send", text="weather?")
    call, result = data(seen)
    assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "get_weather", {"city": "Hangzhou"})
    assert (result["type"], result["output"], result["ok"]) == ("tool_result", "sunny", True)
    assert states(seen) == ["working", "working", "working", "completed"]
    assert text(seen) == "25°C"


async def test_reasoning_is_told_apart_from_the_answer_and_a_value_is_part_of_it(caller):
    script = (
        ReasoningStarted("r"),
        ReasoningDelta("r", "let me "),
        ReasoningDelta("r", "think"),
        ReasoningEnded("r"),
        DataProduced("d", '{"celsius": 25}'),
        TextDelta("m", "warm"),
    )
    caller.stage.show(world(script))
    seen = await caller.see("send", text="weather?")
    assert [what["texts"] for what in seen if what["kind"] == "status"] == [["let me think"], []]
    assert (text(seen), data(seen)) == ("warm", [{"celsius": 25}])


async def test_an_error_before_and_after_the_first_token_ends_the_task_as_failed(caller):
    caller.stage.show(world(StepLimitError("in a circle")))
    before = await caller.see("send", text="hi")
    caller.stage.show(world((TextDelta("m", "Hel"), StepLimitError("in a circle"))))
    after = await caller.see("send", text="hi")
    assert (text(before), text(after)) == ("", "Hel")
    for seen in (before, after):
        assert states(seen)[-1] == "failed"
        assert seen[-1]["texts"] == ["in a circle"]
        assert data(seen)[-1]["code"] == "step_limit"


async def test_a_canceled_task_ends_for_who_cancels_and_for_who_streams(caller):
    caller.stage.show(world(asyncio.Event().wait))
    told = caller.tell("send", text="hi")
    task = await anext(told)
    canceled = await caller.one("cancel", task_id=task["task"])
    assert canceled["state"] == "canceled"
    assert states([what async for what in told]) == ["canceled"]
    assert await caller.fails("cancel", task_id=task["task"]) == caller.error(-32002, 409)


async def test_a_task_goes_on_when_its_client_goes_away_and_can_be_read_again(caller):
    go = asyncio.Event()
    made = caller.stage.show(world((TextDelta("m", "Hel"), go.wait, TextDelta("m", "lo"))))
    seen = await caller.see("send", text="hi", leave_after=2)
    task_id = seen[0]["task"]
    again = caller.tell("subscribe", task_id=task_id)
    task = await anext(again)
    assert (task["kind"], task["state"], task["artifacts"]) == ("task", "working", ["Hel"])
    go.set()
    rest = [what async for what in again]
    assert (text(rest), states(rest)) == ("lo", ["completed"])
    assert (await made.store.run(task_id)).status == "completed"
    assert await caller.fails("subscribe", task_id=task_id) in (
        caller.error(-32004, 400),
        {"status": 400},  # what 0.3's client makes of any error where it subscribes
    )


async def test_without_waiting_the_task_is_there_at_once_and_polled(caller):
    go = asyncio.Event()
    caller.stage.show(world(go.wait, "done"))
    task = await caller.one("send", text="hi", stream=False, polling=True)
    assert task["state"] == "submitted"
    go.set()

    async def failed():  # the step that only waits ends without a result
        return (await caller.one("get", task_id=task["task"]))["state"] in {"failed", "completed"}

    await eventually(failed)


async def test_the_history_is_as_long_as_asked(caller):
    caller.stage.show(world([("get_weather", {})], "25 °C", get_weather=SUNNY))
    task = await caller.one("send", text="weather?", stream=False, message_id="q1")
    assert (task["history"][0], len(task["history"])) == ("q1", 3)
    assert (await caller.one("get", task_id=task["task"], history=1))["history"] == task["history"][-1:]


@pytest.mark.parametrize("transport", ["JSONRPC", "HTTP+JSON"])
async def test_the_newer_client_may_speak_the_older_version(stage, transport):
    caller = Caller(stage, "1.0", transport)
    waiting = await asked(caller, "it is noon")
    task = await caller.one("send", text="time?", stream=False, version="0.3")
    assert task["state"] == "auth-required"
    told = caller.tell("subscribe", task_id=task["task"], version="0.3")
    requirement(await anext(told))
    await waiting.settle("completed")
    await waiting.wake()
    rest = [what async for what in told]
    assert (states(rest)[-1], text(rest)) == ("completed", "itisnoon")
    assert await caller.fails("cancel", task_id=task["task"], version="0.3") == {"code": -32002}


async def test_an_agent_that_is_served_alone_and_keeps_nothing_is_a_task_too(caller):
    app, go = AgentApp("Friday", "Helps.", config=AgentConfig(open_access=True)), asyncio.Event()

    @app.query(framework="text")
    async def query(msgs):
        yield "hel"
        await go.wait()
        yield msgs[0].content[0].text

    caller.stage.app = application(app).answer
    seen = await caller.see("send", text="lo", leave_after=2, headers={})
    again = caller.tell("subscribe", task_id=seen[0]["task"], headers={})
    assert (await anext(again))["artifacts"] == ["hel"]
    go.set()
    rest = [what async for what in again]
    assert (text(seen) + text(rest), states(rest)) == ("hello", ["completed"])
    assert (await caller.one("get", task_id=seen[0]["task"], headers={}))["artifacts"] == ["hello"]


# Consent


async def asked(caller, *after, **job):
    waiting = waiting_world(*after)
    caller.stage.show(waiting.made)
    return waiting


def requirement(what):
    assert what["state"] == "auth-required"
    (told,) = what["data"]
    assert told["type"] == "authorization_required"
    assert told["connect_url"] == "http://localhost/connect/c1"
    assert told["connect_url"] in what["texts"][0]
    return told


@pytest.mark.parametrize("outcome", ["completed", "denied", "expired"])
async def test_a_task_that_waits_says_for_what_and_goes_on_in_the_same_stream(caller, outcome):
    waiting = await asked(caller, "it is noon")
    told = caller.tell("send", text="time?")
    seen = [await anext(told) for _ in range(3)]
    assert states(seen) == ["working", "working", "auth-required"]
    assert requirement(seen[-1])["tool"] == "get_time"
    await eventually(lambda: _waits(waiting))
    await waiting.settle(outcome)
    await waiting.wake()
    rest = [what async for what in told]
    assert {"type": "authorization_resolved", "consent_id": "c1", "outcome": outcome} in data(rest)
    (result,) = [value for value in data(rest) if value["type"] == "tool_result"]
    assert result["ok"] is (outcome == "completed")
    assert states(rest)[-1] == "completed"
    assert text(rest) == "itisnoon"


async def test_who_waits_for_the_answer_gets_the_task_that_waits_and_a_word_to_it_lets_it_go_on(caller):
    waiting = await asked(caller, "it is noon")
    task = await caller.one("send", text="time?", stream=False)
    requirement(task)
    nagged = await caller.one("send", text="and?", stream=False, task_id=task["task"])
    assert (nagged["task"], nagged["state"]) == (task["task"], "auth-required")
    await waiting.settle("completed")
    done = await caller.one("send", text="done", stream=False, task_id=task["task"], context_id=task["context"])
    assert (done["state"], done["artifacts"]) == ("completed", ["itisnoon"])


async def test_who_reconnects_to_a_task_that_waits_reads_what_for_and_then_the_rest(caller):
    waiting = await asked(caller, "it is noon")
    task = await caller.one("send", text="time?", stream=False)
    told = caller.tell("subscribe", task_id=task["task"])
    requirement(await anext(told))
    await waiting.settle("completed")
    await waiting.wake()
    assert states([what async for what in told])[-1] == "completed"


async def test_a_task_that_waits_can_be_canceled(caller):
    await asked(caller)
    task = await caller.one("send", text="time?", stream=False)
    assert (await caller.one("cancel", task_id=task["task"]))["state"] == "canceled"


async def _waits(waiting):
    return (await waiting.made.store.run(waiting.run_id)).status == "waiting"


# Whose tasks


async def test_somebody_elses_task_is_not_found_and_neither_is_one_that_never_was(caller):
    made = caller.stage.show(world("hello", "bob"))
    task = await caller.one("send", text="hi", stream=False, context_id="s1")
    not_found = caller.error(-32001, 404)
    assert await caller.fails("get", task_id="never") == not_found
    assert await caller.fails("get", task_id=task["task"], headers=await made.bearer(user=BOB)) == not_found
    assert await caller.fails("cancel", task_id=task["task"], headers=await made.bearer(user=BOB)) == not_found
    headers = await made.bearer(user=BOB)
    his = await caller.one("send", text="hi", context_id="s1", stream=False, headers=headers)
    assert his["task"] != task["task"], "a context's name is each user's own"
    assert list(made.mind.seen[-1].prior) == []


async def test_without_a_token_nobody_gets_further_than_the_card(caller):
    caller.stage.show(world("hello"))
    refused = await caller.fails("send", text="hi", stream=False, headers={})
    assert "401" in json.dumps(refused)


async def test_an_ended_task_takes_no_word_and_a_context_that_is_not_its_own_neither(caller):
    caller.stage.show(world("hello"))
    task = await caller.one("send", text="hi", stream=False)
    unsupported = caller.error(-32004, 501)
    assert await caller.fails("send", text="more", stream=False, task_id=task["task"]) == unsupported
    other = await caller.fails("send", text="more", stream=False, task_id=task["task"], context_id="other")
    assert other == caller.error(-32602, 422)


async def test_a_busy_conversation_says_so(caller):
    caller.stage.show(world(asyncio.Event().wait))
    told = caller.tell("send", text="hi", context_id="s1")
    task = await anext(told)
    assert await caller.fails("send", text="hi", context_id="s1", stream=False) == caller.error(-32004, 501)
    assert await caller.fails("send", text="hi", task_id=task["task"], stream=False) == caller.error(-32004, 501)
    await caller.one("cancel", task_id=task["task"])
    await told.aclose()


@pytest.mark.parametrize("transport", ["JSONRPC", "HTTP+JSON"])
async def test_tasks_are_listed_the_last_first_page_by_page_and_only_ones_own(stage, transport):
    made = stage.show(world("one", "two", "three"))
    caller = Caller(stage, "1.0", transport)
    ids = [(await caller.one("send", text="hi", stream=False, context_id=name))["task"] for name in ("a", "b", "a")]
    first = await caller.one("list", page_size=2)
    rest = await caller.one("list", page_size=2, page_token=first["next"])
    assert [task["task"] for task in first["tasks"] + rest["tasks"]] == ids[::-1]
    assert (first["total"], rest["next"], first["tasks"][0]["artifacts"]) == (3, "", [])
    of_a = await caller.one("list", context_id="a")
    assert [task["task"] for task in of_a["tasks"]] == [ids[2], ids[0]]
    assert (await caller.one("list", headers=await made.bearer(user=BOB)))["tasks"] == []


# The card


@pytest.mark.parametrize("line", ["1.0", "0.3"])
async def test_the_official_verifier_takes_the_cards_signature_and_not_a_changed_card(stage, line):
    made = stage.show(world())
    keys = (await made.client.get("/a2a/jwks.json")).json()
    caller = Caller(stage, line, "JSONRPC")
    card, changed = await caller.see("verify", keys=keys["keys"], headers={})
    assert card == {"name": "Fujie", "url": f"{stage.base}/a2a"}
    assert changed == {"changed": "InvalidSignaturesError"}
    assert json.loads(PUBLIC_CARD_KEY)["x"] == keys["keys"][0]["x"]
    assert "d" not in keys["keys"][0]


async def test_who_is_let_in_gets_the_extended_card(caller):
    caller.stage.show(world(get_weather=SUNNY))
    assert await caller.one("extended_card") == {"skills": ["chat", "get_weather"], "name": "Fujie"}
    assert "401" in json.dumps(await caller.fails("extended_card", headers={}))


# Push notifications


class Webhook:
    """A client's own server, on a path of the stage: keeps what it is told, and answers as it is told to."""

    def __init__(self, stage, answers=()):
        self.url = f"{stage.base}/webhook"
        self.told = []
        self._inner = stage.app
        self._answers = list(answers)
        stage.app = self

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/webhook":
            await self._inner(scope, receive, send)
            return
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.told.append((headers, json.loads(body)))
        status = self._answers.pop(0) if self._answers else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def tasks(self):
        return [body.get("task", body) for _, body in self.told]


def short(state):
    return state.removeprefix("TASK_STATE_").lower().replace("_", "-")


async def test_a_client_is_told_of_the_pause_and_of_the_end_and_that_it_is_we_who_tell(caller):
    waiting = await asked(caller, "it is noon")
    webhook = Webhook(caller.stage)
    authentication = {"schemes": ["Bearer"], "credentials": "hook-secret"}
    push = {"id": "p1", "url": webhook.url, "token": "tok", "authentication": authentication}
    task = await caller.one("send", text="time?", stream=False, push=push)
    await waiting.made.pushes.settled(task["task"])
    await caller.one("send", text="and?", stream=False, push=push, task_id=task["task"])
    await waiting.made.pushes.settled(task["task"])
    await waiting.settle("completed")
    await waiting.wake()
    await waiting.made.pushes.settled(task["task"])
    assert [short(told["status"]["state"]) for told in webhook.tasks()] == ["auth-required", "completed"]
    assert {told["id"] for told in webhook.tasks()} == {task["task"]}
    assert webhook.tasks()[-1]["artifacts"][0]["parts"][0]["text"] == "itisnoon"
    for headers, body in webhook.told:
        assert headers["x-a2a-notification-token"] == "tok"
        assert headers["authorization"] == "Bearer hook-secret"
        assert ("task" in body) is (caller.line == "1.0")
        assert headers["content-type"] == ("application/a2a+json" if caller.line == "1.0" else "application/json")
    assert await waiting.made.store.push_addresses(task["task"]) == []


async def test_a_webhook_is_set_read_and_deleted_and_its_secrets_are_not_told_again(caller):
    waiting = await asked(caller)
    task = await caller.one("send", text="time?", stream=False)
    push = {"id": "p1", "url": "http://127.0.0.1:1/hook", "token": "tok"}
    seen = await caller.see("set_push", task_id=task["task"], push=push, delete=True)
    assert seen[0] == {"id": "p1", "url": "http://127.0.0.1:1/hook", "token": ""}
    if caller.line == "1.0":
        assert seen[1:] == [{"listed": ["p1"]}, {"listed": []}]
    for row in await waiting.made.store.push_addresses(task["task"]):
        assert "hook" not in row.sealed
    bobs = await waiting.made.bearer(user=BOB)
    assert await caller.fails("set_push", task_id=task["task"], push=push, headers=bobs) == caller.error(-32001, 404)


@pytest.mark.parametrize(
    "url", ["http://198.51.100.7/", "https://10.0.0.1/", "https://user@agents.example/", "ftp://h/"]
)
async def test_an_address_inside_our_network_or_in_the_clear_is_refused_before_the_task_begins(caller, url):
    made = caller.stage.show(world("hello"))
    assert await caller.fails("send", text="hi", stream=False, push={"url": url}) == caller.error(-32602, 422)
    assert made.mind.seen == []
