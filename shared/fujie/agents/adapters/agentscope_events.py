"""The events of AgentScope 2's `agent.reply_stream`, told apart by their `type`."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fujie.agents.adapters.json_text import json_text
from fujie.agents.adapters.speech import Speech
from fujie.agents.errors import AgentError
from fujie.protocols.events import RunEvent


class ReplyEvents:
    """One run's events. What a tool gives in pieces is said when it is whole."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._arguments: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._outputs: dict[str, list[dict[str, Any]]] = {}
        self._data: dict[str, list[Any]] = {}
        self._usage: Counter[str] = Counter()
        self._say: dict[str, Callable[[Any], Iterator[RunEvent]]] = {
            "TEXT_BLOCK_DELTA": lambda event: speech.text(event.block_id, event.delta),
            "TEXT_BLOCK_END": lambda event: speech.close(event.block_id),
            "THINKING_BLOCK_DELTA": lambda event: speech.thought(event.block_id, event.delta),
            "THINKING_BLOCK_END": lambda event: speech.close(event.block_id),
            "DATA_BLOCK_START": self._data_started,
            "DATA_BLOCK_DELTA": self._data_delta,
            "DATA_BLOCK_END": self._data_ended,
            "TOOL_CALL_START": self._calling,
            "TOOL_CALL_DELTA": self._calling,
            "TOOL_CALL_END": lambda event: speech.called(event.tool_call_id),
            "TOOL_RESULT_START": self._returning,
            "TOOL_RESULT_TEXT_DELTA": self._returning,
            "TOOL_RESULT_DATA_DELTA": self._returning,
            "TOOL_RESULT_END": self._returned,
            "MODEL_CALL_END": self._cost,
            "REPLY_END": self._ended,
            "REQUIRE_USER_CONFIRM": self._asks,
            "REQUIRE_EXTERNAL_EXECUTION": self._asks,
            "CUSTOM": lambda event: speech.data({"name": event.name, "value": event.value}),
        }

    @property
    def usage(self) -> Mapping[str, int]:
        """What the model calls have cost."""
        return dict(self._usage)

    def knows(self, item: Any) -> bool:
        """Is this an event of AgentScope's? One that says nothing to a client is known, too."""
        return hasattr(item, "type") and hasattr(item, "created_at") and hasattr(item, "metadata")

    def hear(self, event: Any) -> Iterator[RunEvent]:
        """Return what an event says. Raises AgentError when it says that the reply failed."""
        say = self._say.get(str(event.type))
        return say(event) if say else iter(())

    def _calling(self, event: Any) -> Iterator[RunEvent]:
        call_id = event.tool_call_id
        name = self._names.setdefault(call_id, getattr(event, "tool_call_name", ""))
        self._arguments[call_id] = self._arguments.get(call_id, "") + getattr(event, "delta", "")
        return self._speech.calling(call_id, name, self._arguments[call_id])

    def _returning(self, event: Any) -> Iterator[RunEvent]:
        blocks = self._outputs.setdefault(event.tool_call_id, [])
        if (delta := getattr(event, "delta", None)) is not None:
            if not blocks or blocks[-1]["type"] != "text":
                blocks.append({"type": "text", "text": ""})
            blocks[-1]["text"] += delta
        elif hasattr(event, "media_type"):
            blocks.append({"type": "data", "source": _source(event)})
        return iter(())

    def _returned(self, event: Any) -> Iterator[RunEvent]:
        blocks = self._outputs.pop(event.tool_call_id, [])
        is_text = all(block["type"] == "text" for block in blocks)
        output = "".join(block["text"] for block in blocks) if is_text else json_text(blocks)
        ok = str(event.state) == "success"
        error_code = "" if ok else str(event.state)
        return self._speech.returned(event.tool_call_id, "", output, ok=ok, error_code=error_code)

    def _data_started(self, event: Any) -> Iterator[RunEvent]:
        self._data[event.block_id] = []
        return iter(())

    def _data_delta(self, event: Any) -> Iterator[RunEvent]:
        self._data.setdefault(event.block_id, []).append(event)
        return iter(())

    def _data_ended(self, event: Any) -> Iterator[RunEvent]:
        pieces = self._data.pop(event.block_id, [])
        return self._speech.data({"type": "data", "source": _joined(pieces)}) if pieces else iter(())

    def _cost(self, event: Any) -> Iterator[RunEvent]:
        self._usage.update(input_tokens=event.input_tokens, output_tokens=event.output_tokens)
        return iter(())

    def _ended(self, event: Any) -> Iterator[RunEvent]:
        error = getattr(event, "error", None)
        if error is not None:
            raise AgentError(f"the agent's reply failed: {getattr(error, 'message', error)}")
        return self._speech.close_all()

    def _asks(self, event: Any) -> Iterator[RunEvent]:
        calls = [{"id": call.id, "name": call.name, "input": call.input} for call in event.tool_calls]
        return self._speech.data({"type": str(event.type).lower(), "reply_id": event.reply_id, "tool_calls": calls})


def _joined(pieces: list[Any]) -> dict[str, Any]:
    """Return the source of a block: its address, or its pieces as one, each being base64 by itself."""
    last = _source(pieces[-1])
    if last["type"] == "base64" and len(pieces) > 1:
        last["data"] = b64encode(b"".join(b64decode(piece.data or "") for piece in pieces)).decode()
    return last


def _source(event: Any) -> dict[str, Any]:
    url = getattr(event, "url", None)
    kind = {"type": "url", "url": str(url)} if url else {"type": "base64", "data": event.data}
    return kind | {"media_type": event.media_type}
