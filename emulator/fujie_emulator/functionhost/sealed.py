"""Starts a deployed function's Python: `sealed.py CODE_DIR -m MODULE ...`, `... SCRIPT ...` or `... --built-in FD`.

A program of its own, run by the interpreter beneath any virtual environment with `-S -E`: the function sees its
package and Python's own library, as on Function Compute, and nothing that this machine has installed.
"""

import os
import runpy
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib would double the cost of a start
CODE = "/code"


def main(arguments: list[str]) -> None:
    """Become the function's program."""
    code_dir, first, *rest = arguments
    sys.path[:1] = [*_wanted(code_dir), code_dir]
    runpy.run_path(os.path.join(HERE, "timeshift", "sitecustomize.py"))  # noqa: PTH118
    if first == "--built-in":
        _run_module("fujie_emulator.functionhost.runtime", rest, packages=True)
    elif first == "-m":
        _run_module(rest[0], rest[1:])
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def _wanted(code_dir: str) -> list[str]:
    """Return what the function's own PYTHONPATH names of its package; nothing else of it exists here."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [code_dir + entry[len(CODE) :] for entry in entries if entry.startswith(f"{CODE}/") and entry != f"{CODE}/"]


def _run_module(name: str, arguments: list[str], *, packages: bool = False) -> None:
    if packages:  # the runtime's package is found, and what lies beside that package is not
        for package, path in (("fujie_emulator", []), ("fujie_emulator.functionhost", [HERE])):
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = path
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
