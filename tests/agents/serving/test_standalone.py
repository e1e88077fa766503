"""An AgentApp served alone: its developer's functions, whatever their kind, and what is put around them."""

import asyncio
import threading

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig, AgentMetadata
from fujie.agents.serving.asgi import Answer
from fujie.errors import InputError, SettingsError
from fujie.protocols.agentscope.request import AgentRequest
from tests.agents.calling import alive, client, question, said

OPEN = AgentConfig(open_access=True)


def agent(**fields):
    return AgentApp("Friday", config=OPEN, **fields)


# Kinds of functions


async def _async_generator(self, msgs, request, **kwargs):
    yield "a"
    yield "b"


def _generator(msgs):
    yield "a"
    yield "b"


async def _coroutine(request):
    return "ab"


def _function(messages, context):
    return "ab"


async def _coroutine_of_a_generator():
    return _async_generator(None, None, None)


@pytest.mark.parametrize(
    "function",
    [_async_generator, _generator, _coroutine, _function, _coroutine_of_a_generator],
    ids=lambda f: f.__name__,
)
async def test_a_function_of_any_kind_answers(function):
    app = agent()
    app.query(framework="text")(function)
    assert await said(app) == "ab"


@pytest.mark.parametrize("kind", ["function", "generator"])
async def test_what_is_not_async_runs_in_a_thread(kind):
    app, threads = agent(), []

    def function():
        threads.append(threading.current_thread())
        return "a"

    def generator():
        for word in "ab":
            threads.append(threading.current_thread())
            yield word

    app.query(function if kind == "function" else generator)
    await said(app)
    assert threading.main_thread() not in threads


async def test_a_generator_that_is_not_async_is_closed_when_its_reader_goes():
    app, log, go = agent(), [], threading.Event()

    @app.query
    def words():
        try:
            yield "a"
            go.wait(5)
            yield "b"
        finally:
            log.append("closed")

    runs = app.application.served.runs
    run = await runs.start(await app.application.served.inbound.admit({}), AgentRequest.from_value(question()))
    events = runs.execute(run)
    for _ in range(3):
        await anext(events)
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()
    assert log == ["closed"]


async def test_a_function_is_given_what_it_names():
    app, seen = agent(), {}

    @app.query(framework="text")
    async def answer(self, msgs, request, context, response=None, more="default"):
        seen.update(self=self, msgs=msgs, request=request, context=context, more=more)
        yield "ok"

    await said(app, session_id="s1", user_id="somebody else")
    assert seen["self"] is app
    assert seen["msgs"][0].content[0].text == "hi"
    assert (seen["request"].session_id, seen["request"].user_id) == ("s1", "local")
    assert (seen["context"].session_id, seen["context"].user.id) == ("s1", "local")
    assert seen["more"] == "default"


def test_a_parameter_that_nobody_gives_is_refused_at_once():
    with pytest.raises(SettingsError, match="'temperature'"):
        agent().query(lambda msgs, temperature: None)


def test_two_functions_cannot_answer_and_a_framework_has_to_be_one():
    app = agent()
    app.query(_coroutine)
    with pytest.raises(SettingsError):
        app.entrypoint(_coroutine)
    with pytest.raises(SettingsError, match="autogen"):
        agent().query(_coroutine, framework="autogen")


# The life of an app


async def test_hooks_are_called_once_around_everything_and_keep_state_on_the_app():
    app, log = agent(), []

    @app.init
    async def start(self):
        self.words = ["hello"]
        log.append("start")

    @app.shutdown
    def stop():
        log.append("stop")

    @app.query
    async def answer(self):
        yield self.words[0]

    async with alive(app):
        assert await said(app) == "hello"
        assert log == ["start"]
    assert log == ["start", "stop"]


async def test_a_hook_that_fails_fails_the_start():
    app = agent()

    @app.init
    async def start():
        raise ValueError("no")

    with pytest.raises(AssertionError, match=r"lifespan\.startup\.failed"):
        async with alive(app):
            pass


