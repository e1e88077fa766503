"""The real engine and provider: a stack whose agent's tools wait for events, and what events do to it."""

import json
import time
from datetime import UTC, timedelta

import httpx2
import oss2
import pytest
from mns.queue import Message

from fujie.secret import Secret
from fujie_emulator.functionhost import deliveries
from fujie_emulator.mns import queues
from fujie_emulator.testing import running
from infra.declaration import declare
from infra.ensure import ensure_events
from infra.inputs import inputs_from_config
from infra.providers.clients import CloudClients, OperatorKey
from infra.served import served
from tests.emulator.mns.official import queue_of
from tests.infra.test_one_text import without

pytestmark = pytest.mark.engine

AGENT = """
from pathlib import Path
from fujie import AgentApp, APIKey, ObjectCreated, QueueMessage, Schedule, tool

EFFECTS = Path({effects!r})

def note(*words):
    with EFFECTS.open("a") as file:
        file.write(" ".join(words) + "\\n")

@tool(on=[ObjectCreated("in/", ".txt")], credential=APIKey("archive"), hosts=["archive.example"], effect="write")
async def take_in(context, key: str, size: int):
    \"\"\"Take a file in.\"\"\"
    note("object", key, str(size), context.access.kind)

@tool(on=[Schedule({cron!r}, "wake up")], effect="write")
async def wake(context, payload: str):
    \"\"\"Do what is done each day.\"\"\"
    note("timer", payload)

@tool(on=[QueueMessage("orders")], effect="write")
async def order(context, body: str):
    \"\"\"Take an order.\"\"\"
    if body == "poison":
        raise ValueError("not an order")
    note("message", body)

app = AgentApp(app_name="clerk", app_description="Takes what comes.", tools=[take_in, wake, order])
"""
FUNCTION, LETTERS, ORDERS = "fujie-local-tool", "fujie-local-dead-letters", "fujie-local-orders"
DEADLINE_S = 60


@pytest.fixture(scope="module", autouse=True)
def _hurry():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "FIRST_BACKOFF_S", 0.005)
        yield


@pytest.fixture(scope="module")
def clerk(pulumi, cloud, tmp_path_factory):
    """Return the engine of a stack that is up, and the file of its effects."""
    folder = tmp_path_factory.mktemp("clerk")
    effects, agent = folder / "effects", folder / "agent" / "agent.py"
    agent.parent.mkdir()
    due = cloud.cloud.clock.now().astimezone(UTC) + timedelta(hours=2)
    agent.write_text(AGENT.format(effects=str(effects), cron=f"0 {due.minute} {due.hour} * * *"))
    database_url = f"sqlite+aiosqlite:///{folder}/fujie.db"
    run = pulumi()
    given = [f"fujie:agent={agent}", f"fujie:database_url={database_url}", "fujie:endpoints={}"]
    run.run("up", "--yes", "--skip-preview", *(word for each in given for word in ("--config", each)))
    return run, effects, agent


@pytest.fixture
def effects(clerk):
    return clerk[1]


def effects_of(cloud, effects):
    """Return what was done since the last time, once no event is on its way any more."""
    until = time.monotonic() + DEADLINE_S
    while cloud.cloud.parts["functionhost"].deliveries.waiting(FUNCTION):
        if time.monotonic() > until:
            pytest.fail(cloud.cloud.parts["functionhost"].get(FUNCTION).counters.last_error)
        time.sleep(0.02)
    done = effects.read_text().splitlines() if effects.exists() else []
    effects.unlink(missing_ok=True)
    return done


