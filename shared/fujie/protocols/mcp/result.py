"""What a run came to, as the result of a tool: words for the model, the same as structure for a program."""

from typing import Any

from fujie.errors import FujieError
from fujie.permission import ConsentRequest
from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    TextDelta,
    value_of,
)

Json = dict[str, Any]
MAX_ANSWER_CHARS = 1_000_000
"""Of the answer; no model reads more from one tool, and the result is held until the run has ended."""
_CUT = {"code": "lost", "message": "the answer was cut off"}


class Result:
    """Takes a run's events in; what they come to can be asked at any time."""

    def __init__(self) -> None:
        self._ids: Json = {}
        self._texts: dict[str, list[str]] = {}
        self._chars = 0
        self._more: Json = {}
        self._waits: dict[str, ConsentRequest] = {}
        self._status = ""
        self._error: dict[str, str] = _CUT
        self._paused = False

    def feed(self, event: RunEvent) -> None:
        """Take one event in; after the run's end, none."""
        if not self._status:
            self._take(event)

    @property
    def is_waiting(self) -> bool:
        """Does the run wait for what the user can be asked for?"""
        return self._paused and not self._status and bool(self._waits)

    def told(self) -> Json:
        """Return the result."""
        status = self._status or ("authorization_required" if self._paused else "failed")
        structured: Json = {"status": status, "answer": self._words()} | self._ids | self._more
        if status in {"failed", "canceled"}:
            structured["error"] = self._error
        if status == "authorization_required":
            structured["authorizations"] = [_authorization(request) for request in self._waits.values()]
        return _result(self._text(status), structured, failed=status in {"failed", "canceled"})

    def input_required(self) -> Json:
        """Return what asks the client to open the addresses and to call again."""
        requests = {
            id_: {"method": "elicitation/create", "params": self.elicitation(request)}
            for id_, request in self._waits.items()
        }
        return {"resultType": "input_required", "inputRequests": requests, "requestState": self._ids.get("run_id", "")}

    def elicitation(self, request: ConsentRequest) -> Json:
        """Return the parameters of a request to open an address."""
        scopes = ", ".join(scope.words.get("en", scope.name) for scope in request.scopes)
        words = f"{request.provider_name or request.provider}: allow {request.tool} to {scopes or 'act for you'}"
        message = f"{words}. {request.reason}" if request.reason else words
        return {"mode": "url", "message": message, "url": request.connect_url}

    def _take(self, event: RunEvent) -> None:
        match event:
            case RunStarted():
                self._ids = {"session_id": event.session_id, "run_id": event.run_id}
            case TextDelta():
                self._say(event.message_id, event.text)
            case DataProduced():
                self._say(event.message_id, event.data)
                self._more["data"] = value_of(event.data[:MAX_ANSWER_CHARS])
            case ConsentRequired():
                self._waits[event.request.consent_id] = event.request
            case ConsentResolved():
                self._waits.pop(event.consent_id, None)
            case RunPaused() | RunResumed():
                self._paused = isinstance(event, RunPaused)
            case RunCompleted():
                self._status = "completed"
                self._more |= {"usage": event.usage} if event.usage else {}
            case RunFailed():
                self._status, self._error = "failed", {"code": event.code, "message": event.message}
            case RunCanceled():
                self._status, self._error = "canceled", {"code": "canceled", "message": "the run was canceled"}

    def _say(self, message_id: str, text: str) -> None:
        kept = text[: max(MAX_ANSWER_CHARS - self._chars, 0)]
        self._chars += len(text)
        self._texts.setdefault(message_id, [])
        if kept:
            self._texts[message_id].append(kept)

    def _words(self) -> str:
        words = "\n\n".join("".join(pieces) for pieces in self._texts.values())
        cut = self._chars - MAX_ANSWER_CHARS
        return f"{words}\n[cut here: {cut} more characters]" if cut > 0 else words

    def _text(self, status: str) -> str:
        if status in {"failed", "canceled"}:
            return f"{self._error['message']} ({self._error['code']})"
        asked = [consent_words(request).strip() for request in self._waits.values()] if status != "completed" else []
        return "\n\n".join(text for text in (self._words(), *asked) if text)


def refused(error: FujieError) -> Json:
    """Return the result of a call that could not begin, which the model is told so that it can do better."""
    words = f"{error.message} ({error.repair})" if error.repair else error.message
    return _result(words, {"status": "failed", "answer": "", "error": error.as_dict()}, failed=True)


def _result(text: str, structured: Json, *, failed: bool) -> Json:
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, "isError": failed}


def _authorization(request: ConsentRequest) -> Json:
    return {
        "consent_id": request.consent_id,
        "provider": request.provider,
        "scopes": [scope.name for scope in request.scopes],
        "tool": request.tool,
        "reason": request.reason,
        "connect_url": request.connect_url,
        "expires_at": request.expires_at,
    }
