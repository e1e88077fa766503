"""Which Python runs a package, and the interpreter that can compile for it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.packages.errors import PackagingError

PROBE_S = 20.0


@dataclass(frozen=True)
class Target:
    """A CPython version, and the platform its wheels are for; without one, this machine."""

    python: str
    """major.minor"""
    platform: str = ""
    """As uv names it."""

    def interpreter(self) -> Path:
        """Return an interpreter of this version: bytecode differs between versions, not between platforms.

        Raises PackagingError when this machine has none.
        """
        for candidate in _candidates(self.python):
            if _version_of(candidate) == self.python:
                return candidate
        raise PackagingError(
            f"no Python {self.python} on this machine, so packages for it cannot be compiled",
            repair=f"install python{self.python} and put it on PATH",
        )


CLOUD = Target("3.12", "x86_64-manylinux_2_28")
"""Function Compute's python3.12 and custom.debian11 (glibc 2.31): fc.md 3 and 8."""


def here() -> Target:
    """Return the target that this interpreter is."""
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}")


def _candidates(python: str) -> Iterator[Path]:
    yield Path(sys.executable)
    if found := shutil.which(f"python{python}"):
        yield Path(found)
    for root in (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"):
        yield from sorted(root.glob(f"*{python}.*/bin/python{python}"))


@cache
def _version_of(interpreter: Path) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        ran = subprocess.run(  # noqa: S603 - an interpreter of this machine
            [interpreter, "-I", "-c", code], capture_output=True, text=True, timeout=PROBE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.strip()
