"""uvicorn as a server alone: what else it would bring, its command line first, is a fifth of an agent's start."""

import logging  # noqa: F401 - whose module of configurations is left out
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

_SERVER = {"Config": "uvicorn.config", "Server": "uvicorn.server"}
"""The names of the package that a server needs, and where they are."""
_locks: dict[str, RLock] = {}
_running: set[str] = set()


def leave_command_line_out() -> None:
    """Let `import uvicorn` run nothing until a name of the package is asked for that is no server's.

    What it imports for what is not left to it here, configurations of logs, dates and chances, is run when it is used,
    too; the types of its annotations are not run at all. Does nothing where uvicorn is there already.
    """
    if "uvicorn" not in sys.modules:
        _run_late("uvicorn")
        _run_late("uvicorn._types")
        _run_late("random")
        _run_late("email.utils")
        _run_late("logging.config")


def _run_late(name: str) -> None:
    """Put a module in its place that runs when a name of it is asked for, unless one is there."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:
        return
    module = sys.modules[name] = module_from_spec(spec)
    module.__class__ = _Late
    _locks[name] = RLock()
    package, _, own_name = name.rpartition(".")
    if package:
        setattr(sys.modules[package], own_name, module)


class _Late(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if self.__name__ == "uvicorn" and name in _SERVER:
            return getattr(import_module(_SERVER[name]), name)
        if self.__name__ == "uvicorn._types" and not name.startswith("__"):  # of the package's own annotations
            return Any
        if name == "__path__":  # `from` asks for it; packages have it already
            raise AttributeError(name)
        if self.__name__ == "email.utils" and name == "formatdate":  # which uvicorn takes out, and does not call here
            return lambda *arguments, **options: _loaded(self).formatdate(*arguments, **options)
        return ModuleType.__getattribute__(_loaded(self), name)


def _loaded(module: ModuleType) -> Any:
    """Run a module unless it has been run; who asks meanwhile waits, but for what is imported by it."""
    name = module.__name__
    with _locks[name]:
        if module.__class__ is _Late and name not in _running:
            _running.add(name)
            try:
                module.__spec__.loader.exec_module(module)  # type: ignore[union-attr]  # there, or it had not been found
                module.__class__ = ModuleType  # type: ignore[assignment]  # an ordinary module from here on
            finally:
                _running.remove(name)
    return module
