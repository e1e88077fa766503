"""Streams of AG-UI read as a consumer must: each event by the official models, their order by the specification."""

import json
from copy import deepcopy
from dataclasses import dataclass, field

from ag_ui.core import Event, RunAgentInput
from pydantic import TypeAdapter

_EVENT = TypeAdapter(Event)
KINDS = {
    "TEXT_MESSAGE_START": ("text", "open"),
    "TEXT_MESSAGE_CONTENT": ("text", "go on"),
    "TEXT_MESSAGE_END": ("text", "close"),
    "REASONING_START": ("span", "open"),
    "REASONING_END": ("span", "close"),
    "REASONING_MESSAGE_START": ("thought", "open"),
    "REASONING_MESSAGE_CONTENT": ("thought", "go on"),
    "REASONING_MESSAGE_END": ("thought", "close"),
    "TOOL_CALL_START": ("call", "open"),
    "TOOL_CALL_ARGS": ("call", "go on"),
    "TOOL_CALL_END": ("call", "close"),
}


@dataclass
class Reader:
    """Lifecycle, streaming pattern, reasoning, state: what the pages say a consumer must reject raises here."""

    events: list[dict] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    thoughts: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    state: object = field(default_factory=dict)
    open: set = field(default_factory=set)
    run: dict | None = None
    ended: str = ""

    def read(self, event: dict) -> None:
        parsed = _EVENT.validate_python(event)
        assert not parsed.model_extra, "a key that the schema does not describe"
        assert json.loads(parsed.model_dump_json(by_alias=True)) == event, "a null where a key is to be left out"
        kind = event["type"]
        self.events.append(event)
        if kind == "RUN_STARTED":
            assert self.run is None
            assert event["protocolVersion"] == "1.0"
            self.run, self.ended, self.open = event, "", set()
            return
        assert self.run is not None or kind == "RUN_ERROR", f"{kind} outside a run"
        if kind == "RUN_FINISHED":
            assert not self.open, f"{self.open} still open"
            assert (event["threadId"], event["runId"]) == (self.run["threadId"], self.run["runId"])
        if kind in ("RUN_FINISHED", "RUN_ERROR"):
            self.run, self.ended = None, kind
            return
        self._item(event, kind)
        if kind == "TOOL_CALL_RESULT":
            self.results[event["toolCallId"]] = event["content"]
        elif kind == "STATE_SNAPSHOT":
            self.state = deepcopy(event["snapshot"])
        elif kind == "STATE_DELTA":
            self.state = applied(self.state, event["delta"])

    def _item(self, event: dict, kind: str) -> None:
        family, step = KINDS.get(kind, ("", ""))
        if not family:
            return
        id_ = event["toolCallId" if family == "call" else "messageId"]
        if step == "open":
            assert (family, id_) not in self.open
            self.open.add((family, id_))
            self._kept(family).setdefault(id_, "")
            return
        assert (family, id_) in self.open, f"{kind} of {id_}, which is not open"
        if step == "close":
            self.open.remove((family, id_))
        else:
            self._kept(family)[id_] += event["delta"]

    def _kept(self, family: str) -> dict[str, str]:
        return {"text": self.texts, "thought": self.thoughts, "span": {}, "call": self.calls}[family]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


def parsed_frames(text: str) -> list[dict]:
    """Split as the HTTP + SSE page says: LF only, one `data` per event, comments skipped."""
    assert "\r" not in text
    frames = [frame for frame in text.split("\n\n") if frame and not frame.startswith(":")]
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    assert all(len(frame.splitlines()) == 1 for frame in frames), "a reader that splits at other line ends breaks it"
    return [json.loads(frame[6:], parse_constant=_refuse) for frame in frames]


def read(text: str) -> Reader:
    """Read a whole stream, which must end with a run's end."""
    reader = Reader()
    for event in parsed_frames(text):
        reader.read(event)
    assert reader.ended, f"truncated after {reader.kinds[-1:]}"
    return reader


def applied(document, operations):
    """Apply a JSON Patch as RFC 6902 says, the operations add, remove and replace."""
    document = deepcopy(document)
    for operation in operations:
        if operation["path"] == "":
            document = deepcopy(operation["value"])
            continue
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        parent = document
        for step in way:
            parent = parent[int(step)] if isinstance(parent, list) else parent[step]
        if isinstance(parent, list):
            last = int(last)
            assert 0 <= last <= len(parent) - (operation["op"] != "add")
        else:
            assert operation["op"] == "add" or last in parent
        if operation["op"] == "remove":
            del parent[last]
        elif operation["op"] == "add" and isinstance(parent, list):
            parent.insert(last, deepcopy(operation["value"]))
        else:
            parent[last] = deepcopy(operation["value"])
    return document


def run_input(**fields) -> bytes:
    """Return a run input as the official models write it."""
    body = {"threadId": "t1", "runId": "r1", "messages": [{"id": "u1", "role": "user", "content": "hi"}]} | fields
    return RunAgentInput.model_validate(body).model_dump_json(by_alias=True).encode()


def _refuse(name):
    raise ValueError(name)
