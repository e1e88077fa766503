"""A2A's nouns in no version's words: a task, its artifacts and messages, and what can change of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
State = Literal["submitted", "working", "auth-required", "completed", "failed", "canceled"]
ENDED: frozenset[State] = frozenset({"completed", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataPart:
    value: Any
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file by its address, or its content as base64 text."""

    url: str = ""
    content: str = ""
    name: str = ""
    media_type: str = ""


Part = TextPart | DataPart | FilePart


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    role: Literal["user", "agent"]
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One message of the agent's answer; `id` is its message id."""

    id: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Status:
    state: State
    at: int
    """Unix seconds."""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class TaskIds:
    task: str
    """The run's id."""
    context: str
    """The conversation's."""


@dataclass(frozen=True, slots=True)
class Task:
    """A run as A2A sees it."""

    ids: TaskIds
    status: Status
    artifacts: Sequence[Artifact] = ()
    history: Sequence[Message] = ()
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    status: Status
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArtifactUpdate:
    artifact: Artifact
    append: bool = False
    last: bool = False


Update = StatusUpdate | ArtifactUpdate
