"""The nouns as 1.0 writes them, over either transport."""

from typing import Literal

from fujie.protocols.a2a.nouns import DataPart, Json, Part, State, TextPart
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.shape import Shape


class V10(Shape):
    """ProtoJSON: enums by their full names, a part told by its key."""

    def part(self, part: Part) -> Json:
        """Return a part."""
        if isinstance(part, TextPart):
            return {"text": part.text} | ({"metadata": part.metadata} if part.metadata else {})
        if isinstance(part, DataPart):
            return {"data": part.value, "mediaType": "application/json"}
        held = {"url": part.url} if part.url else {"raw": part.content}
        name = {"filename": part.name} if part.name else {}
        return held | name | ({"mediaType": part.media_type} if part.media_type else {})

    def state(self, state: State) -> str:
        """Return a state's name."""
        return "TASK_STATE_" + state.upper().replace("-", "_")

    def role(self, role: Literal["user", "agent"]) -> str:
        """Return a role's name."""
        return f"ROLE_{role.upper()}"

    def named(self, kind: Literal["task", "statusUpdate", "artifactUpdate"], noun: Json) -> Json:
        """Return the noun under its name."""
        return {kind: noun}

    def push_config(self, task_id: str, config: PushConfig) -> Json:
        """Return a push notification's configuration; its secrets are not told again."""
        scheme = {"authentication": {"scheme": config.scheme}} if config.scheme else {}
        return {"id": config.id, "taskId": task_id, "url": config.url} | scheme
