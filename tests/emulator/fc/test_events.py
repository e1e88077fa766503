"""Timers, objects and messages reach functions, once or twice, and what fails ends where it was said."""

import json
import time

import oss2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from mns.queue import Message

from fujie_emulator.functionhost import deliveries
from fujie_emulator.mns import queues
from fujie_emulator.oss import state
from fujie_emulator.testing import running
from tests.emulator.fc.packing import zipped
from tests.emulator.fc.test_deployed import client_of, create
from tests.emulator.mns.official import queue_of
from tests.emulator.oss.storing import stored

WRITING = """
import json, os
def handler(event, context):
    with open(os.environ["MARK"], "ab") as file:
        file.write(json.dumps({"id": context.request_id, "event": json.loads(event)}).encode() + b"\\n")
    if os.environ.get("POISONED"):
        raise ValueError("I do not take this")
"""
SERVICE = {"Service": ["oss.aliyuncs.com"]}
TRUST = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SERVICE}]}
FC_TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}
LETTERS = "acs:mns:cn-beijing:1900000000000001:/queues/dead-letters/messages"
LETTERS_ONLY = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "mns:SendMessage", "Resource": LETTERS}]}
DEADLINE_S = 20


@pytest.fixture(scope="module", autouse=True)
def _hurry():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "FIRST_BACKOFF_S", 0.02)
        yield


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        state.create_bucket(served.cloud, "code")
        state.create_bucket(served.cloud, "inbox")
        stored(served.cloud, "code", "f.zip", zipped(**{"main.py": WRITING}))
        ram = served.cloud.iam.ram
        ram.create_role("oss-invokes", json.dumps(TRUST), "", 3600, [])
        ram.attach("System", "AliyunFCFullAccess", "oss-invokes")
        ram.create_role("oss-may-not", json.dumps(TRUST), "", 3600, [])
        ram.create_role("tells", json.dumps(FC_TRUST), "", 3600, [])
        ram.create_role("tells-nobody", json.dumps(FC_TRUST), "", 3600, [])
        ram.create_policy("tells", json.dumps(LETTERS_ONLY), "", [])
        ram.attach("Custom", "tells", "tells")
        queues.create(served.cloud, "tasks", {}, {})
        queues.create(served.cloud, "dead-letters", {}, {})
        yield served


@pytest.fixture(scope="module")
def fc(cloud):
    return client_of(cloud)


@pytest.fixture
def function(fc, tmp_path, request):
    """Return a maker of functions that write every event into a file, and that file."""
    made = []

    def make(name, role="", **environment):
        mark = tmp_path / name
        named = {"role": f"acs:ram::1900000000000001:role/{role}"} if role else {}
        create(fc, name, "f.zip", environment_variables={"MARK": str(mark)} | environment, **named)
        made.append(name)
        return mark

    yield make
    for name in made:
        fc.delete_function(name)


def hook(fc, function, kind, config, **more):
    asked = models.CreateTriggerInput(trigger_name="it", trigger_type=kind, trigger_config=json.dumps(config), **more)
    return fc.create_trigger(function, models.CreateTriggerRequest(body=asked)).body


