"""An agent from its file."""

from pathlib import Path

from fujie.agents.app import AgentApp
from fujie.errors import SettingsError
from fujie.tools.loading import app_of


def agent_from_file(path: str | Path) -> AgentApp:
    """Return the `app` of an agent file; modules beside it can be imported by it.

    Raises SettingsError when the file is missing, does not run, or has no `app: AgentApp`.
    """
    app = app_of(path)
    if not isinstance(app, AgentApp):
        raise SettingsError(f"{path} has no agent", repair="assign one: app = AgentApp(app_name=...)")
    return app
