"""How a version writes the nouns; what both agree on is here, what they do not, each version fills in."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Literal

from fujie.protocols.a2a.nouns import (
    ENDED,
    Artifact,
    ArtifactUpdate,
    Json,
    Message,
    Part,
    State,
    Status,
    StatusUpdate,
    Task,
    TaskIds,
    Update,
)
from fujie.protocols.a2a.push_config import PushConfig


class Shape(ABC):
    """One version over one transport: nouns in, JSON objects out."""

    parts_key = "parts"

    @abstractmethod
    def part(self, part: Part) -> Json: ...
    @abstractmethod
    def state(self, state: State) -> str: ...
    @abstractmethod
    def role(self, role: Literal["user", "agent"]) -> str: ...
    @abstractmethod
    def push_config(self, task_id: str, config: PushConfig) -> Json: ...
    @abstractmethod
    def named(self, kind: Literal["task", "statusUpdate", "artifactUpdate"], noun: Json) -> Json:
        """Return the noun so that a reader of a stream sees which one it is."""

    def kind(self, kind: Literal["task", "message"]) -> Json:
        """Return what marks an object as what it is, where the version marks objects."""
        del kind
        return {}

    def final(self, state: State) -> Json:
        """Return what a status update says of being the last, where the version says it."""
        del state
        return {}

    def message(self, message: Message, ids: TaskIds) -> Json:
        """Return a message of the task."""
        return {
            **self.kind("message"),
            "messageId": message.id,
            "contextId": ids.context,
            "taskId": ids.task,
            "role": self.role(message.role),
            self.parts_key: [self.part(part) for part in message.parts],
        }

    def status(self, status: Status, ids: TaskIds) -> Json:
        """Return a status."""
        said = {"message": self.message(status.message, ids)} if status.message else {}
        return {"state": self.state(status.state), **said, "timestamp": timestamp(status.at)}

    def artifact(self, artifact: Artifact) -> Json:
        """Return an artifact, or a piece of one."""
        return {"artifactId": artifact.id, "parts": [self.part(part) for part in artifact.parts]}

    def task(self, task: Task, history_length: int | None = None, *, artifacts: bool = True) -> Json:
        """Return a task with at most its last `history_length` messages; None is all of them."""
        first = 0 if history_length is None else max(0, len(task.history) - history_length)
        kept = task.history[first:]
        return {
            "id": task.ids.task,
            "contextId": task.ids.context,
            "status": self.status(task.status, task.ids),
            **({"artifacts": list(map(self.artifact, task.artifacts))} if artifacts and task.artifacts else {}),
            **({"history": [self.message(message, task.ids) for message in kept]} if kept else {}),
            **self.kind("task"),
            **({"metadata": task.metadata} if task.metadata else {}),
        }

    def update(self, update: Update, ids: TaskIds) -> Json:
        """Return one event of a stream about the task."""
        whose = {"taskId": ids.task, "contextId": ids.context}
        if isinstance(update, StatusUpdate):
            metadata = {"metadata": update.metadata} if update.metadata else {}
            status = {"status": self.status(update.status, ids), **self.final(update.status.state), **metadata}
            return self.named("statusUpdate", whose | status)
        return self.named("artifactUpdate", whose | self._artifact_update(update))

    def _artifact_update(self, update: ArtifactUpdate) -> Json:
        flags = {"append": update.append, "lastChunk": update.last}
        return {"artifact": self.artifact(update.artifact)} | flags


def is_ended(state: State) -> bool:
    """Say whether nothing more comes of a task in this state."""
    return state in ENDED


def timestamp(at: int) -> str:
    """Return Unix seconds as both versions write a time."""
    return datetime.fromtimestamp(min(max(at, 0), _LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


_LAST_SECOND = 253402300799
"""The end of the year 9999, the last that the format can say."""
