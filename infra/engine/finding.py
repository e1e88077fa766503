"""Where Pulumi's engine is: one on PATH that fits, or the one that `make engine` built into the user's cache."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLI, HOST, PROVIDER = "3.259.0", "3.78.1", "3.105.0"
"""Versions of the CLI, the Python host (the last whose source the CLI's SDK holds), and of pulumi-alicloud."""
RECIPE = Path(__file__).resolve().parent
STAMP = "built"
HOW_TO_GET = "there is no Pulumi engine: run `make engine` (Go, some minutes once), or install pulumi 3.259 or newer"
_MAJOR, _OLDEST_MINOR = 3, 259
_VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+")
_INGREDIENTS = ("*/go.mod", "*/go.sum", "*/*.go", "build.py")


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that runs this program; `directory` is "" when it is the user's own, whose plugins it finds itself."""

    pulumi: str
    directory: str = ""

    def path(self, path: str, python: Path) -> str:
        """Return a PATH on which the engine finds its plugins and the interpreter that has our packages."""
        return os.pathsep.join(part for part in (self.directory, str(python.parent), path) if part)


def find_engine(environ: Mapping[str, str]) -> Engine | None:
    """Return the engine to use, or None: the one on PATH if it fits, else the one in the cache."""
    own = shutil.which("pulumi", path=environ.get("PATH", ""))
    if own is not None and fits(_version(own)):
        return Engine(own)
    built = built_engine()
    return Engine(str(built / "pulumi"), str(built)) if built is not None else None


def fits(version: str) -> bool:
    """Tell whether a `pulumi version` can run the program."""
    match = _VERSION.match(version.strip())
    return match is not None and int(match[1]) == _MAJOR and int(match[2]) >= _OLDEST_MINOR


def built_engine() -> Path | None:
    """Return the directory of the engine that was built by this very recipe, or None."""
    directory = engine_directory()
    return directory if (directory / STAMP).exists() else None


def cache_directory() -> Path:
    """Return where engines are kept, one directory per recipe."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "fujie" / "engine"


def engine_directory() -> Path:
    """Return where this recipe's engine belongs, built or not."""
    return cache_directory() / f"{CLI}-{HOST}-{PROVIDER}-{_recipe_hash()}"


@cache
def _recipe_hash() -> str:
    files = sorted(path for pattern in _INGREDIENTS for path in RECIPE.glob(pattern))
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(RECIPE)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _version(pulumi: str) -> str:
    try:
        run = subprocess.run([pulumi, "version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout
