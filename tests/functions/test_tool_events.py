"""Events reach tools: once however often they come, as the workload itself, and told to the platform when they fail."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from fujie import STS, APIKey, clock, tool
from fujie.fc.handler import fc_handler
from fujie.sessions.memory import MemoryStore
from fujie.sessions.rows import Deed
from fujie.tools.sources import ObjectCreated, QueueMessage, Schedule
from functions.tool.app import create_app
from functions.tool.events import EventFailedError, EventHandler
from functions.tool.parts import parts_from_settings
from tests.functions.tool_world import Loopback, settings_for

HOST = "api.weather.example"
PAGE = "/partners/weather/api/v1/reports"
SEEN = []


@tool(on=[ObjectCreated("in/")], credential=APIKey("weather"), hosts=[HOST], effect="write")
async def report(context, key: str, size: int):
    """Report a file."""
    answer = await context.http.post(f"https://{HOST}/v1/reports", json={"key": key, "size": size})
    answer.raise_for_status()
    return answer.json()


@tool(on=[ObjectCreated("silent/")], effect="write")
async def write_into_silence(context, key: str):
    """Write something; nobody says whether it was."""
    SEEN.append(key)
    raise TimeoutError


@tool(on=[ObjectCreated("quiet/")])
async def read_from_silence(context, key: str):
    """Read something that never comes."""
    SEEN.append(key)
    raise TimeoutError


@tool(on=[QueueMessage("tasks"), Schedule("0 0 8 * * *", "wake")])
async def look(context, body: str = "", payload: str = ""):
    """Look who calls."""
    SEEN.append((body, payload, context.user.id))


@tool(on=[ObjectCreated("sts/")], credential=STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/{key}"]))
async def fetch(context, key: str):
    """Say under which name the object store is entered."""
    return context.access.kind


@tool(credential=APIKey("weather"), hosts=[HOST])
async def asked_only(context, key: str):
    """Never called by an event."""
    raise AssertionError


@pytest.fixture
def world():
    SEEN.clear()
    with Loopback() as loopback:
        loopback.pages[PAGE] = (200, {}, {"ok": True})
        answered = loopback.cloud

        def cloud(action, body):
            if action == "GetWorkloadAccessToken":
                loopback.actions.append((action, {}))
                return 200, {}, {"WorkloadAccessToken": "canary-own-wat"}
            return answered(action, body)

        loopback.cloud = cloud
        yield loopback


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def handler(world, store, monkeypatch):
    for name in ("ID", "SECRET"):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", "x")
    parts = parts_from_settings(
        settings_for(world, queues={"tasks": "fujie-test-tasks"}),
        [report, look, fetch, asked_only, write_into_silence, read_from_silence],
        store=store,
    )
    handler = fc_handler(create_app(parts), EventHandler(parts))
    yield handler
    handler.close()


def deliver(handler, document):
    return handler(json.dumps(document).encode(), SimpleNamespace(request_id="1-x"))


def put(key="in/a.json", request_id="R1", bucket="stack-bucket"):
    oss = {"bucket": {"name": bucket}, "object": {"key": key, "size": 3}}
    event = {"eventName": "ObjectCreated:PutObject", "oss": oss, "responseElements": {"requestId": request_id}}
    return {"events": [event]}


def test_a_queue_has_the_name_that_tools_know_whatever_the_account_calls_it(handler):
    message = {"id": "M9", "subject": "acs:mns:r:1:queues/fujie-test-tasks", "data": {"messageBody": "do it"}}
    assert deliver(handler, message) == {"calls": 1}
    assert SEEN[0][0] == "do it"


def test_an_event_that_comes_twice_has_one_effect(handler, world):
    assert [deliver(handler, put()), deliver(handler, put())] == [{"calls": 1}, {"calls": 1}]
    ((method, _, _, body),) = world.requests
    assert (method, json.loads(body)) == ("POST", {"key": "in/a.json", "size": 3})


def test_another_object_of_the_same_request_is_another_event(handler, world):
    deliver(handler, put("in/a.json"))
    deliver(handler, put("in/b.json"))
    assert [json.loads(body)["key"] for *_, body in world.requests] == ["in/a.json", "in/b.json"]


def test_an_event_acts_as_the_workload_and_as_nobody(handler, world):
    deliver(handler, put())
    asked = [action for action, _ in world.actions]
    assert asked == ["GetWorkloadAccessToken", "GetResourceAPIKey"]


def test_an_event_enters_the_object_store_with_the_workloads_own_role(handler, world):
    assert deliver(handler, put("sts/a.json")) == {"calls": 1}
    action, form = world.actions[-1]
    assert (action, form["RoleSessionName"]) == ("AssumeRoleForWorkloadIdentity", "fujie-nobody")
    assert "stack-bucket/sts/a.json" in form["Policy"]


def test_a_timer_and_a_message_reach_the_tool_with_what_they_say(handler):
    deliver(handler, {"triggerTime": "2026-11-21T08:00:00Z", "triggerName": "look-1", "payload": "wake"})
    message = {"id": "M1", "subject": "acs:mns:r:1:queues/tasks", "data": {"messageBody": "do it"}}
    deliver(handler, message)
    assert SEEN == [("", "wake", ""), ("do it", "", "")]


def test_a_failed_event_is_told_to_the_platform_and_tried_again_when_it_comes_again(handler, world):
    world.pages[PAGE] = (503, {}, {"message": "away"})
    with pytest.raises(EventFailedError, match="report: "):
        deliver(handler, put())
    world.pages[PAGE] = (200, {}, {"ok": True})
    assert deliver(handler, put()) == {"calls": 1}
    assert len(world.requests) == 2


def test_a_write_that_nobody_answered_is_not_repeated(handler):
    for _ in range(2):
        with pytest.raises(EventFailedError, match="outcome is unknown"):
            deliver(handler, put("silent/a"))
    assert SEEN == ["silent/a"]


def test_a_reading_that_nobody_answered_is_repeated(handler):
    for _ in range(2):
        with pytest.raises(EventFailedError, match="provider_timeout"):
            deliver(handler, put("quiet/a"))
    assert SEEN == ["quiet/a"] * 2


async def claimed(store, event_id, held_until):
    now = clock.now() - timedelta(hours=1)
    await store.claim_deed(Deed(event_id, "running", held_until, clock.now() + timedelta(days=1)), now)


def test_an_event_that_another_worker_is_at_is_left_to_it(handler, store, world):
    handler._loop.run_until_complete(
        claimed(store, "report:oss:stack-bucket:R1:in/a.json", clock.now() + timedelta(minutes=1))
    )
    with pytest.raises(EventFailedError, match="another worker is at it"):
        deliver(handler, put())
    assert world.requests == []


def test_a_write_whose_worker_died_is_not_repeated_and_says_so_every_time(handler, store, world):
    past = clock.now() - timedelta(minutes=1)
    handler._loop.run_until_complete(claimed(store, "report:oss:stack-bucket:R1:in/a.json", past))
    for _ in range(2):
        with pytest.raises(EventFailedError, match="outcome is unknown"):
            deliver(handler, put())
    assert world.requests == []


def test_a_reading_whose_worker_died_is_done_again(handler, store):
    past = clock.now() - timedelta(minutes=1)
    handler._loop.run_until_complete(claimed(store, "look:mns:tasks:M1", past))
    message = {"id": "M1", "subject": "acs:mns:r:1:queues/tasks", "data": {"messageBody": "do it"}}
    assert deliver(handler, message) == {"calls": 1}


def test_an_event_of_another_bucket_or_that_nobody_waits_for_calls_nothing(handler, world):
    assert deliver(handler, put(bucket="another")) == {"calls": 0}
    assert deliver(handler, put("elsewhere/a")) == {"calls": 0}
    assert world.requests == []
