"""What plain functions yield, as events."""

import pytest

from fujie.agents.adapters import adapter_for, framework_named
from fujie.agents.adapters.json_text import json_text
from fujie.agents.errors import AgentError
from fujie.errors import SettingsError
from fujie.protocols.events import (
    DataProduced,
    RunCompleted,
    StateChanged,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    value_of,
)


def heard(framework, *items):
    adapter = adapter_for(framework)
    return [event for item in items for event in adapter.hear(item)] + list(adapter.end())


def kinds(events):
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize("framework", ["text", "raw"])
def test_strings_are_pieces_of_one_text(framework):
    events = heard(framework, "Hel", "", "lo", None)
    assert kinds(events) == ["TextStarted", "TextDelta", "TextDelta", "TextEnded"]
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hel", "lo"]
    assert len({event.message_id for event in events}) == 1


def test_a_value_is_a_message_between_texts():
    events = heard("text", "a", {"city": "杭州"}, "b")
    assert kinds(events) == [
        "TextStarted", "TextDelta", "TextEnded", "DataProduced", "TextStarted", "TextDelta", "TextEnded",
    ]  # fmt: skip
    assert value_of(events[3].data) == {"city": "杭州"}
    assert events[0].message_id != events[4].message_id


def test_nothing_yielded_is_nothing_said():
    assert heard("text") == []


def test_half_a_character_becomes_the_sign_for_it():
    assert heard("text", "a\ud800")[1].text == "a\ufffd"


def test_an_event_goes_out_as_it_is():
    called = ToolCalled("m", "c", "search", "{}")
    state = StateChanged("{}")
    assert heard("raw", called, state, TextStarted("t"), TextDelta("t", "x"), TextEnded("t"))[:2] == [called, state]


def test_an_event_closes_the_text_before_it():
    assert kinds(heard("raw", "x", DataProduced("m", "1"))) == ["TextStarted", "TextDelta", "TextEnded", "DataProduced"]


def test_only_the_run_says_how_it_goes():
    with pytest.raises(AgentError, match="RunCompleted"):
        heard("raw", RunCompleted(0))


def test_langchain_is_another_name_for_langgraph():
    assert framework_named("langchain") == "langgraph"


def test_an_unknown_framework_is_refused_with_the_names_of_those_there_are():
    with pytest.raises(SettingsError, match="autogen") as refusal:
        framework_named("autogen")
    assert "agentscope" in refusal.value.repair


class Model:
    def model_dump(self, *, mode):
        return {"mode": mode}


def _circle():
    circle = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "世界"}, '{"a": "世界"}'),
        (Model(), '{"mode": "json"}'),
        ({1, 2}, "[1, 2]"),
        ({"x": float("nan"), "y": [float("inf"), 1.5]}, '{"x": null, "y": [null, 1.5]}'),
        ({(1, 2): 3}, '{"(1, 2)": 3}'),
        (StateChanged("{}"), '{"state": "{}"}'),
        (b"x", "\"b'x'\""),
    ],
)
def test_any_value_has_json_text(value, text):
    assert json_text(value) == text


def test_a_value_without_end_has_json_text_too():
    value_of(json_text(_circle()))
