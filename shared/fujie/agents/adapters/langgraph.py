"""LangGraph and LangChain: what `graph.astream` yields in any stream mode, `astream_events`, or messages themselves.

Nothing is imported but by `messages`. What a message is, its `type` says, so a chunk costs no isinstance over a
framework's classes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fujie.agents.adapters.json_text import json_text
from fujie.agents.adapters.langgraph_messages import langchain_messages
from fujie.agents.adapters.speech import Speech
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent

MODES = frozenset({"values", "updates", "messages", "custom", "checkpoints", "tasks", "debug"})


class LangGraphAdapter:
    """One run of a function that yields LangGraph's stream.

    `messages` are said as they come. `updates` and `values` say those that did not come that way; `values` also say
    the state, without its messages. `custom` is a value, and so is an interrupt. The other modes say nothing.
    """

    def __init__(self) -> None:
        self._speech = Speech()
        self._said: set[str] = set()
        """Ids of messages that were said, or are being said."""
        self._calls: dict[tuple[str, Any], tuple[str, str]] = {}
        """Message id and index -> call id and its arguments so far, while the model writes."""
        self._usage: Counter[str] = Counter()
        self._interrupts: set[str] = set()

    @property
    def usage(self) -> Mapping[str, int]:
        """What the messages say that they have cost."""
        return dict(self._usage)

    def messages(self, request: AgentRequest) -> Any:
        """Return the input as a list of LangChain's messages."""
        return langchain_messages(request)

    def end(self) -> Iterable[RunEvent]:
        """Close what is open."""
        return self._speech.end()

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return what is new in an item of any stream mode, subgraphs' and several modes at once included."""
        if isinstance(item, tuple):
            return self._pair(item)
        if isinstance(item, dict):
            return self._object(item)
        if _is_message(item):
            return self._message(item)
        if isinstance(item, str):
            return self._speech.text("", item)
        return () if item is None else self._speech.data(item)

    def _pair(self, item: tuple[Any, ...]) -> Iterable[RunEvent]:
        if len(item) == 3 and item[1] in MODES:  # (namespace, mode, data)
            return self._mode(item[1], item[2])
        if len(item) != 2:
            return self._speech.data(item)
        first, second = item
        if isinstance(first, str) and first in MODES:
            return self._mode(first, second)
        if isinstance(first, tuple):  # (namespace, data)
            return self.hear(second)
        if _is_message(first):
            return self._message(first, is_last=second is True)
        return self._speech.data(item)

    def _object(self, item: dict[str, Any]) -> Iterable[RunEvent]:
        if item.keys() >= {"event", "data", "run_id"}:
            return self._event(str(item["event"]), item["data"])
        if item.keys() >= {"type", "ns", "data"}:  # stream version v2
            return self._mode(str(item["type"]), item["data"])
        if isinstance(item.get("messages"), list):
            return self._values(item)
        # Of a single mode nothing says which: what no node can have written is a value of the developer's own.
        is_update = all(value is None or isinstance(value, dict | list | tuple) for value in item.values())
        return self._updates(item) if is_update else self._speech.data(item)

    def _mode(self, mode: str, data: Any) -> Iterable[RunEvent]:
        match mode:
            case "messages":
                return self.hear(data)
            case "updates":
                return self._updates(data)
            case "values":
                return self._values(data)
            case "custom":
                return self._speech.data(data)
        return ()

    def _event(self, name: str, data: Mapping[str, Any]) -> Iterable[RunEvent]:
        """One of `astream_events`."""
        if name == "on_chat_model_stream":
            return self._message(data["chunk"])
        if name in {"on_chat_model_end", "on_tool_end"} and _is_message(data.get("output")):
            return self._message(data["output"])
        return self._speech.data(data) if name == "on_custom_event" else ()

    def _updates(self, nodes: Any) -> Iterator[RunEvent]:
        for name, update in nodes.items() if isinstance(nodes, dict) else ():
            if name == "__interrupt__":
                yield from self._interrupted(update)
            for change in update if isinstance(update, list) else [update]:
                found = change.get("messages") if isinstance(change, dict) else None
                for message in found if isinstance(found, list) else [found]:
                    if _is_message(message):
                        yield from self._message(message)

    def _values(self, state: Any) -> Iterator[RunEvent]:
        """What follows the last human message is the answer; all before it was there before us."""
        values = state if isinstance(state, dict) else {"value": state}
        found = values.get("messages")
        for message in _since_the_question(found if isinstance(found, list) else []):
            yield from self._message(message)
        yield from self._interrupted(values.get("__interrupt__") or ())
        kept = {name: value for name, value in values.items() if name not in {"messages", "__interrupt__"}}
        if kept:
            yield from self._speech.state(kept)

    def _interrupted(self, interrupts: Any) -> Iterator[RunEvent]:
        for interrupt in interrupts:
            id_ = str(getattr(interrupt, "id", ""))
            if id_ not in self._interrupts:
                self._interrupts.add(id_)
                value = getattr(interrupt, "value", interrupt)
                yield from self._speech.data({"type": "interrupt", "id": id_, "value": value})

    def _message(self, message: Any, *, is_last: bool = False) -> Iterator[RunEvent]:
        match message.type:
            case "AIMessageChunk":
                yield from self._chunk(message, is_last=is_last or getattr(message, "chunk_position", None) == "last")
            case "ai":
                yield from self._answer(message)
            case "tool" | "ToolMessageChunk":
                yield from self._returned(message)

    def _chunk(self, chunk: Any, *, is_last: bool) -> Iterator[RunEvent]:
        key = chunk.id or ""
        self._said.add(key)
        self._count(chunk)
        yield from self._spoken(key, chunk)
        for written in chunk.tool_call_chunks:
            yield from self._written(key, written)
        if is_last:
            yield from self._speech.close(key)
            for place in [place for place in self._calls if place[0] == key]:
                yield from self._speech.called(self._calls.pop(place)[0])

    def _written(self, key: str, written: Mapping[str, Any]) -> Iterator[RunEvent]:
        place = (key, written.get("index"))
        call_id, so_far = self._calls.get(place) or (written.get("id") or f"{key}:{place[1]}", "")
        so_far += written.get("args") or ""
        self._calls[place] = call_id, so_far
        yield from self._speech.close(key)
        yield from self._speech.calling(call_id, written.get("name") or "", so_far)

    def _answer(self, message: Any) -> Iterator[RunEvent]:
        """A whole message; one that was streamed only completes its calls."""
        key = message.id or ""
        if key and key in self._said:
            yield from self._speech.close(key)
        else:
            self._said.add(key)
            self._count(message)
            yield from self._spoken(key, message)
            yield from self._speech.close(key)
        for call in message.tool_calls:
            yield from self._speech.called(call["id"] or call["name"], call["name"], json_text(call["args"]))

    def _spoken(self, key: str, message: Any) -> Iterator[RunEvent]:
        if isinstance(message.content, str) and not message.additional_kwargs:
            yield from self._speech.text(key, message.content)
            return
        for block in message.content_blocks:
            yield from self._block(key, block)

    def _block(self, key: str, block: Mapping[str, Any]) -> Iterator[RunEvent]:
        match block.get("type"):
            case "text":
                yield from self._speech.text(key, block.get("text") or "")
            case "reasoning":
                yield from self._speech.thought(key, block.get("reasoning") or "")
            case "non_standard" if (block.get("value") or {}).get("type") == "thinking":
                yield from self._speech.thought(key, block["value"].get("thinking") or "")
            case "image" | "audio" | "video" | "file":
                yield from self._speech.data(block)

    def _returned(self, message: Any) -> Iterator[RunEvent]:
        key = f"{message.tool_call_id}:returned"
        if key in self._said:
            return
        self._said.add(key)
        ok = getattr(message, "status", "success") != "error"
        error_code = "" if ok else "error"
        output = _output_text(message.content)
        yield from self._speech.returned(message.tool_call_id, message.name or "", output, ok=ok, error_code=error_code)

    def _count(self, message: Any) -> None:
        usage = getattr(message, "usage_metadata", None) or {}
        for name in ("input_tokens", "output_tokens"):
            self._usage[name] += usage.get(name) or 0


def _is_message(item: Any) -> bool:
    return hasattr(item, "content") and hasattr(item, "type") and hasattr(item, "additional_kwargs")


def _since_the_question(messages: Sequence[Any]) -> Sequence[Any]:
    asked = [index for index, message in enumerate(messages) if getattr(message, "type", "") == "human"]
    return messages[asked[-1] + 1 :] if asked else messages


def _output_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if all(isinstance(block, dict) and block.get("type") == "text" for block in content):
        return "\n".join(block.get("text") or "" for block in content)
    return json_text(content)


adapter = LangGraphAdapter
