"""What a stack serves: the tools of an agent's file, or those of the agent that ships."""

import re
from collections.abc import Sequence
from pathlib import Path

from fujie.settings import AgentAbout
from fujie.tools.declaration import Tool

ABILITIES, SENTENCE_LENGTH = 6, 120
"""How much of an agent is told to `chat` and `callback`: a function's environment holds 4 KB (fc.md)."""


def served(agent: Path | None) -> tuple[Sequence[Tool], AgentAbout | None]:
    """Return the tools, and what people are told of an agent that has a file; raises SettingsError."""
    if agent is None:
        from functions.tool.manifest import TOOLS

        return TOOLS, None
    from fujie.agents.loading import agent_from_file

    app = agent_from_file(agent)
    abilities = tuple(_first_sentence(tool.description) for tool in app.tools[:ABILITIES])
    return app.tools, AgentAbout(app.app_name, _first_sentence(app.app_description), abilities)


def _first_sentence(text: str) -> str:
    """Return what a person reads of a description, whose rest is for the model; short, since it is an environment's."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) |(?<=[。！？])", paragraph)[0][:SENTENCE_LENGTH]
