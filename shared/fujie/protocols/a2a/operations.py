"""What a client can ask for, whatever its version and transport."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from fujie.protocols.a2a.nouns import Message, State
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.agentscope.request import AgentRequest


@dataclass(frozen=True, slots=True)
class Send:
    """A question: a new task, or a word to one that waits."""

    request: AgentRequest
    message: Message
    task_id: str
    """Empty for a new task."""
    context_id: str
    """Empty for a new conversation."""
    stream: bool
    wait: bool
    """Answer when the task has ended or waits, not at once; a stream knows no such choice."""
    history_length: int | None
    push: PushConfig | None


@dataclass(frozen=True, slots=True)
class GetTask:
    task_id: str
    history_length: int | None


@dataclass(frozen=True, slots=True)
class ListTasks:
    context_id: str
    state: State | None
    after: datetime | None
    page_size: int
    page_token: str
    history_length: int | None
    artifacts: bool


@dataclass(frozen=True, slots=True)
class CancelTask:
    task_id: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    task_id: str


@dataclass(frozen=True, slots=True)
class SetPush:
    task_id: str
    config: PushConfig


@dataclass(frozen=True, slots=True)
class GetPush:
    task_id: str
    config_id: str
    """Empty for the first there is."""


@dataclass(frozen=True, slots=True)
class ListPush:
    task_id: str


@dataclass(frozen=True, slots=True)
class DeletePush:
    task_id: str
    config_id: str


@dataclass(frozen=True, slots=True)
class GetCard:
    pass


Operation = Send | GetTask | ListTasks | CancelTask | Subscribe | SetPush | GetPush | ListPush | DeletePush | GetCard


def streams(operation: Operation) -> TypeGuard[Send | Subscribe]:
    """Say whether the answer is a stream of events."""
    return isinstance(operation, Subscribe) or (isinstance(operation, Send) and operation.stream)
