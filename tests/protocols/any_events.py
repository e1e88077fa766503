"""Events of runs in any order, for whoever must write or read them whatever comes."""

import json

from hypothesis import strategies as st

from fujie.permission import ConsentRequest, CredentialBadge, Scope
from fujie.protocols import events as ev

IDS = st.sampled_from(["m1", "m2", "m3"])
CALLS = st.sampled_from(["call_1", "call_2"])
CONSENTS = st.sampled_from(["c1", "c2"])
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "\n\n", "data: x", "\ud800", "杭州\u2028\x85", '"}', "\r"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1e9, 1e9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
JSON_TEXTS = st.one_of(
    JSON.map(json.dumps),
    st.sampled_from(["", "{", "NaN", "1e999", '{"a": 1', '{"a": "x y", "b": [1, 2]}', '{"a":"x']),
    st.text(max_size=6),
)
REQUESTS = st.builds(
    lambda id_, words: ConsentRequest(
        id_, "time", "Time", (Scope("time.read", {"en": words}),), "get_time", words, f"http://h/{id_}", "2026-11-21"
    ),
    CONSENTS,
    TEXTS,
)
BADGES = st.none() | st.builds(CredentialBadge, st.just("oauth"), TEXTS, st.just(("time.read",)))
NUMBERS = st.integers(0, 2**31)

EVENT = st.one_of(
    st.builds(ev.RunStarted, st.just("7b1c0e0e-0000-4000-8000-000000000001"), st.just("s1"), NUMBERS),
    st.builds(ev.TextStarted, IDS),
    st.builds(ev.TextDelta, IDS, TEXTS),
    st.builds(ev.TextEnded, IDS),
    st.builds(ev.ReasoningStarted, IDS),
    st.builds(ev.ReasoningDelta, IDS, TEXTS),
    st.builds(ev.ReasoningEnded, IDS),
    st.builds(ev.ToolCalling, IDS, CALLS, TEXTS, JSON_TEXTS),
    st.builds(ev.ToolCalled, IDS, CALLS, TEXTS, JSON_TEXTS),
    st.builds(ev.ToolReturned, IDS, CALLS, TEXTS, TEXTS, st.booleans(), NUMBERS, BADGES, TEXTS),
    st.builds(ev.DataProduced, IDS, JSON_TEXTS),
    st.builds(ev.StateChanged, JSON_TEXTS),
    st.builds(ev.ConsentRequired, IDS, CALLS, REQUESTS),
    st.builds(ev.ConsentResolved, IDS, CONSENTS, st.sampled_from(["completed", "denied", "expired", "cancelled"])),
    st.builds(lambda ids: ev.RunPaused(tuple(ids)), st.lists(CONSENTS, max_size=2)),
    st.builds(ev.RunResumed, NUMBERS),
)
ENDING = st.one_of(
    st.builds(ev.RunCompleted, NUMBERS, st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), NUMBERS)),
    st.builds(ev.RunFailed, NUMBERS, TEXTS, TEXTS),
    st.builds(ev.RunCanceled, NUMBERS),
)
ANY_EVENTS = st.lists(st.one_of(EVENT, EVENT, EVENT, ENDING), max_size=24)
"""Any order: nothing begun, nothing ended, ended and gone on."""
