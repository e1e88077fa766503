"""The nouns as 0.3 writes them over HTTP+JSON: ProtoJSON of `a2a.v1`, which its SDK reads strictly."""

from typing import Literal

from fujie.protocols.a2a.nouns import DataPart, Json, Part, State, TextPart
from fujie.protocols.a2a.push_config import PushConfig
from fujie.protocols.a2a.shape import Shape, is_ended
from fujie.protocols.a2a.v0_3.shape import as_object, push_words


class V03Rest(Shape):
    """ProtoJSON of 0.3: `content` for a message's parts, CANCELLED with two Ls."""

    parts_key = "content"

    def part(self, part: Part) -> Json:
        """Return a part."""
        if isinstance(part, TextPart):
            return {"text": part.text} | ({"metadata": part.metadata} if part.metadata else {})
        if isinstance(part, DataPart):
            return {"data": {"data": as_object(part.value)}}
        held = {"fileWithUri": part.url} if part.url else {"fileWithBytes": _as_proto_bytes(part.content)}
        name = {"name": part.name} if part.name else {}
        return {"file": held | name | ({"mimeType": part.media_type} if part.media_type else {})}

    def state(self, state: State) -> str:
        """Return a state's name."""
        return "TASK_STATE_CANCELLED" if state == "canceled" else "TASK_STATE_" + state.upper().replace("-", "_")

    def role(self, role: Literal["user", "agent"]) -> str:
        """Return a role's name."""
        return f"ROLE_{role.upper()}"

    def final(self, state: State) -> Json:
        """Only an end is final: a stream that waits for consent stays open."""
        return {"final": is_ended(state)}

    def named(self, kind: Literal["task", "statusUpdate", "artifactUpdate"], noun: Json) -> Json:
        """Return the noun under its name."""
        return {kind: noun}

    def push_config(self, task_id: str, config: PushConfig) -> Json:
        """Return a push notification's configuration; its secrets are not told again."""
        name = f"tasks/{task_id}/pushNotificationConfigs/{config.id}"
        return {"name": name, "pushNotificationConfig": push_words(config)}


def _as_proto_bytes(content: str) -> str:
    """Return base64 text once more in base64: the SDK's field holds the text's bytes, and ProtoJSON writes bytes so."""
    from base64 import b64encode

    return b64encode(content.encode()).decode()
