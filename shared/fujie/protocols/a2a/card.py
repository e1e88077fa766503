"""The agent card: one document that both versions read, each its own half of it.

`url` and every interface are the configured public address, never one that was found out: a client follows the card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fujie.protocols.a2a.nouns import Json

PATH = "/a2a"
"""Where every version and transport is; 0.3's HTTP+JSON adds `/v1` to it."""
KEYS_PATH = "/a2a/jwks.json"
MODES = ("text/plain", "application/json")


@dataclass(frozen=True, slots=True)
class Skill:
    id: str
    name: str
    description: str
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """What a card says; texts are not empty, or a reader of the card might drop them from what was signed."""

    name: str
    description: str
    version: str
    public_url: str
    """The origin, without a slash at its end."""
    skills: Sequence[Skill]
    authenticated: bool
    """Whether a bearer token is needed."""
    pushes: bool = True
    """Whether push notifications are sent."""


def card_1_0(agent: AgentProfile) -> Json:
    """Return what 1.0 reads of the card."""
    url = agent.public_url + PATH
    order = (("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3"))
    security: Json = {
        "securitySchemes": {"bearer": {"httpAuthSecurityScheme": _bearer()}},
        "securityRequirements": [{"schemes": {"bearer": {"list": []}}}],
    }
    return {
        **_common(agent),
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": version} for binding, version in order
        ],
        "capabilities": {
            "streaming": True,
            "pushNotifications": agent.pushes,
            "extendedAgentCard": agent.authenticated,
        },
        **(security if agent.authenticated else {}),
    }


def card_0_3(agent: AgentProfile) -> Json:
    """Return what 0.3 reads of the card."""
    url = agent.public_url + PATH
    security: Json = {
        "securitySchemes": {"bearer": {"type": "http"} | _bearer()},
        "security": [{"bearer": []}],
    }
    return {
        **_common(agent),
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{"url": url, "transport": binding} for binding in ("JSONRPC", "HTTP+JSON")],
        "capabilities": {"streaming": True, "pushNotifications": agent.pushes, "stateTransitionHistory": False},
        "supportsAuthenticatedExtendedCard": agent.authenticated,
        **(security if agent.authenticated else {}),
    }


def whole_card(agent: AgentProfile) -> Json:
    """Return the card as it is served: both halves in one object, where they have one key its objects joined."""
    return _joined(card_1_0(agent), card_0_3(agent))


def _common(agent: AgentProfile) -> Json:
    return {
        "name": agent.name,
        "description": agent.description,
        "version": agent.version,
        "defaultInputModes": list(MODES),
        "defaultOutputModes": list(MODES),
        "skills": [
            {"id": skill.id, "name": skill.name, "description": skill.description, "tags": list(skill.tags)}
            for skill in agent.skills
        ],
    }


def _bearer() -> Json:
    return {"scheme": "Bearer", "bearerFormat": "JWT", "description": "A token of an issuer that the agent trusts."}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    joined = {**other, **one}
    for key in one.keys() & other.keys():
        if isinstance(one[key], dict):
            joined[key] = _joined(one[key], other[key])
    return joined
