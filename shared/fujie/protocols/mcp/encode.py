"""A run's events as what answers a call: progress on the way, one result at the end.

A wait for the user's permission is said in the client's revision: the current one gets an input required result, whose
state names the run; 2025-11-25 a request to open the address, on the stream that stays open; who opens no addresses
gets a result that holds the address in words.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    ReasoningStarted,
    RunEvent,
    RunStarted,
    TextDelta,
    TextEnded,
    ToolCalled,
    ToolReturned,
)
from fujie.protocols.mcp.call import elicitation_id
from fujie.protocols.mcp.errors import InvalidParamsError, MessageId
from fujie.protocols.mcp.result import Result
from fujie.protocols.mcp.tool import modern

Json = dict[str, Any]
PIECE_CHARS = 80
"""Of the answer, in one progress notification."""


@dataclass(frozen=True)
class Asked:
    """How a call wants its answer."""

    id: MessageId
    agent: str
    agent_version: str
    is_modern: bool
    asks: Literal["retry", "request", "text"] = "text"
    """How the client is asked to open an address: by a result to retry after, by a request of ours, in words."""
    progress_token: str | int | None = None
    is_resumable: bool = False
    """Do the frames have ids, with which a client of an earlier revision reads on elsewhere?"""
    after: int = -1
    """The last frame that the client has seen; the first, empty one is number 0."""


class Answer:
    """Collects a run; `end` is the JSON-RPC message that answers the call."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.result = Result()

    def feed(self, event: RunEvent) -> None:
        """Take one event in."""
        self.result.feed(event)

    def end(self) -> Json:
        """Return the message."""
        retry = self._asked.asks == "retry" and self.result.is_waiting
        result = self.result.input_required() if retry else self.result.told()
        if self._asked.is_modern:
            result = modern(result, self._asked.agent, self._asked.agent_version)
        return {"jsonrpc": "2.0", "id": self._asked.id, "result": result}


class Encoder:
    """The same as server-sent events, with what comes before the result."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._answer = Answer(asked)
        self._run_id = ""
        self._piece = ""
        self._progress = 0
        self._frames = 0

    def feed(self, event: RunEvent) -> str:
        """Return the frames of one event."""
        self._answer.feed(event)
        frames = "".join(map(self._frame, self._told(event)))
        return self._primed(event) + frames

    def end(self) -> str:
        """Return the frame of the result."""
        return self._frame(self._answer.end())

    def _primed(self, event: RunEvent) -> str:
        """Return the first frame, empty, which tells the client where it may read on."""
        if not isinstance(event, RunStarted) or self._run_id:
            return ""
        self._run_id = event.run_id
        told = self._asked.after >= 0 or not self._asked.is_resumable
        return "" if told else f"id: {stream_id(self._run_id, self._asked, 0)}\ndata: \n\n"

    def _frame(self, message: Json) -> str:
        self._frames += 1
        if self._frames <= self._asked.after:
            return ""
        id_ = f"id: {stream_id(self._run_id, self._asked, self._frames)}\n" if self._asked.is_resumable else ""
        return f"{id_}data: {compact(message)}\n\n"

    def _told(self, event: RunEvent) -> Iterator[Json]:
        if self._asked.progress_token is not None:
            yield from map(self._progressed, self._words(event))
        if self._asked.asks == "request":
            yield from self._asked_for(event)

    def _words(self, event: RunEvent) -> Iterator[str]:
        match event:
            case TextDelta():
                self._piece += event.text
                yield from self._pieces(PIECE_CHARS)
            case TextEnded():
                yield from self._pieces(1)
            case ReasoningStarted():
                yield "thinking"
            case ToolCalled():
                yield f"calling {event.name}"
            case ToolReturned():
                yield f"{event.name} {'answered' if event.ok else 'failed'}"
            case ConsentRequired():
                yield f"waiting for permission: {event.request.provider_name}"
            case ConsentResolved():
                yield f"permission {event.outcome}"

    def _pieces(self, at_least: int) -> Iterator[str]:
        if len(self._piece) >= at_least:
            yield self._piece
            self._piece = ""

    def _progressed(self, words: str) -> Json:
        self._progress += 1
        params = {"progressToken": self._asked.progress_token, "progress": self._progress, "message": words}
        return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}

    def _asked_for(self, event: RunEvent) -> Iterator[Json]:
        if isinstance(event, ConsentRequired):
            id_ = elicitation_id(self._run_id, event.request.consent_id)
            params = self._answer.result.elicitation(event.request) | {"elicitationId": id_}
            yield {"jsonrpc": "2.0", "id": id_, "method": "elicitation/create", "params": params}
        elif isinstance(event, ConsentResolved):
            params = {"elicitationId": elicitation_id(self._run_id, event.consent_id)}
            yield {"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": params}


def stream_id(run_id: str, asked: Asked, frames: int) -> str:
    """Return the id of a frame: the run, how many frames came so far, and what its answer must repeat of the call."""
    repeated = json.dumps([asked.id, asked.progress_token], separators=(",", ":")).encode()
    return f"{run_id}.{frames}.{base64.urlsafe_b64encode(repeated).decode().rstrip('=')}"


def read_on(unverified_id: str) -> tuple[str, int, MessageId, str | int | None]:
    """Return run id, frames seen, request id and progress token of a frame's id; raises InvalidParamsError."""
    try:
        run_id, frames, repeated = unverified_id.split(".")
        padded = repeated + "=" * (-len(repeated) % 4)
        id_, token = json.loads(base64.urlsafe_b64decode(padded))
        if (
            frames.isascii()
            and frames.isdecimal()
            and len(frames) < 10
            and _is_id(id_)
            and (token is None or _is_id(token))
        ):
            return run_id, int(frames), id_, token
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise InvalidParamsError("Last-Event-ID is none of ours")


def _is_id(value: object) -> bool:
    return isinstance(value, str) or type(value) is int
