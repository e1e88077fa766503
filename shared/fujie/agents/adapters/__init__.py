"""What an agent's function yields, in the words of its framework, as our events; each framework is an adapter."""

from functools import cache
from importlib import import_module
from typing import Any

from fujie.agents.adapters.port import Adapter
from fujie.errors import SettingsError

FRAMEWORKS = {
    "agentscope": "fujie.agents.adapters.agentscope",
    "langgraph": "fujie.agents.adapters.langgraph",
    "pydantic_ai": "fujie.agents.adapters.pydantic_ai",
    "text": "fujie.agents.adapters.text",
    "raw": "fujie.agents.adapters.raw",
}
"""What `@app.query(framework=...)` takes, and the module that is imported by the first run that needs it."""

_OTHER_NAMES = {"langchain": "langgraph", "pydantic-ai": "pydantic_ai"}


def framework_named(name: str) -> str:
    """Return the framework by its own name. Raises SettingsError, which lists them, when there is none of this name."""
    framework = _OTHER_NAMES.get(name, name)
    if framework not in FRAMEWORKS:
        raise SettingsError(f"there is no adapter for framework {name!r}", repair=f"use one of {', '.join(FRAMEWORKS)}")
    return framework


def adapter_for(framework: str) -> Adapter:
    """Return a new adapter, for one run, of a framework that `framework_named` returned."""
    adapter: Adapter = _loaded(framework).adapter()
    return adapter


@cache
def _loaded(framework: str) -> Any:
    return import_module(FRAMEWORKS[framework])
