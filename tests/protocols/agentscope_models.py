"""AgentScope Runtime's own models and client: its files as they are, without the half gigabyte that it asks for."""

import fcntl
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.frameworks.environments import PLACE, uv

WANTED = "agentscope-runtime==1.1.6.post2"
PACKAGES = ("agentscope_runtime", "agentscope_runtime.engine", "agentscope_runtime.engine.schemas",
            "agentscope_runtime.engine.helpers")  # fmt: skip


def official_models() -> ModuleType:
    """Return the models; skip the test where the package cannot be had and is not demanded."""
    return _module("agentscope_runtime.engine.schemas.agent_schemas")


def official_client() -> ModuleType:
    """Return the client over HTTP, likewise."""
    return _module("agentscope_runtime.engine.helpers.agent_api_client")


@cache
def _module(name: str) -> ModuleType:
    """Import a file of the package past the `__init__` of its folders, which import all of it."""
    folder = _installed()
    for package in PACKAGES:
        if package not in sys.modules:
            module = sys.modules[package] = ModuleType(package)
            module.__path__ = [str(folder / package.replace(".", "/"))]
    return import_module(name)


def _installed() -> Path:
    folder = PLACE / WANTED.replace("==", "-")
    PLACE.mkdir(exist_ok=True)
    with (PLACE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / PACKAGES[0]).exists():
            subprocess.run([uv(), "pip", "install", "-q", "--no-deps", "--target", str(folder), WANTED], check=True)
    return folder
