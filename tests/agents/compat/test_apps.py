"""The apps of other runtimes under our names: their constructors, decorators and hooks."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fujie.agents import compat
from fujie.agents.compat import AgentApp, AgentRequest, BedrockAgentCoreApp, PingStatus, PPIOAgentRuntimeApp
from fujie.errors import SettingsError
from tests.agents.calling import alive, client, said


async def invoked(app, payload=None):
    async with client(app) as http:
        return await http.post("/invocations", json=payload or {})


async def pinged(app):
    async with client(app) as http:
        return (await http.get("/ping")).json()["status"]


def test_a_name_that_no_runtime_has_is_no_attribute():
    with pytest.raises(AttributeError, match="AnotherApp"):
        compat.AnotherApp  # noqa: B018 - the look-up is what is tested


# AgentScope Runtime


async def test_the_lifespan_of_version_1_1_fills_the_apps_state():
    log = []

    @asynccontextmanager
    async def lifespan(app):
        app.state.greeting = "hello"
        yield
        log.append("stopped")

    app = AgentApp(app_name="Friday", app_description="A helpful assistant", lifespan=lifespan)

    @app.query(framework="text")
    async def query_func(self, msgs, request: AgentRequest = None, **kwargs):
        yield app.state.greeting

    async with alive(app):
        assert await said(app) == "hello"
        assert log == []
    assert log == ["stopped"]


async def test_the_hooks_of_version_1_0_set_what_the_query_uses():
    log = []
    app = AgentApp("Friday", before_start=lambda: log.append("before"), after_finish=lambda: log.append("after"))

    @app.init
    async def init_func(self):
        self.greeting = "hello"

    @app.shutdown
    async def shutdown_func(self):
        log.append(self.greeting)

    @app.query(framework="text")
    async def query_func(self, msgs, request: AgentRequest = None, **kwargs):
        yield self.greeting

    async with alive(app):
        assert await said(app) == "hello"
    assert log == ["before", "hello", "after"]


@pytest.mark.parametrize("fields", [{"endpoint_path": "/other"}, {"interrupt_backend": object()}])
def test_an_argument_whose_meaning_was_another_is_refused_by_name(fields):
    with pytest.raises(SettingsError, match=next(iter(fields))):
        AgentApp("Friday", **fields)


def test_arguments_that_said_what_is_always_so_are_taken():
    AgentApp("Friday", endpoint_path="/process", stream=True, response_type="sse")


@pytest.mark.parametrize("make", [AgentApp, PPIOAgentRuntimeApp, BedrockAgentCoreApp])
async def test_only_this_machine_may_call_what_came_from_elsewhere(make):
    app = make()

    @app.entrypoint
    def agent(payload):
        return "hi"

    assert (await invoked(app)).json() == "hi"
    async with client(app, host="agent.example", peer="192.0.2.1") as http:
        assert (await http.post("/invocations", json={})).status_code == 403
    with pytest.raises(SettingsError, match="would listen"):
        app.run(host="0.0.0.0")


# PPIO


async def test_the_context_of_ppios_app_is_known_within_a_stream_too():
    app = PPIOAgentRuntimeApp(debug=True)

    @app.entrypoint
    async def agent(request: dict):
        yield app.context.session_id
        await asyncio.sleep(0)
        yield app.context.session_id

    answer = await asyncio.create_task(invoked(app, {"session_id": "s1"}))
    assert answer.text == 'data: "s1"\n\ndata: "s1"\n\ndata: [DONE]\n\n'
    assert app.context is None


async def test_ppios_ping_may_return_its_enum():
    app = PPIOAgentRuntimeApp()
    app.ping(lambda: PingStatus.HEALTHY_BUSY)
    assert await pinged(app) == "HealthyBusy"


# AgentCore


async def test_an_open_task_of_agentcores_keeps_the_instance_awake():
    app, go = BedrockAgentCoreApp(), asyncio.Event()

    @app.async_task
    async def background():
        await go.wait()

    assert await pinged(app) == "Healthy"
    working = asyncio.create_task(background())
    await asyncio.sleep(0)
    assert await pinged(app) == "HealthyBusy"
    assert [job["name"] for job in app.get_async_task_info()["running_jobs"]] == ["background"]
    go.set()
    await working
    assert await pinged(app) == "Healthy"


async def test_a_task_can_be_begun_and_ended_by_hand():
    app = BedrockAgentCoreApp()
    task_id = app.add_async_task("file_processing", {"file": "data.csv"})
    assert await pinged(app) == "HealthyBusy"
    assert app.complete_async_task(task_id)
    assert not app.complete_async_task(task_id)
    assert await pinged(app) == "Healthy"


async def test_a_forced_status_counts_before_the_apps_own():
    app = BedrockAgentCoreApp()
    app.ping(lambda: PingStatus.HEALTHY)
    app.force_ping_status(PingStatus.HEALTHY_BUSY)
    assert await pinged(app) == "HealthyBusy"
    app.clear_forced_ping_status()
    assert await pinged(app) == "Healthy"


def test_a_function_that_is_not_async_is_no_async_task():
    with pytest.raises(SettingsError, match="async"):
        BedrockAgentCoreApp().async_task(lambda: None)