def events(mark, count=1):
    """Return what was written once there is that much."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        lines = mark.read_text().splitlines() if mark.exists() else []
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    pytest.fail(f"only {len(lines)} of {count} events came")


def put(cloud, key, body=b"x"):
    auth = oss2.Auth(cloud.access_key_id, cloud.access_key_secret)
    oss2.Bucket(auth, cloud.url, "inbox", is_path_style=True).put_object(key, body)


def watch_inbox(cloud, fc, function, role="oss-invokes"):
    config = {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "in/", "suffix": ".json"}}}
    return hook(
        fc,
        function,
        "oss",
        config,
        source_arn=f"acs:oss:{cloud.region}:{cloud.account_id}:inbox",
        invocation_role=f"acs:ram::{cloud.account_id}:role/{role}",
    )


def test_an_object_that_is_put_is_told_to_the_function_that_asked(cloud, fc, function):
    mark = function("objects")
    watch_inbox(cloud, fc, "objects")
    put(cloud, "elsewhere/a.json")
    put(cloud, "in/a.txt")
    put(cloud, "in/a.json", b"hello")
    (told,) = events(mark)
    (event,) = told["event"]["events"]
    assert (event["eventName"], event["oss"]["bucket"]["name"]) == ("ObjectCreated:PutObject", "inbox")
    assert (event["oss"]["object"]["key"], event["oss"]["object"]["size"]) == ("in/a.json", 5)


def test_an_object_trigger_whose_role_may_not_invoke_does_nothing(cloud, fc, function):
    mark = function("forbidden")
    watch_inbox(cloud, fc, "forbidden", role="oss-may-not")
    put(cloud, "in/b.json")
    host = cloud.cloud.parts["functionhost"]
    assert "refused" in host.get("forbidden").status()["last_error"]
    assert not mark.exists()


def test_an_event_may_come_twice_and_is_known_by_its_id(cloud, fc, function):
    mark = function("twice")
    watch_inbox(cloud, fc, "twice")
    cloud.cloud.faults.arm({"service": "fc", "action": "twice", "kind": "duplicate"})
    put(cloud, "in/c.json")
    one, other = events(mark, 2)
    assert one == other


def test_a_timer_fires_when_the_clock_has_passed_it(cloud, fc, function):
    mark = function("hourly")
    hook(fc, "hourly", "timer", {"cronExpression": "0 0 * * * *", "payload": "wake up", "enable": True})
    cloud.cloud.clock.advance(3600)
    try:
        (told,) = events(mark)
    finally:
        cloud.cloud.clock.advance(-3600)
    assert told["event"]["payload"] == "wake up"
    assert told["event"]["triggerTime"].endswith(":00:00Z")


@pytest.mark.parametrize("expression", ["every day", "* * * * *", "0 0 99 * * *", "CRON_TZ=Nowhere/At 0 0 8 * * *", ""])
def test_a_timer_that_never_could_fire_is_refused(fc, function, expression):
    function("untimed")
    with pytest.raises(ClientException, match="cronExpression"):
        hook(fc, "untimed", "timer", {"cronExpression": expression, "enable": True})


def test_a_message_reaches_the_function_that_reads_its_queue(cloud, fc, function):
    mark = function("reader")
    source = {
        "eventSourceType": "MNS",
        "eventSourceParameters": {"sourceMNSParameters": {"RegionId": cloud.region, "QueueName": "tasks"}},
    }
    hook(fc, "reader", "eventbridge", {"triggerEnable": True, "eventSourceConfig": source})
    with queue_of(cloud, "tasks") as queue:
        sent = queue.send_message(Message("do it"))
    (told,) = events(mark)
    assert (told["event"]["id"], told["event"]["type"]) == (sent.message_id, "mns:Queue:SendMessage")
    assert told["event"]["data"]["messageBody"] == "do it"  # the official client encodes it, the trigger decodes
    assert queues.counted(cloud.cloud, "tasks")["ActiveMessages"] == 0


def send_failures_to_letters(fc, function):
    config = models.PutAsyncInvokeConfigInput(
        max_async_retry_attempts=1,
        destination_config=models.DestinationConfig(on_failure=models.Destination(destination=LETTERS)),
    )
    fc.put_async_invoke_config(function, models.PutAsyncInvokeConfigRequest(body=config))


def test_a_function_whose_role_may_not_tell_its_destination_tells_nothing(cloud, fc, function):
    function("silent", "tells-nobody", POISONED="1")
    send_failures_to_letters(fc, "silent")
    watch_inbox(cloud, fc, "silent")
    put(cloud, "in/s.json")
    host, until = cloud.cloud.parts["functionhost"], time.monotonic() + DEADLINE_S
    while host.deliveries.waiting("silent"):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "the destination was refused" in host.get("silent").counters.last_error
    assert sum(queues.counted(cloud.cloud, "dead-letters").values()) == 0


def test_a_poison_event_ends_in_the_dead_letter_queue_with_its_reason(cloud, fc, function):
    mark = function("poisoned", "tells", POISONED="1")
    watch_inbox(cloud, fc, "poisoned")
    send_failures_to_letters(fc, "poisoned")
    put(cloud, "in/d.json")
    assert len(events(mark, 2)) == 2
    until = time.monotonic() + DEADLINE_S
    while queues.counted(cloud.cloud, "dead-letters")["ActiveMessages"] == 0:
        assert time.monotonic() < until
        time.sleep(0.02)
    with queue_of(cloud, "dead-letters") as letters:
        letters.set_encoding(False)
        letter = json.loads(letters.receive_message().message_body)
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert "I do not take this" in letter["responsePayload"]
    assert json.loads(letter["requestPayload"])["events"][0]["oss"]["object"]["key"] == "in/d.json"
