# ruff: noqa: INP001  a directory for PYTHONPATH, not a package
"""Moves `time.time` of a function's process by the offset that the emulator's clock publishes.

Python imports a module of this name at start, from the first directory on PYTHONPATH. The offset is a
little-endian double in the file that FUJIE_EMULATOR_CLOCK names; it is mapped, so a change holds at once.
A sitecustomize that this one hides is run afterwards.
"""

import mmap
import os
import struct
import sys
import time


def _move_time(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123  pathlib would double the cost of every start
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    unpack = struct.Struct("<d").unpack_from
    real_time, real_time_ns = time.time, time.time_ns

    def moved_time() -> float:
        return real_time() + float(unpack(offset)[0])

    def moved_time_ns() -> int:
        return real_time_ns() + int(unpack(offset)[0] * 1_000_000_000)

    time.time, time.time_ns = moved_time, moved_time_ns


def _run_hidden() -> None:
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  see above
    others = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get("FUJIE_EMULATOR_CLOCK"):
    _move_time(os.environ["FUJIE_EMULATOR_CLOCK"])
_run_hidden()
