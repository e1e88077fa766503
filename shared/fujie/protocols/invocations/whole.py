"""A run as one JSON answer: an entrypoint's is what its function gave, an agent's says how the run went."""

from typing import Any

from fujie.protocols.agentscope.words import compact
from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    RunCanceled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunPaused,
    TextDelta,
    ToolReturned,
)
from fujie.protocols.invocations.items import NOTHING, Items


class Whole:
    """Folds a run's events."""

    def __init__(self) -> None:
        self._items = Items()
        self._given: list[Any] = []
        self._pieces: list[str] = []
        self._values: list[Any] = []
        self._tool_results: list[Any] = []
        self._asked: dict[str, Any] = {}
        """Consent id -> what is asked, while it waits."""
        self._usage: dict[str, int] = {}
        self._failure: dict[str, str] | None = None
        self._is_paused = False

    @property
    def count(self) -> int:
        """How many items the run has given so far."""
        return len(self._given)

    @property
    def status(self) -> int:
        """The HTTP status of the answer; a failure may name its own in its code."""
        if self._failure is None:
            return 200
        chosen = self._failure["error_type"].removeprefix("http_")
        return int(chosen) if chosen.isdigit() and len(chosen) == 3 and "400" <= chosen <= "599" else 500

    def feed(self, event: RunEvent) -> None:
        """Take one event in; what follows a pause goes on where it stopped."""
        item = self._items.item(event)
        self._is_paused = isinstance(event, RunPaused)
        match event:
            case RunFailed() | RunCanceled():
                self._failure = {"error": item["error"], "error_type": item["error_type"]}
            case RunCompleted():
                self._usage = event.usage
            case RunPaused():
                pass
            case _ if item is not NOTHING:
                self._given.append(item)
                self._sort(event, item)

    def of_entrypoint(self) -> str:
        """Return what the function gave: one value as it is, pieces of text as one string, several values as a list."""
        if self._failure is not None:
            return compact(self._failure)
        if len(self._pieces) == len(self._given):
            return compact("".join(self._pieces) if self._pieces else None)
        return compact(self._given[0] if len(self._given) == 1 else self._given)

    def of_agent(self) -> str:
        """Return the answer in words under `result`, and what a caller needs to come back when the run waits."""
        ids = {"run_id": self._items.run_id, "session_id": self._items.session_id}
        if self._failure is not None:
            return compact(self._failure | ids)
        answer = {"result": "".join(self._pieces), "status": "success", **ids}
        also = {"data": self._values, "tool_results": self._tool_results, "usage": self._usage}
        if self._is_paused:
            answer["status"] = "authorization_required"
            also["authorization"] = list(self._asked.values())
        return compact(answer | {name: value for name, value in also.items() if value})

    def _sort(self, event: RunEvent, item: Any) -> None:
        match event:
            case TextDelta():
                self._pieces.append(event.text)
            case DataProduced():
                self._values.append(item)
            case ToolReturned():
                self._tool_results.append(item)
            case ConsentRequired():
                self._asked[event.request.consent_id] = item
            case ConsentResolved():
                self._asked.pop(event.consent_id, None)
