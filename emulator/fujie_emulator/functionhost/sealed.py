"""Starts a deployed function's Python: `sealed.py CODE_DIR -m MODULE ...`, `... SCRIPT ...` or `... --built-in FD`.

A program of its own, run by the interpreter beneath any virtual environment with `-S -E`: the function sees its
package and Python's own library, as on Function Compute, and nothing that this machine has installed.
"""

import os
import runpy
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib would double the cost of a start
CODE, OPT = "/code", "/opt"


def main(arguments: list[str]) -> None:
    """Become the function's program."""
    code_dir, first, *rest = arguments
    opt_dir = os.environ.get("FUJIE_EMULATOR_OPT", "")
    sys.path[:1] = [*_wanted(code_dir, opt_dir), code_dir]
    if opt_dir and first == "--built-in":  # where built-in runtimes look by themselves
        sys.path.insert(sys.path.index(code_dir) + 1, f"{opt_dir}/python")
    runpy.run_path(os.path.join(HERE, "timeshift", "sitecustomize.py"))  # noqa: PTH118
    if first == "--built-in":
        _run_module("fujie_emulator.functionhost.runtime", rest, packages=True)
    elif first == "-m":
        _run_module(rest[0], rest[1:])
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def _wanted(code_dir: str, opt_dir: str) -> list[str]:
    """Return what the function's own PYTHONPATH names of its package and its layers; nothing else of it exists here."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = {CODE: code_dir} | ({OPT: opt_dir} if opt_dir else {})
    return [
        place + entry[len(root) :]
        for entry in entries
        for root, place in places.items()
        if entry.startswith(f"{root}/") and entry != f"{root}/"
    ]


def _run_module(name: str, arguments: list[str], *, packages: bool = False) -> None:
    if packages:  # the runtime's package is found, and what lies beside that package is not
        for package, path in (("fujie_emulator", []), ("fujie_emulator.functionhost", [HERE])):
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = path
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
