"""What an agent developer writes: one AgentApp, its instructions and its tools. Light to import."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fujie.errors import SettingsError
from fujie.tools.declaration import Tool

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True)
class AgentApp:
    """An agent: served by `process`, its tools called by `tool` with the user's credentials.

    `model` names another model at the configured endpoint. Raises SettingsError when the name or the tools cannot be.
    """

    app_name: str
    app_description: str = ""
    instructions: str = ""
    tools: Sequence[Tool] = ()
    model: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.app_name):
            raise SettingsError(f"app_name {self.app_name!r} must be 1 to 64 letters, digits, spaces, '.', '_' or '-'")
        names = [tool.name if isinstance(tool, Tool) else _refuse(tool) for tool in self.tools]
        if len(set(names)) < len(names):
            raise SettingsError(f"two tools of {self.app_name!r} have one name: {', '.join(sorted(names))}")
        object.__setattr__(self, "tools", tuple(self.tools))


def _refuse(thing: object) -> str:
    raise SettingsError(f"{thing!r} is not a tool", repair="declare it: @tool(...) above an async function")
