"""An agent from its file."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from fujie.agents.app import AgentApp
from fujie.errors import FujieError, SettingsError

MODULE_NAME = "fujie_agent_file"


def agent_from_file(path: str | Path) -> AgentApp:
    """Return the `app` of an agent file; modules beside it can be imported by it.

    Raises SettingsError when the file is missing, does not run, or has no `app: AgentApp`.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise SettingsError(f"the agent file {file} does not exist", repair="set FUJIE_AGENT to the path of a file")
    app = getattr(_run(file), "app", None)
    if not isinstance(app, AgentApp):
        raise SettingsError(f"{file} has no agent", repair="assign one: app = AgentApp(app_name=...)")
    return app


def _run(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE_NAME, file)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{file} is not a Python file", repair="name it agent.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE_NAME] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except FujieError:
        raise
    except Exception as error:  # the file is somebody else's code: whatever it raises is told as one sentence
        raise SettingsError(f"{file} does not run: {type(error).__name__}: {error}") from error
    return module
