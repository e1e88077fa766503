"""Who asked hears of each pause and of the end, in order, whatever happens to the telling."""

import asyncio
import json
from contextlib import aclosing

import pytest

from fujie.agents.execution import Timing
from fujie.agents.pushes import service as pushes_service
from fujie.agents.pushes.addresses import RememberedAddresses
from fujie.agents.pushes.late import LatePushes
from fujie.agents.pushes.service import Pushes
from fujie.agents.runs import RunService
from fujie.agents.transient import TransientRuns
from fujie.identity.keys import new_signing_key
from fujie.protocols.a2a.errors import PushRefusedError
from fujie.sessions.memory import MemoryStore
from tests.agents.doubles import ALICE, FakeTools, ScriptedMind, World, alice, asked, collect, eventually
from tests.agents.pushes.test_guard import PUBLIC, answering, config


class Ear:
    """In the sender's place: keeps what would have been sent."""

    resolve = staticmethod(answering(PUBLIC))

    def __init__(self):
        self.heard = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.is_closed = False

    async def send(self, to, body):
        await self.may_go.wait()
        self.heard.append((to.id, json.loads(body)))
        return True

    async def close(self):
        self.is_closed = True

    def states(self):
        return [body["task"]["status"]["state"].removeprefix("TASK_STATE_") for _, body in self.heard]


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture
def pushes(ear):
    return Pushes(RememberedAddresses(), ear, local=False)


def kept(world, pushes):
    timing = Timing(now=world.clock)
    return RunService(world.store, world.mind, world.tools, agent="test", timing=timing, changed=pushes.changed)


async def test_of_a_run_that_nothing_keeps_the_end_is_told(ear, pushes):
    runs = TransientRuns(ScriptedMind("hello"), agent="test", timeout_s=10.0, changed=pushes.changed)
    run = await runs.start(alice(), asked("hi"))
    await pushes.set(run.id, config())
    await collect(runs.execute(run))
    await pushes.settled(run.id)
    assert ear.states() == ["COMPLETED"]
    assert ear.heard[0][1]["task"]["artifacts"][0]["parts"] == [{"text": "hello"}]
    assert await pushes.of(run.id) == []


async def test_of_a_kept_run_pause_and_end_are_told_in_order_however_slow_the_first_is(ear, pushes):
    world = World(ScriptedMind([("get_time", {})], "noon"), FakeTools())
    world.tools.answers["get_time"] = world.consenting_tool()
    runs = kept(world, pushes)
    run = await runs.start(alice(), asked("time?"))
    await pushes.set(run.id, config(version="1.0"))
    ear.may_go.clear()
    await collect(runs.execute(run))
    await world.settle("c1", "completed")
    await collect(runs.resume(run.id))
    ear.may_go.set()
    await pushes.settled(run.id)
    assert ear.states() == ["AUTH_REQUIRED", "COMPLETED"]


async def test_the_end_by_somebody_elses_word_is_told_too(ear, pushes):
    world = World(ScriptedMind([("get_time", {})]), FakeTools())
    world.tools.answers["get_time"] = world.consenting_tool()
    runs = kept(world, pushes)
    run = await runs.start(alice(), asked("time?"))
    await pushes.set(run.id, config())
    await collect(runs.execute(run))
    await pushes.settled(run.id)
    await runs.cancel(run.id, ALICE)
    await pushes.settled(run.id)
    assert ear.states() == ["AUTH_REQUIRED", "CANCELED"]


async def test_a_client_that_closes_its_stream_has_its_cancel_told(ear, pushes):
    hold = asyncio.Event()
    runs = RunService(MemoryStore(), ScriptedMind(hold.wait), FakeTools(), agent="test", changed=pushes.changed)
    run = await runs.start(alice(), asked("hi"))
    await pushes.set(run.id, config())
    async with aclosing(runs.execute(run)) as events:
        await anext(events)
    await pushes.settled(run.id)
    assert ear.states() == ["CANCELED"]


