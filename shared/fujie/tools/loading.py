"""The tools of an agent file."""

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from fujie.errors import FujieError, SettingsError
from fujie.tools.declaration import Tool

MODULE_NAME = "fujie_agent_file"


def load_tools(path: str | Path) -> Sequence[Tool]:
    """Return the tools of the file's `app`; raises SettingsError when there is no such file, app or tools."""
    tools = getattr(app_of(path), "tools", None)
    if not isinstance(tools, Sequence) or not all(isinstance(tool, Tool) for tool in tools):
        raise SettingsError(f"{path} has no agent", repair="assign one: app = AgentApp(app_name=..., tools=[...])")
    return tuple(tools)


def app_of(path: str | Path) -> object:
    """Return what the file assigns to `app`, or None; modules beside it can be imported by it.

    Raises SettingsError when the file is missing or does not run.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise SettingsError(f"the agent file {file} does not exist", repair="set FUJIE_AGENT to the path of a file")
    return getattr(_module(file), "app", None)


def _module(file: Path) -> ModuleType:
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
        raise SettingsError(f"{file} does not run: {type(error).__name__}: {error}{_line_of(file, error)}") from error
    return module


def _line_of(file: Path, error: Exception) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f" (line {lines[-1]})" if lines else ""
