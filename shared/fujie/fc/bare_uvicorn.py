"""uvicorn as a server alone: what else it would bring, its command line first, is a fifth of an agent's start."""

import logging
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

_SERVER = {"Config": "uvicorn.config", "Server": "uvicorn.server"}
"""The names of the package that a server needs, and where they are."""
_lock = RLock()


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
        logging.config = _run_late("logging.config")  # type: ignore[attr-defined]


def _run_late(name: str) -> ModuleType | None:
    """Put a module in its place that runs when a name of it is asked for; return the one that is there."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is not None:
        module = sys.modules[name] = module_from_spec(spec)
        module.__class__ = _Late
    return sys.modules.get(name)


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
        return getattr(_loaded(self), name)


def _loaded(module: ModuleType) -> Any:
    with _lock:
        if module.__class__ is _Late:
            module.__class__ = ModuleType  # type: ignore[assignment]  # an ordinary module from here on
            module.__spec__.loader.exec_module(module)  # type: ignore[union-attr]  # there, or it had not been found
    return module
