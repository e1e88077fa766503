"""Entrypoint functions behind /invocations and /ping: what they are given, and how what they give is answered."""

import asyncio
import enum
import json

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.serving.ping import Ping
from fujie.protocols.agentscope.request import FORWARDED
from fujie.protocols.invocations.request import SESSION_HEADER
from tests.agents.calling import alive, client, question
from tests.agents.doubles import eventually

OPEN = AgentConfig(open_access=True)


def agent(**fields):
    return AgentApp("Friday", config=OPEN, **fields)


def entrypoint(function):
    app = agent()
    app.entrypoint(function)
    return app


async def invoke(app, payload=None, **options):
    content = options.pop("content", json.dumps(payload).encode())
    async with client(app) as http:
        return await http.post("/invocations", content=content, **options)


def items(answer):
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    return [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]


async def _coroutine(payload):
    return {"echo": payload["prompt"]}


def _function(request):
    return {"echo": request["prompt"]}


async def _by_field(prompt, temperature=0.7):
    return {"echo": prompt} if temperature == 0.7 else None


@pytest.mark.parametrize("function", [_coroutine, _function, _by_field], ids=lambda f: f.__name__)
async def test_a_value_is_the_answer(function):
    answer = await invoke(entrypoint(function), {"prompt": "世界"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"echo": "世界"}


@pytest.mark.parametrize("value", ["text", 5, None, [1, "a"], {"type": "state"}, True])
async def test_any_value_comes_back_as_it_was(value):
    async def answer(payload):
        return payload

    given = await invoke(entrypoint(answer), value)
    assert given.json() == value


async def _async_generator(payload):
    yield "Hel"
    yield {"text": "lo"}


def _generator(payload):
    yield "Hel"
    yield {"text": "lo"}


async def _coroutine_of_a_generator(payload):
    return _async_generator(payload)


def _function_of_a_generator(payload):
    return _generator(payload)


@pytest.mark.parametrize(
    "function",
    [_async_generator, _generator, _coroutine_of_a_generator, _function_of_a_generator],
    ids=lambda f: f.__name__,
)
async def test_what_is_yielded_is_streamed(function):
    answer = await invoke(entrypoint(function), {})
    assert items(answer) == ['"Hel"', '{"text":"lo"}', "[DONE]"]


async def test_agentcores_readers_find_json_on_every_line():
    answer = await invoke(entrypoint(_async_generator), {}, headers={SESSION_HEADER: "s" * 33})
    assert items(answer) == ['"Hel"', '{"text":"lo"}']
    assert answer.headers[SESSION_HEADER] == "s" * 33


async def test_a_generator_can_be_asked_for_one_value():
    answer = await invoke(entrypoint(_async_generator), {}, headers={"accept": "application/json"})
    assert answer.json() == ["Hel", {"text": "lo"}]


async def test_the_context_knows_session_request_and_the_callers_own_headers():
    async def answer(payload, context):
        return [context.session_id, context.request_id, dict(context.headers), dict(context.request_headers)]

    headers = {"x-tenant": "t", "authorization": "Bearer secret", "cookie": "a=b"}
    given = await invoke(entrypoint(answer), {"session_id": "s1"}, headers=headers)
    session_id, request_id, seen, again = given.json()
    assert (session_id, seen, again) == ("s1", {"x-tenant": "t"}, {"x-tenant": "t"})
    assert request_id == given.headers["x-fujie-run-id"]


async def test_no_body_brings_headers_that_the_agent_would_take_for_those_of_the_request():
    """Hurt: everybody behind a proxy that says in a header for whom it asks."""
    app, seen = agent(), []

    @app.query(framework="text")
    async def answer(msgs, context):
        seen.append(dict(context.headers))
        yield "x"

    forged = {"x-tenant": "other"}
    async with client(app) as http:
        for path in ("/process", "/invocations"):
            body = question(headers=forged, **{FORWARDED: forged})
            assert (await http.post(path, json=body)).status_code == 200
    assert not any("x-tenant" in headers for headers in seen)
    assert len(seen) == 2


async def test_a_failure_before_the_first_item_is_the_servers_error():
    async def answer(payload):
        raise RuntimeError("kaboom")

    given = await invoke(entrypoint(answer), {})
    assert given.status_code == 500
    assert set(given.json()) == {"error", "error_type"}
    assert "kaboom" not in given.text


async def test_a_failure_in_the_middle_is_an_item():
    async def answer(payload):
        yield "half"
        raise RuntimeError("died midway")

    half, failed, done = items(await invoke(entrypoint(answer), {}))
    assert (half, done) == ('"half"', "[DONE]")
    assert set(json.loads(failed)) == {"error", "error_type", "message"}


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b'{"a":', 400, "Invalid JSON"),
        (b"\xff", 400, "Invalid encoding"),
        (b'"' + b"a" * (1 << 20) + b'"', 413, "body"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused_in_the_form_of_both_servers(content, status, error):
    given = await invoke(entrypoint(_coroutine), content=content)
    assert given.status_code == status
    assert error in given.json()["error"]


async def test_who_may_not_ask_is_told_in_the_same_form():
    app = AgentApp("Friday")
    app.entrypoint(_coroutine)
    given = await invoke(app, {})
    assert given.status_code == 401
    assert set(given.json()) == {"error", "error_type", "repair"}


async def test_an_agent_that_answers_questions_answers_here_too():
    app = agent()

    @app.query(framework="text")
    async def answer(msgs):
        yield "you said "
        yield msgs[-1].content[0].text

    assert items(await invoke(app, {"prompt": "hi"})) == ['"you said "', '"hi"', "[DONE]"]
    whole = (await invoke(app, {"prompt": "hi", "stream": False, "session_id": "s1"})).json()
    assert (whole["result"], whole["status"], whole["session_id"]) == ("you said hi", "success", "s1")
    assert (await invoke(app, {"nothing": "to ask"})).status_code == 400


async def test_an_entrypoint_answers_the_other_protocols_too():
    async with client(entrypoint(_coroutine)) as http:
        answer = await http.post("/process", json=question("hi", stream=False))
    assert answer.json()["output"][0]["content"][0]["data"] == {"echo": "hi"}


async def test_a_function_that_is_not_async_leaves_the_ping_alone():
    import threading

    asked, go = threading.Event(), threading.Event()

    def answer(payload):
        asked.set()
        return go.wait(10)

    app = entrypoint(answer)
    async with client(app) as http:
        invoking = asyncio.create_task(http.post("/invocations", json={}))
        await asyncio.to_thread(asked.wait, 10)
        assert (await http.get("/ping")).json()["status"] == "Healthy"
        go.set()
        assert (await invoking).json() is True


# Ping


async def pinged(app):
    async with client(app) as http:
        answer = await http.get("/ping")
    assert answer.status_code == 200
    return answer.json()


async def test_a_ping_has_the_fields_of_both_servers():
    told = await pinged(agent())
    assert set(told) == {"status", "time_of_last_update", "message", "timestamp"}
    assert (told["status"], told["message"]) == ("Healthy", None)
    assert isinstance(told["time_of_last_update"], int)


class PingStatus(enum.StrEnum):
    HEALTHY_BUSY = "HealthyBusy"


@pytest.mark.parametrize(
    ("said", "status", "message"),
    [
        ("Healthy", "Healthy", None),
        (PingStatus.HEALTHY_BUSY, "HealthyBusy", None),
        ({"status": "healthy", "message": "all well"}, "Healthy", "all well"),
        ({"status": "working"}, "HealthyBusy", None),
        (False, "HealthyBusy", None),
        (True, "Healthy", None),
        (None, "Healthy", None),
    ],
)
@pytest.mark.parametrize("is_async", [True, False])
async def test_the_agents_own_function_says_how_it_is(said, status, message, is_async):
    async def health():
        return said

    app = agent()
    app.ping(health if is_async else lambda: said)
    told = await pinged(app)
    assert (told["status"], told["message"]) == (status, message)


async def test_a_ping_function_that_fails_is_no_picture_of_health_and_tells_no_details():
    app = agent()

    @app.ping
    def health():
        raise RuntimeError("password is hunter2")

    told = await pinged(app)
    assert told["status"] == "HealthyBusy"
    assert "hunter2" not in told["message"]


async def test_many_who_ask_at_once_ask_the_agents_function_once():
    """Hurt: everybody: pings, for which nobody needs a token, took the threads that answers run in."""
    app, asked, go = agent(), [], asyncio.Event()

    @app.ping
    async def ping():
        asked.append(1)
        await go.wait()
        return "Healthy"

    async with client(app) as http:
        pings = [asyncio.create_task(http.get("/ping")) for _ in range(5)]
        while not asked:
            await asyncio.sleep(0)
        pings[0].cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        go.set()
        assert {answer.json()["status"] for answer in await asyncio.gather(*pings[1:])} == {"Healthy"}
        assert len(asked) == 1
        await http.get("/ping")
        assert len(asked) == 2


async def test_an_agent_that_works_in_the_background_is_busy_until_it_is_done():
    app, go = agent(), asyncio.Event()

    @app.task("/long")
    async def long():
        await go.wait()

    async with alive(app), client(app) as http:
        begun = (await http.post("/long", json={})).json()
        assert (await http.get("/ping")).json()["status"] == "HealthyBusy"
        go.set()

        async def is_well():
            return (await http.get("/ping")).json()["status"] == "Healthy"

        await eventually(is_well)
        assert (await http.get(f"/long/{begun['task_id']}")).json()["status"] == "finished"


async def test_a_run_in_the_background_keeps_an_agent_busy_too():
    app, go = agent(), asyncio.Event()

    @app.query(framework="text")
    async def answer():
        await go.wait()
        yield "done"

    async with alive(app), client(app) as http:
        await http.post("/process/task", json=question())
        assert (await http.get("/ping")).json()["status"] == "HealthyBusy"
        go.set()

        async def is_well():
            return (await http.get("/ping")).json()["status"] == "Healthy"

        await eventually(is_well)


async def test_the_last_update_is_when_the_status_changed(monkeypatch):
    from datetime import UTC, datetime

    app = agent()
    statuses, moment = iter(["Healthy", "Healthy", "HealthyBusy", "HealthyBusy"]), iter(range(100))
    app.ping(lambda: next(statuses))
    ping = Ping(app.application.served, lambda: datetime.fromtimestamp(next(moment), UTC))
    told = []

    async def send(message):
        if message["type"] == "http.response.body":
            told.append(json.loads(message["body"])["time_of_last_update"])

    for _ in range(4):
        await ping(None, send)
    assert told[0] == told[1] == 0
    assert told[2] == told[3] > 0
