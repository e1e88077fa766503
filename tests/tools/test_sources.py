"""What calls a tool beside a model, as it is declared and as it meets events."""

import pytest

from fujie import STS, APIKey, OAuth, tool
from fujie.fc.events import MessageEvent, ObjectEvent, TimerEvent
from fujie.tools.errors import ToolDeclarationError
from fujie.tools.sources import ObjectCreated, QueueMessage, Schedule, arguments_of, is_called_by

PUT = ObjectEvent("oss:1", "ObjectCreated:PutObject", "stack", "in/a.json", 3)
TICK = TimerEvent("timer:1", "report-1", "2026-11-21T08:00:00Z", "wake")
SENT = MessageEvent("mns:1", "tasks", "do it")
OBJECT, TIMER, QUEUE = ObjectCreated("in/", ".json"), Schedule("0 0 8 * * *"), QueueMessage("tasks")


@pytest.mark.parametrize(
    ("sources", "event", "bucket", "called"),
    [
        ([OBJECT], PUT, "stack", True),
        ([OBJECT], PUT, "another", False),
        ([ObjectCreated("out/")], PUT, "stack", False),
        ([ObjectCreated(suffix=".txt")], PUT, "stack", False),
        ([OBJECT], ObjectEvent("oss:2", "ObjectRemoved:DeleteObject", "stack", "in/a.json", 0), "stack", False),
        ([OBJECT, TIMER], TICK, "stack", True),
        ([TIMER, OBJECT], TICK, "stack", False),
        ([QUEUE], SENT, "stack", True),
        ([QueueMessage("others")], SENT, "stack", False),
        ([QUEUE], TICK, "stack", False),
        ([], PUT, "stack", False),
    ],
)
def test_a_source_means_its_own_events_alone(sources, event, bucket, called):
    assert is_called_by("report", sources, event, bucket) is called


def test_an_event_tells_the_arguments_that_the_tool_takes():
    assert arguments_of(PUT, {"key": {}, "size": {}}) == {"key": "in/a.json", "size": 3}
    assert arguments_of(SENT, {"body": {}, "unknown": {}}) == {"body": "do it"}


def declared(*, credential=None, on=(OBJECT,)):
    @tool(on=on, credential=credential, hosts=["api.example"] if isinstance(credential, OAuth) else [])
    async def takes_a_key(context, key: str, note: str = ""):
        """Take an object."""

    return takes_a_key


def test_a_declaration_keeps_its_sources():
    assert declared().on == (OBJECT,)


def test_a_source_that_does_not_say_all_that_the_tool_must_know_is_refused():
    with pytest.raises(ToolDeclarationError, match="Schedule tells payload, at, and not key"):
        declared(on=[Schedule("0 0 8 * * *")])


@pytest.mark.parametrize(
    "credential",
    [
        OAuth("p", {"read": "Read"}),
        OAuth("p", {"read": "Read"}, vendor="IDaaS", flow="ON_BEHALF_OF", audience="app"),
        STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/{user}/{key}"]),
    ],
)
def test_what_is_somebodys_own_cannot_be_used_when_an_event_calls(credential):
    with pytest.raises(ToolDeclarationError, match="needs a signed-in user"):
        declared(credential=credential)


@pytest.mark.parametrize(
    "credential", [OAuth("p", {"read": "Read"}, flow="M2M"), STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/{key}"])]
)
def test_what_is_the_workloads_own_can_be_used_when_an_event_calls(credential):
    assert declared(credential=credential).credential == credential


def test_an_api_key_is_the_workloads_own():
    @tool(on=[OBJECT], credential=APIKey("p"), hosts=["api.example"])
    async def takes_a_key(context, key: str):
        """Take an object."""

    assert takes_a_key.on == (OBJECT,)
