"""The official models of AgentScope Runtime: their one file, without the half gigabyte that the package asks for."""

import fcntl
import importlib.util
import subprocess
import sys
from functools import cache
from types import ModuleType

from tests.frameworks.environments import PLACE, uv

PACKAGE = "agentscope-runtime==1.1.6.post2"
FILE = "agentscope_runtime/engine/schemas/agent_schemas.py"


@cache
def official_models() -> ModuleType:
    """Return the module; skip the test where the package cannot be had and is not demanded."""
    folder = PLACE / PACKAGE.replace("==", "-")
    PLACE.mkdir(exist_ok=True)
    with (PLACE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / FILE).exists():
            command = [uv(), "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PACKAGE]
            subprocess.run(command, check=True)
    spec = importlib.util.spec_from_file_location("agentscope_runtime_models", folder / FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