async def test_nobody_is_told_who_did_not_ask(ear, pushes):
    runs = TransientRuns(ScriptedMind("hello"), agent="test", timeout_s=10.0, changed=pushes.changed)
    run = await runs.start(alice(), asked("hi"))
    await pushes.set(run.id, config())
    await pushes.drop(run.id, "p")
    await collect(runs.execute(run))
    await pushes.settled(run.id)
    assert ear.heard == []


async def test_an_address_gets_an_id_and_a_task_has_a_few(pushes):
    first = await pushes.set("run", config(id=""))
    assert len(first.id) == 36
    for number in range(pushes_service.MAX_PER_RUN - 1):
        await pushes.set("run", config(id=f"p{number}"))
    await pushes.set("run", config(id="p0", token="newer"))
    with pytest.raises(PushRefusedError):
        await pushes.set("run", config(id="one-more"))


async def test_more_tellings_at_once_than_may_be_are_left_out(ear, pushes, monkeypatch, caplog):
    monkeypatch.setattr(pushes_service, "MAX_TELLING", 1)
    ear.may_go.clear()
    runs = TransientRuns(ScriptedMind("a", "b"), agent="test", timeout_s=10.0, changed=pushes.changed)
    first, second = [await runs.start(alice(), asked("hi")) for _ in range(2)]
    for run in (first, second):
        await pushes.set(run.id, config())
        await collect(runs.execute(run))
    ear.may_go.set()
    await pushes.settled(first.id)
    assert len(ear.heard) == 1
    assert "too many" in caplog.text


async def test_a_fault_in_the_telling_is_logged_without_what_it_was_about(pushes, ear, caplog):
    async def broken(run_id):
        raise ValueError("s3cret")

    pushes._addresses.of = broken
    runs = TransientRuns(ScriptedMind("hello"), agent="test", timeout_s=10.0, changed=pushes.changed)
    run = await runs.start(alice(), asked("hi"))
    assert len(await collect(runs.execute(run))) > 2
    await pushes.settled(run.id)
    assert "nobody was told" in caplog.text
    assert "s3cret" not in caplog.text


async def test_closing_waits_a_moment_and_then_ends_it(ear, pushes, monkeypatch):
    monkeypatch.setattr(pushes_service, "CLOSE_S", 0.01)
    ear.may_go.clear()
    runs = TransientRuns(ScriptedMind("hello"), agent="test", timeout_s=10.0, changed=pushes.changed)
    run = await runs.start(alice(), asked("hi"))
    await pushes.set(run.id, config())
    await collect(runs.execute(run))
    await pushes.close()
    await eventually(lambda: _is(not pushes._telling))
    assert ear.is_closed
    assert ear.heard == []


async def _is(true):
    return true


async def test_an_agent_that_keeps_nothing_and_was_never_asked_loads_nothing():
    late = LatePushes("http://127.0.0.1:8080")
    runs = TransientRuns(ScriptedMind("hello"), agent="test", timeout_s=10.0, changed=late.changed)
    await collect(runs.execute(await runs.start(alice(), asked("hi"))))
    await late.settled("run")
    await late.close()
    assert late._made is None


async def test_with_a_store_and_a_key_addresses_outlive_the_process():
    store, key = MemoryStore(), new_signing_key()[0]
    first, second = (LatePushes("http://localhost", store, key) for _ in range(2))
    local = config("http://127.0.0.1:1/x")
    await first.now().set("run", local)
    assert await second.now().of("run") == [local]
    with pytest.raises(PushRefusedError):
        await LatePushes("https://agents.example", store, key).now().set("run", local)


@pytest.mark.parametrize(
    ("late", "is_taken"),
    [
        (LatePushes(""), False),
        (LatePushes("", only_local=True), True),
        (LatePushes("http://localhost:8090"), True),
        (LatePushes("http://localhost.example"), False),
    ],
)
async def test_this_machine_is_called_only_by_an_agent_that_is_reached_from_it_alone(late, is_taken):
    asking = late.now().set("run", config("http://127.0.0.1:1/x"))
    if is_taken:
        await asking
    else:
        with pytest.raises(PushRefusedError):
            await asking
