"""The tools of one stack, by name."""

from collections.abc import Iterable, Iterator
from typing import Any

from fujie.tools.declaration import APIKey, OAuth, Tool
from fujie.tools.errors import ToolDeclarationError, UnknownToolError


class Registry:
    """Tools by name, each name once."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Add a tool; raises ToolDeclarationError when its name is taken."""
        if tool.name in self._tools:
            raise ToolDeclarationError(f"two tools are named {tool.name!r}")
        self._tools[tool.name] = tool

    def get(self, name: str) -> Tool:
        """Return the tool; raises UnknownToolError."""
        if name not in self._tools:
            raise UnknownToolError(f"there is no tool named {name!r}", repair="list them: GET /tools")
        return self._tools[name]

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def manifest(self) -> list[dict[str, Any]]:
        """Return what a caller may know of each tool, as JSON."""
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
                "effect": tool.effect,
                "credential": _credential(tool),
            }
            for tool in self
        ]


def _credential(tool: Tool) -> dict[str, Any] | None:
    credential = tool.credential
    if credential is None:
        return None
    if isinstance(credential, OAuth):
        return {"kind": "oauth", "provider": credential.provider, "scopes": sorted(credential.scopes)}
    kind = "api_key" if isinstance(credential, APIKey) else "sts"
    return {"kind": kind, "provider": credential.provider, "scopes": []}
