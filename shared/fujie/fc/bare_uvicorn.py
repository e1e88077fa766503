"""uvicorn as a server alone: its package also brings its command line, a seventh of an agent's start."""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

_HOMES = {"Config": "uvicorn.config", "Server": "uvicorn.server"}
_lock = RLock()


def leave_command_line_out() -> None:
    """Let `import uvicorn` run nothing until a name of the package is asked for that is no server's.

    Does nothing where uvicorn is there already.
    """
    spec = None if "uvicorn" in sys.modules else find_spec("uvicorn")
    if spec is not None:
        package = module_from_spec(spec)
        package.__class__ = _Package
        sys.modules["uvicorn"] = package


class _Package(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        with _lock:
            if self.__class__ is _Package:
                self.__class__ = ModuleType  # type: ignore[assignment]  # an ordinary module from here on
                self.__spec__.loader.exec_module(self)  # type: ignore[union-attr]  # there, or it had not been found
        return getattr(self, name)