async def test_what_runs_at_the_end_is_told_that_it_was_canceled():
    app, begun = agent(), asyncio.Event()

    @app.query
    async def answer():
        begun.set()
        await asyncio.Event().wait()
        yield "never"

    async with alive(app):
        asking = asyncio.create_task(client(app).post("/process", json=question()))
        await begun.wait()
        await app.application.served.runs.close()
        assert '"status":"canceled"' in (await asking).text


# Routes of its own


async def test_endpoints_answer_json_or_a_stream_to_whom_the_agent_lets_in():
    app = AgentApp("Friday", config=AgentConfig(api_keys=["0" * 64]))

    @app.endpoint("/plain")
    async def plain(request: dict):
        return {"got": request}

    async with client(app) as http:
        assert (await http.post("/plain", json={})).status_code == 401
    app = agent()

    class Body(BaseModel):
        name: str

    @app.endpoint("/typed", methods=["POST", "PUT"])
    def typed(request: Body, user, tone: str = "kind"):
        return {"name": request.name, "user": user.id, "tone": tone}

    @app.endpoint("/stream")
    async def stream(request: AgentRequest):
        yield {"said": request.question()}
        raise ValueError("secret")

    @app.endpoint("/items/{item_id}", methods=["GET"])
    async def item(item_id, shade="dark"):
        return [item_id, shade]

    async with client(app) as http:
        assert (await http.put("/typed", json={"name": "x"})).json() == {"name": "x", "user": "local", "tone": "kind"}
        assert (await http.post("/typed", json={"nam": "x"})).status_code == 400
        assert (await http.post("/typed", content=b"{")).status_code == 400
        assert (await http.get("/typed")).status_code == 405
        answer = await http.post("/stream", json=question("yes"))
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.text.startswith('data: {"said":"yes"}\n\ndata: {"error"')
        assert "secret" not in answer.text
        assert (await http.get("/items/7?shade=light")).json() == ["7", "light"]


async def test_the_fastapi_application_is_made_for_those_who_use_it_and_the_protocols_come_first():
    app = agent()

    @app.query
    async def answer():
        yield "protocol"

    @app.get("/mine/{name}")
    async def mine(name: str):
        return {"name": name}

    router = APIRouter(prefix="/more")
    router.add_api_route("/x", lambda: "x")
    app.include_router(router)

    @app.post("/process")
    async def shadow():
        return "never"

    async with client(app) as http:
        assert (await http.get("/mine/a")).json() == {"name": "a"}
        assert (await http.get("/more/x")).json() == "x"
    assert await said(app) == "protocol"
    with pytest.raises(AttributeError):
        _ = app.nothing_of_the_kind


async def test_a_task_goes_on_in_the_background_and_is_asked_for_by_its_user():
    app, go = agent(), asyncio.Event()

    @app.task("/long")
    async def long(payload: dict):
        await go.wait()
        return payload["n"] * 2

    @app.task("/bad")
    async def bad(payload):
        raise ValueError("secret")

    async with alive(app), client(app) as http:
        begun = await http.post("/long", json={"n": 4})
        assert (begun.status_code, begun.json()["status"], begun.json()["queue"]) == (202, "submitted", "default")
        path = f"/long/{begun.json()['task_id']}"
        await asyncio.sleep(0)
        told = (await http.get(path)).json()
        assert (told["status"], told["result"]) == ("running", None)
        assert app.application.served.work.running == 1
        go.set()
        failed = (await http.post("/bad", json={})).json()["task_id"]
        while app.application.served.work.running:
            await asyncio.sleep(0)
        assert (await http.get(path)).json() == {"task_id": begun.json()["task_id"], "status": "finished", "result": 8}
        told = (await http.get(f"/bad/{failed}")).json()
        assert told["status"] == "error"
        assert "secret" not in told["result"]
        assert (await http.get("/long/none")).status_code == 404
        webhook = await http.post("/long", json={}, headers={"x-webhook-url": "https://169.254.169.254/"})
        assert webhook.status_code == 400


