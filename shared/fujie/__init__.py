"""Fujie 符节: AI agents act for a person with that person's consent.

What an agent file needs is here, imported when first used.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers know it by its name; `typing` is loaded where no garbage is looked for
if TYPE_CHECKING:
    from typing import Any

    from fujie.agents.app import AgentApp as AgentApp
    from fujie.agents.config import AgentConfig as AgentConfig
    from fujie.agents.config import AgentMetadata as AgentMetadata
    from fujie.agents.config import TokenIssuer as TokenIssuer
    from fujie.tools.context import ToolContext as ToolContext
    from fujie.tools.declaration import STS as STS
    from fujie.tools.declaration import APIKey as APIKey
    from fujie.tools.declaration import OAuth as OAuth
    from fujie.tools.declaration import tool as tool
    from fujie.tools.sources import ObjectCreated as ObjectCreated
    from fujie.tools.sources import QueueMessage as QueueMessage
    from fujie.tools.sources import Schedule as Schedule

__all__ = [
    "STS", "APIKey", "AgentApp", "AgentConfig", "AgentMetadata", "OAuth", "ObjectCreated", "QueueMessage", "Schedule",
    "TokenIssuer", "ToolContext", "tool",
]  # fmt: skip

_HOME = {
    "AgentApp": "fujie.agents.app",
    "AgentConfig": "fujie.agents.config",
    "AgentMetadata": "fujie.agents.config",
    "TokenIssuer": "fujie.agents.config",
    "ToolContext": "fujie.tools.context",
    "APIKey": "fujie.tools.declaration",
    "OAuth": "fujie.tools.declaration",
    "STS": "fujie.tools.declaration",
    "tool": "fujie.tools.declaration",
    "ObjectCreated": "fujie.tools.sources",
    "QueueMessage": "fujie.tools.sources",
    "Schedule": "fujie.tools.sources",
}


def __getattr__(name: str) -> "Any":
    if name not in _HOME:
        raise AttributeError(f"module 'fujie' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
