"""The nouns as 0.3 writes them over JSON-RPC and in push notifications."""

from typing import Literal

from fujie.protocols.a2a.nouns import DataPart, Json, Part, State, TextPart
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.shape import Shape, is_ended

_KINDS = {"task": "task", "statusUpdate": "status-update", "artifactUpdate": "artifact-update"}


class V03(Shape):
    """Objects that say their `kind`; a data part holds an object, any other value goes under `value`."""

    def part(self, part: Part) -> Json:
        """Return a part."""
        if isinstance(part, TextPart):
            return {"kind": "text", "text": part.text} | ({"metadata": part.metadata} if part.metadata else {})
        if isinstance(part, DataPart):
            return {"kind": "data", "data": as_object(part.value)}
        held = {"uri": part.url} if part.url else {"bytes": part.content}
        name = {"name": part.name} if part.name else {}
        media = {"mimeType": part.media_type} if part.media_type else {}
        return {"kind": "file", "file": held | name | media}

    def state(self, state: State) -> str:
        """Return a state's name."""
        return state

    def role(self, role: Literal["user", "agent"]) -> str:
        """Return a role's name."""
        return role

    def kind(self, kind: Literal["task", "message"]) -> Json:
        """Return the discriminator."""
        return {"kind": kind}

    def final(self, state: State) -> Json:
        """Only an end is final: a stream that waits for consent stays open."""
        return {"final": is_ended(state)}

    def named(self, kind: Literal["task", "statusUpdate", "artifactUpdate"], noun: Json) -> Json:
        """Return the noun with its kind."""
        return noun | {"kind": _KINDS[kind]}

    def push_config(self, task_id: str, config: PushConfig) -> Json:
        """Return a push notification's configuration; its secrets are not told again."""
        return {"taskId": task_id, "pushNotificationConfig": push_words(config)}


def push_words(config: PushConfig) -> Json:
    """Return a configuration's own fields."""
    schemes = {"authentication": {"schemes": [config.scheme]}} if config.scheme else {}
    return {"id": config.id, "url": config.url} | schemes


def as_object(value: object) -> Json:
    """Return a value as the object that 0.3 demands."""
    return value if isinstance(value, dict) else {"value": value}