def test_fujie_dev_makes_the_same_of_it(clerk, cloud, tmp_path):
    """Whatever calls a function, and how its events end, as the ensure makes it beside functions of the same names."""
    run, _, agent = clerk
    tools, _ = served(agent)
    with running(tmp_path / "other") as other:
        config = inputs_from_config(run.config(), "local", {"FUJIE_CLOUD_URL": other.url}).stack_config("local")
        stack = declare(config, tools)
        with httpx2.Client(base_url=other.url, headers=other.admin_headers, trust_env=False) as http:
            for function in stack.functions:
                given = {"runtime": "python3.12", "handler": "none.handler", "code_dir": str(tmp_path)}
                name = config.function_name(function.name)
                http.put(f"/_fujie/functions/{name}", json=given).raise_for_status()
        key = OperatorKey(other.access_key_id, Secret(other.access_key_secret))
        ensure_events(stack, CloudClients(config.address, key))
        by_ensure = declared(other)
    assert {("mns", "queue"), ("fc", "trigger"), ("fc", "async-invoke-config")} == {key[:2] for key in by_ensure}
    assert declared(cloud) == by_ensure


def declared(cloud):
    """Return the documents that the declaration has of triggers, queues and how events end, by their names."""
    kinds = (("mns", "queue"), ("fc", "trigger"), ("fc", "async-invoke-config"))
    found = {(*kind, key): doc for kind in kinds for key, doc in cloud.cloud.store.list(*kind)}
    chosen = {"triggerId", "createdTime", "lastModifiedTime", "CreateTime", "LastModifyTime", "Tags"}
    return {
        key: {name: value for name, value in without(doc).items() if name not in chosen}
        for key, doc in found.items()
        if doc.get("triggerType") != "http"  # fujie dev gives functions a port instead
    }


def test_a_second_time_nothing_of_it_changes(clerk):
    told = clerk[0].run("preview", "--diff")
    assert not [kind for kind in ("ServiceQueue", "V3Trigger", "V3AsyncInvokeConfig", "ram/") if kind in told]


def twice(cloud):
    """Have the next event delivered twice."""
    cloud.cloud.faults.arm({"service": "fc", "action": FUNCTION, "kind": "duplicate"})


def put(cloud, key, body=b"hello"):
    auth = oss2.Auth(cloud.access_key_id, cloud.access_key_secret)
    oss2.Bucket(auth, cloud.url, f"fujie-local-{cloud.account_id}", is_path_style=True).put_object(key, body)


def test_an_object_that_is_delivered_twice_is_taken_in_once_with_the_workloads_own_credential(effects, cloud):
    twice(cloud)
    put(cloud, "in/a.txt")
    put(cloud, "in/a.png")
    put(cloud, "elsewhere/a.txt")
    assert effects_of(cloud, effects) == ["object in/a.txt 5 api_key"]
    assert not cloud.cloud.faults.duplicates(FUNCTION)


def test_a_tick_that_is_delivered_twice_is_one(effects, cloud):
    twice(cloud)
    cloud.cloud.clock.advance(3 * 3600)
    try:
        until = time.monotonic() + DEADLINE_S
        while not (done := effects_of(cloud, effects)):
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        cloud.cloud.clock.advance(-3 * 3600)
    assert done == ["timer wake up"]
    assert not cloud.cloud.faults.duplicates(FUNCTION)


def test_a_message_that_is_delivered_twice_is_one_order(effects, cloud):
    twice(cloud)
    with queue_of(cloud, ORDERS) as queue:
        queue.send_message(Message("two apples"))
    assert effects_of(cloud, effects) == ["message two apples"]
    assert not cloud.cloud.faults.duplicates(FUNCTION)


def test_a_poison_event_does_nothing_and_ends_in_the_dead_letter_queue_with_its_reason(effects, cloud):
    with queue_of(cloud, ORDERS) as queue:
        queue.send_message(Message("poison"))
    assert effects_of(cloud, effects) == []
    with queue_of(cloud, LETTERS) as letters:
        letters.set_encoding(False)
        letter = json.loads(letters.receive_message().message_body)
    context = letter["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 9)
    assert json.loads(letter["requestPayload"])["data"]["messageBody"] == "poison"
    assert "order: tool_failed" in json.loads(letter["responsePayload"])["errorMessage"]
    assert queues.counted(cloud.cloud, LETTERS) == {"ActiveMessages": 0, "InactiveMessages": 1, "DelayMessages": 0}
