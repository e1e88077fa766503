"""The entry of the function: `functions.tool.main.handler` under FC's built-in Python runtime."""

from collections.abc import Sequence

import fujie.fc.loading
from fujie.fc.handler import fc_handler
from fujie.settings import Settings, settings_from_environ
from fujie.telemetry import configure_logging
from fujie.tools.declaration import Tool
from functions.tool.app import create_app
from functions.tool.events import EventHandler
from functions.tool.parts import parts_from_settings


def tools_from_settings(settings: Settings) -> Sequence[Tool]:
    """Return the tools of the agent file that the settings name, or those of the agent that ships."""
    if settings.agent:
        from fujie.tools.loading import load_tools

        return load_tools(settings.agent)
    from functions.tool.manifest import TOOLS

    return TOOLS


configure_logging()
_settings = settings_from_environ()
_parts = parts_from_settings(_settings, tools_from_settings(_settings))
handler = fc_handler(create_app(_parts), EventHandler(_parts))
initialize = handler.initialize
fujie.fc.loading.done()
