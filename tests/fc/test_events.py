"""Events of objects, timers and queues as values, from the documents that the platform sends."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.fc.errors import ForeignEventError
from fujie.fc.events import MAX_EVENTS, MessageEvent, ObjectEvent, TimerEvent, events_from

OBJECT = {
    "eventName": "ObjectCreated:PutObject",
    "eventSource": "acs:oss",
    "oss": {"bucket": {"name": "b"}, "object": {"key": "in/a+b.json", "size": 3, "eTag": "E"}, "ruleId": "r"},
    "responseElements": {"requestId": "R1"},
}
TIMER = {"triggerTime": "2026-11-21T08:00:00Z", "triggerName": "report-0", "payload": "wake"}
MESSAGE = {
    "id": "M1",
    "subject": "acs:mns:cn-beijing:1:queues/tasks",
    "type": "mns:Queue:SendMessage",
    "data": {"requestId": "x", "messageId": "M1", "messageBody": "do it"},
}


@pytest.mark.parametrize(
    ("document", "event"),
    [
        ({"events": [OBJECT]}, ObjectEvent("oss:b:R1:in/a+b.json", OBJECT["eventName"], "b", "in/a+b.json", 3)),
        (TIMER, TimerEvent("timer:report-0:2026-11-21T08:00:00Z", "report-0", "2026-11-21T08:00:00Z", "wake")),
        (MESSAGE, MessageEvent("mns:tasks:M1", "tasks", "do it")),
        ([MESSAGE], MessageEvent("mns:tasks:M1", "tasks", "do it")),
    ],
)
def test_each_kind_is_told_by_its_own_document(document, event):
    assert events_from(document) == (event,)


def test_several_objects_of_one_delivery_are_several_events():
    other = {**OBJECT, "oss": {**OBJECT["oss"], "object": {"key": "in/c", "size": 0}}}
    assert [event.key for event in events_from({"events": [OBJECT, other]})] == ["in/a+b.json", "in/c"]


@pytest.mark.parametrize("document", [{"events": []}, {"events": [OBJECT] * (MAX_EVENTS + 1)}, [], None, "x", 1, {}])
def test_what_is_no_event_is_refused(document):
    with pytest.raises(ForeignEventError):
        events_from(document)


KEYS = sorted({*OBJECT, *TIMER, *MESSAGE, "events", "bucket", "object", "name", "key", "requestId", "messageBody"})
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@given(document=json_values)
def test_any_document_is_events_or_a_refusal(document):
    with suppress(ForeignEventError):
        assert events_from(document)
