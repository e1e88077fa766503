"""Whatever a function yields, its events are in order: what was begun is ended once, and no output stands alone."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fujie.agents.adapters import FRAMEWORKS, adapter_for
from fujie.protocols.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolCalling,
    ToolReturned,
    event_from_json,
    event_to_json,
)

WORDS = st.text(max_size=4)
IDS = st.sampled_from(["a", "b"])
ANYTHING = st.none() | WORDS | st.integers() | st.dictionaries(WORDS, WORDS, max_size=2) | st.tuples(WORDS, WORDS)

BLOCK = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": WORDS}),
    st.fixed_dictionaries({"type": st.just("tool_use"), "id": IDS, "name": WORDS, "input": st.just({"q": 1})}),
    st.fixed_dictionaries({"type": st.just("tool_result"), "id": IDS, "name": WORDS, "output": WORDS}),
    st.fixed_dictionaries({"type": st.just("image"), "source": st.just({"type": "url", "url": "https://a.example/b"})}),
)
MSG = st.builds(
    lambda id_, content: SimpleNamespace(id=id_, content=content, role="assistant"), IDS, st.lists(BLOCK, max_size=3)
)
WRITTEN = st.fixed_dictionaries({"id": st.none() | IDS, "name": WORDS, "args": WORDS, "index": st.integers(0, 1)})
CHUNK = st.builds(
    lambda id_, content, calls, last: SimpleNamespace(
        type="AIMessageChunk", id=id_, content=content, additional_kwargs={}, tool_call_chunks=calls,
        chunk_position="last" if last else None, usage_metadata=None,
    ),
    IDS, WORDS, st.lists(WRITTEN, max_size=2), st.booleans(),
)  # fmt: skip
TOOL_MESSAGE = st.builds(
    lambda id_, words: SimpleNamespace(
        type="tool", id=None, tool_call_id=id_, name="look", content=words, additional_kwargs={}, status="success"
    ),
    IDS, WORDS,
)  # fmt: skip
ITEMS = {
    "agentscope": st.tuples(MSG, st.booleans()) | ANYTHING,
    "langgraph": st.tuples(CHUNK | TOOL_MESSAGE, st.just({})) | ANYTHING,
    "pydantic_ai": ANYTHING,
    "text": ANYTHING,
    "raw": ANYTHING,
}


def check_order(events):
    started, ended, called = set(), set(), set()
    for event in events:
        match event:
            case TextStarted() | ReasoningStarted():
                assert event.message_id not in started
                started.add(event.message_id)
            case TextDelta() | ReasoningDelta():
                assert event.message_id in started - ended
            case TextEnded() | ReasoningEnded():
                assert event.message_id in started - ended
                ended.add(event.message_id)
            case ToolCalling():
                assert event.call_id not in called
            case ToolCalled():
                assert event.call_id not in called
                called.add(event.call_id)
            case ToolReturned():
                assert event.call_id in called
        assert event_from_json(event_to_json(event)) == event
    assert started == ended


@pytest.mark.parametrize("framework", FRAMEWORKS)
@given(data=st.data())
def test_any_items_become_events_in_order(framework, data):
    adapter = adapter_for(framework)
    events = [event for item in data.draw(st.lists(ITEMS[framework], max_size=8)) for event in adapter.hear(item)]
    check_order([*events, *adapter.end()])


def test_hearing_imports_no_framework():
    program = (
        "import sys\n"
        "from fujie.agents.adapters import FRAMEWORKS, adapter_for\n"
        "for name in FRAMEWORKS: list(adapter_for(name).hear('x'))\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"pydantic_ai", "pydantic", "agentscope", "langgraph", "langchain_core"} & set(eval(done.stdout))
