"""Events of a run to `chat.completion.chunk` frames, or to one `chat.completion` object, which is their sum."""

from collections.abc import Iterable

from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import RunEvent
from fujie.protocols.openai_chat.chunks import Chunks, Json

DONE = "data: [DONE]\n\n"


class Encoder:
    """Chunks as server-sent events, `[DONE]` last."""

    def __init__(self, model: str, *, include_usage: bool = False) -> None:
        self._chunks = Chunks(model, include_usage=include_usage)
        self._done = False

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        return self._frames(self._chunks.feed(event))

    def end(self) -> str:
        """Return the last frames, when no more events come."""
        return self._frames(self._chunks.end())

    def _frames(self, chunks: Iterable[Json]) -> str:
        text = "".join(f"data: {compact(chunk)}\n\n" for chunk in chunks)
        if self._chunks.over and not self._done:
            self._done = True
            text += DONE
        return text


class Completion:
    """One `chat.completion` object, or an error, for all events of a run."""

    def __init__(self, model: str) -> None:
        self._chunks = Chunks(model, include_usage=True)
        self._object: Json = {}
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[Json] = []
        self._fujie: Json = {}
        self._waits: dict[str, Json] = {}
        self._error: Json | None = None

    def feed(self, event: RunEvent) -> None:
        """Take in one event."""
        self._add(self._chunks.feed(event))

    def end(self) -> Json:
        """Return the whole: with the key `error` when the run failed, was canceled or was cut off."""
        self._add(self._chunks.end())
        if self._error:
            return self._error
        message: Json = {"role": "assistant", "content": "".join(self._text), "refusal": None}
        if any(self._reasoning):
            message["reasoning_content"] = "".join(self._reasoning)
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return self._object | {"choices": [choice], "fujie": self._fujie | self._waiting()}

    def _add(self, chunks: Iterable[Json]) -> None:
        for chunk in chunks:
            if "error" in chunk:
                self._error = chunk
                return
            self._object = {**chunk, "object": "chat.completion"}
            self._note(self._object.pop("fujie", {}))
            for choice in chunk["choices"]:
                self._text.append(choice["delta"].get("content", ""))
                self._reasoning.append(choice["delta"].get("reasoning_content", ""))
                for call in choice["delta"].get("tool_calls", ()):
                    self._calls.append({key: value for key, value in call.items() if key != "index"})

    def _note(self, ours: Json) -> None:
        for key, value in ours.items():
            if key == "tool_result":
                self._fujie.setdefault("tool_results", []).append(value)
            elif key == "data":
                self._fujie.setdefault("data", []).append(value)
            elif key == "authorization_required":
                self._waits[value["consent_id"]] = value
            elif key == "authorization_resolved":
                self._waits.pop(value["consent_id"], None)
            else:
                self._fujie[key] = value

    def _waiting(self) -> Json:
        """Return what still waits for the user: the first under the chunk's name, all of it beside."""
        waits = list(self._waits.values())
        return {"authorization_required": waits[0], "authorizations_required": waits} if waits else {}


def completion_text(whole: Json) -> str:
    """Return the object as JSON text."""
    return compact(whole)


def models_list(agent: str) -> Json:
    """Return the list of models: the one agent."""
    return {"object": "list", "data": [{"id": agent, "object": "model", "created": 0, "owned_by": "fujie"}]}
