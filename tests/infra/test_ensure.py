"""The ensure of `fujie dev`: what calls tools beside requests is made without an engine, and reaches the function."""

import json
import time
from datetime import timedelta

import httpx2
import oss2
import pytest
from mns.queue import Message

from fujie import ObjectCreated, QueueMessage, Schedule, tool
from fujie.secret import Secret
from fujie_emulator.mns import queues
from infra.config import StackConfig
from infra.declaration import declare
from infra.ensure import ensure_entrance, ensure_events, ensure_identity
from infra.providers.clients import CloudClients, OperatorKey
from infra.stack_secrets import load_or_create
from tests.emulator.mns.official import queue_of

DEADLINE_S = 60
TELLING = """
import json

def handler(event, context):
    told = json.loads(event)
    if "poison" in json.dumps(told):
        raise ValueError("not an order")
    with open({effects!r}, "a") as file:
        file.write(json.dumps(told) + "\\n")
"""


@tool(on=[ObjectCreated("in/"), Schedule("0 0 3 * * *", "wake up"), QueueMessage("orders")], effect="write")
async def look(context):
    """Look at what came."""


@pytest.fixture(scope="module")
def told(cloud, tmp_path_factory):
    """Return what the function was told since the last time, once there is something."""
    folder = tmp_path_factory.mktemp("tool")
    effects = folder / "effects"
    (folder / "main.py").write_text(TELLING.format(effects=str(effects)))
    stack = declare(config_of(cloud), [look])
    clients = CloudClients(stack.config.address, OperatorKey(cloud.access_key_id, Secret(cloud.access_key_secret)))
    applications = ensure_entrance(stack, clients)
    with httpx2.Client(base_url=cloud.url, headers=cloud.admin_headers, trust_env=False) as http:
        for name in ("chat", "process", "callback", "tool"):
            function = {"runtime": "python3.12", "handler": "main.handler", "code_dir": str(folder)}
            role = {"role": "fujie-test-tool-role"} if name == "tool" else {}
            http.put(f"/_fujie/functions/{name}", json=function | role).raise_for_status()
    ensure_identity(stack, clients, load_or_create(folder / "keys.json", []), applications)
    for _ in range(2):
        ensure_events(stack, clients)

    def told():
        until = time.monotonic() + DEADLINE_S
        while not effects.exists():
            assert time.monotonic() < until, cloud.cloud.parts["functionhost"].get("tool").counters.last_error
            time.sleep(0.01)
        (line,) = effects.read_text().splitlines()
        effects.unlink()
        return json.loads(line)

    return told


def config_of(cloud):
    return StackConfig("test", cloud.account_id, cloud.region, "http://localhost:1", "objects", cloud_url=cloud.url)


def test_an_object_that_is_put_reaches_the_function(told, cloud):
    auth = oss2.Auth(cloud.access_key_id, cloud.access_key_secret)
    oss2.Bucket(auth, cloud.url, "objects", is_path_style=True).put_object("in/a.txt", b"hello")
    assert told()["events"][0]["oss"]["object"]["key"] == "in/a.txt"


def test_a_timer_reaches_it_when_its_moment_has_come(told, cloud):
    now = cloud.cloud.clock.now()
    due = now.replace(hour=3, minute=0, second=0, microsecond=0)
    due += timedelta(days=1) if due <= now else timedelta()
    ahead = (due - now).total_seconds() + 60
    cloud.cloud.clock.advance(ahead)
    try:
        assert told()["payload"] == "wake up"
    finally:
        cloud.cloud.clock.advance(-ahead)


def test_a_message_reaches_it_from_the_queue_of_the_stack(told, cloud):
    with queue_of(cloud, "fujie-test-orders") as queue:
        queue.send_message(Message("two apples"))
    assert told()["data"]["messageBody"] == "two apples"


def test_what_it_cannot_handle_ends_where_the_declaration_says(told, cloud, monkeypatch):
    monkeypatch.setattr("fujie_emulator.functionhost.deliveries.FIRST_BACKOFF_S", 0.005)
    with queue_of(cloud, "fujie-test-orders") as queue:
        queue.send_message(Message("poison"))
    until = time.monotonic() + DEADLINE_S
    while not queues.counted(cloud.cloud, "fujie-test-dead-letters")["ActiveMessages"]:
        assert time.monotonic() < until, cloud.cloud.parts["functionhost"].get("tool").counters.last_error
        time.sleep(0.02)
