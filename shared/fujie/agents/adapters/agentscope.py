"""AgentScope, 1.x and 2.x.

1.x: `(Msg, last)` of `stream_printing_messages`, each Msg a snapshot of its message so far. 2.x: the events of
`agent.reply_stream`, or whole messages. Nothing is imported but by `messages`, for the Msg class that is installed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fujie.agents.adapters.agentscope_events import ReplyEvents
from fujie.agents.adapters.agentscope_messages import agentscope_messages
from fujie.agents.adapters.json_text import json_text, plain
from fujie.agents.adapters.snapshots import Block, Snapshots
from fujie.agents.adapters.speech import Speech
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import RunEvent


class AgentScopeAdapter:
    """One run of a function that yields AgentScope's messages or events."""

    def __init__(self) -> None:
        self._speech = Speech()
        self._snapshots = Snapshots(self._speech)
        self._events = ReplyEvents(self._speech)
        self._open: dict[str, list[tuple[str, int]]] = {}
        """Message id -> keys of its blocks so far; a message that was whole is not there."""

    @property
    def usage(self) -> Mapping[str, int]:
        """What AgentScope 2's model calls have cost; the messages of 1.x do not say."""
        return self._events.usage

    def messages(self, request: AgentRequest) -> Any:
        """Return the input as a list of Msg."""
        return agentscope_messages(request)

    def hear(self, item: Any) -> Iterable[RunEvent]:
        """Return what is new in a message, or what an event says. Text stands for itself."""
        if isinstance(item, tuple) and item and hasattr(item[0], "content"):
            return self._message(item[0], is_last=len(item) < 2 or bool(item[1]), speech=item[2:])
        if hasattr(item, "content") and hasattr(item, "role"):
            return self._message(item, is_last=True, speech=())
        if self._events.knows(item):
            return self._events.hear(item)
        if isinstance(item, str):
            return self._speech.text("", item)
        return () if item is None else self._speech.data(item)

    def end(self) -> Iterable[RunEvent]:
        """Close what is open."""
        return self._speech.end()

    def _message(self, message: Any, *, is_last: bool, speech: tuple[Any, ...]) -> Iterator[RunEvent]:
        keys = self._open.setdefault(message.id, [])
        blocks = _blocks(message.content)
        for index, block in enumerate(blocks):
            if index >= len(keys):
                yield from self._speech.close(keys[-1] if keys else ())
                keys.append((message.id, index))
            yield from self._block(keys[index], block, is_last=is_last)
        yield from (event for part in _spoken(speech) for event in self._speech.data(part))
        if is_last:
            yield from self._snapshots.forget(self._open.pop(message.id))

    def _block(self, key: tuple[str, int], block: Block, *, is_last: bool) -> Iterator[RunEvent]:
        match block.get("type"):
            case "text":
                yield from self._snapshots.grown(key, str(block.get("text") or ""), thought=False)
            case "thinking":
                yield from self._snapshots.grown(key, str(block.get("thinking") or ""), thought=True)
            case "tool_use" | "tool_call":
                yield from self._called(block, self._speech.called if is_last else self._speech.calling)
            case "tool_result" if is_last:
                yield from self._returned(block)
            case "tool_result":
                pass
            case _ if is_last:
                yield from self._speech.data(block)

    def _called(self, block: Block, say: Callable[[str, str, str], Iterator[RunEvent]]) -> Iterator[RunEvent]:
        written = block.get("input")
        arguments = written if isinstance(written, str) else json_text(written or {})
        yield from say(str(block.get("id")), str(block.get("name")), arguments)

    def _returned(self, block: Block) -> Iterator[RunEvent]:
        state = block.get("state") or "success"
        yield from self._speech.returned(
            str(block.get("id")),
            str(block.get("name") or ""),
            output_text(block.get("output")),
            ok=state in {"success", "running"},
            error_code="" if state in {"success", "running"} else str(state),
        )


def output_text(output: Any) -> str:
    """Return what a tool gave: its text, or the JSON text of its blocks where one of them is no text."""
    blocks = _blocks(output if output is not None else "")
    if all(block.get("type") == "text" for block in blocks):
        return "\n".join(str(block.get("text") or "") for block in blocks)
    return json_text(blocks)


def _blocks(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block if isinstance(block, dict) else plain(block) for block in content]


def _spoken(speech: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the audio blocks that came beside a message, in `yield_speech` mode."""
    for part in speech:
        yield from part if isinstance(part, list) else [part] if part is not None else []


adapter = AgentScopeAdapter