async def test_what_is_known_of_it_is_told_to_anybody():
    metadata = AgentMetadata("Friday", "1.2.3", "Helps", "Ann", ("a", "b"))
    async with client(agent(metadata=metadata)) as http:
        assert (await http.get("/metadata")).json() == {
            "name": "Friday", "version": "1.2.3", "description": "Helps", "author": "Ann", "tags": ["a", "b"],
            "keeps_runs": False,
        }  # fmt: skip
        assert (await http.get("/health")).json() == {"status": "ok"}


# What is put around it


async def test_middleware_sees_each_request_and_may_change_the_answer_before_it_goes_out():
    app, log = agent(), []

    @app.query
    async def answer():
        yield "ok"

    @app.middleware
    async def outer(request, call_next):
        log.append(("outer", request.path))
        answer = await call_next(request)
        answer.headers["x-outer"] = str(answer.status_code)
        return answer

    @app.middleware("http")
    async def inner(request, call_next):
        log.append(("inner", request.path))
        if request.headers.get("x-token") == "bad":
            return Answer(418, b"{}")
        if request.headers.get("x-token") == "worse":
            raise InputError("worse")
        return await call_next(request)

    async with client(app) as http:
        answer = await http.post("/process", json=question())
        assert (answer.headers["x-outer"], '"text":"ok"' in answer.text) == ("200", True)
        assert log == [("outer", "/process"), ("inner", "/process")]
        assert (await http.get("/health", headers={"x-token": "bad"})).status_code == 418
        assert (await http.get("/health", headers={"x-token": "worse"})).status_code == 400
    assert len(asyncio.all_tasks()) == 1


async def test_middleware_of_asgi_may_be_put_around_it_too():
    app = agent()

    @app.middleware
    class Tagged:
        def __init__(self, inner):
            self.inner = inner

        async def __call__(self, scope, receive, send):
            async def tagged(message):
                if message["type"] == "http.response.start":
                    message["headers"].append((b"x-tag", b"1"))
                await send(message)

            await self.inner(scope, receive, tagged)

    async with client(app) as http:
        for _ in range(2):
            assert (await http.get("/health")).headers.get_list("x-tag") == ["1"]


async def test_browsers_of_named_origins_may_call_and_no_others():
    app = AgentApp("Friday", config=AgentConfig(open_access=True, cors_origins=["https://good.example"]))
    good, bad = {"origin": "https://good.example"}, {"origin": "https://evil.example"}
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with client(app) as http:
        preflight = await http.options("/process", headers=good | asks)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://good.example"
        assert "access-control-allow-credentials" not in preflight.headers
        assert (await http.get("/health", headers=good)).headers["access-control-allow-origin"] == good["origin"]
        assert "access-control-allow-origin" not in (await http.options("/process", headers=bad | asks)).headers


async def test_who_asks_too_often_is_told_when_to_come_again():
    app = AgentApp("Friday", config=AgentConfig(open_access=True, rate_limit_per_minute=2))

    @app.query
    async def answer():
        yield "ok"

    async with client(app) as http:
        statuses = [(await http.post("/process", json=question())).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert 0 < int((await http.post("/process", json=question())).headers["retry-after"]) <= 30


async def test_with_a_database_runs_are_kept_and_without_nothing_is(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}"
    app = AgentApp("Friday", config=AgentConfig(open_access=True, database_url=url))

    @app.query
    async def answer(msgs):
        yield "kept"

    async with alive(app):
        assert await said(app, session_id="s") == "kept"
        async with client(app) as http:
            assert (await http.get("/metadata")).json()["keeps_runs"] is True
    again = AgentApp("Friday", config=AgentConfig(open_access=True, database_url=url))
    again.query(answer)
    async with alive(again):
        user = (await again.application.served.inbound.admit({})).user
        assert [run.status for run in await again.application.served.runs._store.runs("s")] == ["completed"]
        assert user.id == "local"
