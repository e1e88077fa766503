"""The libraries of a package: wheels for the target by the lock's hashes, without what never runs, compiled for it.

Kept in the user's cache under the hash of all that they are made of, so that a change of our own code installs nothing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from infra.packages.archive import files_in, write_zip
from infra.packages.errors import PackagingError
from infra.packages.reach import ROOT
from infra.packages.target import Target

LAYOUT = "1"
"""Raised when what stands below makes something else of the same wheels."""
INSTALL_S = 300.0
COMPILE_S = 300.0
UNUSED_S = 30 * 86400
"""After that long without use what the cache keeps is deleted."""
WITHOUT_WHEELS = ("oss2",)
"""Published as source alone; it is pure Python, so the result serves every platform."""
NEVER_RUNS = (
    *("bin", "include", "share", "pydantic/v1", "sqlalchemy/testing"),
    *(f"sqlalchemy/dialects/{database}" for database in ("mssql", "mysql", "oracle")),
)
NEVER_RUN_FOLDERS = {"tests", "test", "SelfTest", "testing_support"}
NEVER_RUN_SUFFIXES = {".pyi", ".pyx", ".pxd", ".c", ".h", ".pyc"}
OF_THE_INSTALLER = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\;]+)", re.MULTILINE)


def libraries(requirements: Sequence[str], target: Target, own: Path | None = None) -> Path:
    """Return a folder with these requirements and theirs, as the target runs them. Raises PackagingError.

    `own` is a file of further ones, pinned with hashes; what both name has the version of ours.
    """
    pinned = sorted(_pinned(requirements))
    folder = _cache() / _key(pinned, target, own)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "libraries"
            _install(pinned, target, made, own)
            _prune(made)
            _strip(made)
            compile_for(target, made)
            _keep(made, folder)
        forget_unused(folder.parent, UNUSED_S)
    os.utime(folder)
    return folder


def zipped(folder: Path) -> Path:
    """Return a zip of such a folder, made once: to compress libraries takes longer than all the rest of a package."""
    kept = folder.with_suffix(".zip")
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / kept.name
            write_zip(files_in(folder), made)
            made.replace(kept)
    os.utime(kept)
    return kept


def libraries_key(requirements: Sequence[str], target: Target, own: Path | None = None) -> str:
    """Return a hash of all that those libraries are made of."""
    return _key(sorted(_pinned(requirements)), target, own)


def compile_for(target: Target, folder: Path) -> None:
    """Write bytecode beside every module, the same for the same sources: `/code` is read-only, nothing could later.

    Unchecked hashes hold no time, and `/code` stands for the folder, so neither the day nor the place shows.
    """
    _run(
        [
            *(str(target.interpreter()), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", "/code", str(folder)),
        ],
        COMPILE_S,
        "compile",
        {"PYTHONHASHSEED": "0"},
    )


def _pinned(requirements: Iterable[str]) -> Iterator[str]:
    versions = {found["name"].lower(): found["version"] for found in _PIN.finditer(_lock().read_text())}
    for requirement in requirements:
        name = requirement.partition("[")[0].lower()
        if name not in versions:
            raise PackagingError(f"requirements.lock does not hold {name}", repair="run `make lock`")
        yield f"{requirement}=={versions[name]}"


def _key(pinned: Sequence[str], target: Target, own: Path | None) -> str:
    read = [file.read_text() for file in (_lock(), own) if file is not None]
    text = "\n".join((LAYOUT, str(shutil.which("strip")), target.python, target.platform, *pinned, *read))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _install(pinned: Sequence[str], target: Target, into: Path, own: Path | None) -> None:
    wanted = into.with_name("requirements.txt")
    wanted.write_text("\n".join(pinned))
    overrides = into.with_name("overrides.txt")
    overrides.write_text("\n".join(_overrides()))
    platform = ("--python-platform", target.platform) if target.platform else ()
    _run(
        [
            *(find_uv(), "pip", "install", "--quiet", "--no-config", "--target", str(into), "--link-mode", "copy"),
            *("--python", str(target.interpreter()), "--python-version", target.python, *platform),
            *("--only-binary", ":all:", *(part for name in WITHOUT_WHEELS for part in ("--no-binary", name))),
            *("--require-hashes", "--constraints", str(_lock()), "--overrides", str(overrides)),
            *("--requirements", str(wanted), *(("--requirements", str(own)) if own else ())),
        ],
        INSTALL_S,
        "install",
    )


def _prune(folder: Path) -> None:
    for name in NEVER_RUNS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and path.name in NEVER_RUN_FOLDERS | {"__pycache__"}:
            shutil.rmtree(path)
        elif path.suffix in NEVER_RUN_SUFFIXES or (
            path.parent.suffix == ".dist-info" and path.name in OF_THE_INSTALLER
        ):
            path.unlink(missing_ok=True)


def _strip(folder: Path) -> None:
    """Take the symbols that only a debugger reads out of the binaries: 54 MB become 22, where `strip` is to be had."""
    binaries = [str(path) for path in sorted(folder.rglob("*.so*")) if path.is_file()]
    if binaries and (strip := shutil.which("strip")):
        _run([strip, "--strip-unneeded", *binaries], COMPILE_S, "stripp")


def _keep(made: Path, folder: Path) -> None:
    """Put the folder in its place; another that was faster made the same."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def forget_unused(cache: Path, unused_s: float) -> None:
    """Delete what nobody used for so long."""
    for each in cache.iterdir():
        with suppress(FileNotFoundError):  # another cleaned up, too
            if each.stat().st_mtime < time.time() - unused_s:
                shutil.rmtree(each) if each.is_dir() else each.unlink()


def _run(command: Sequence[str], deadline_s: float, what: str, env: dict[str, str] | None = None) -> None:
    try:
        ran = subprocess.run(  # noqa: S603 - our own command line
            command, capture_output=True, text=True, timeout=deadline_s, check=False, env=os.environ | (env or {})
        )
    except subprocess.TimeoutExpired as error:
        raise PackagingError(f"the libraries could not be {what}ed within {deadline_s:g} s") from error
    if ran.returncode:
        words = (ran.stderr or ran.stdout).strip()[-1000:]
        raise PackagingError(f"the libraries could not be {what}ed: {words}")


def find_uv() -> str:
    """Return the uv that installs for other platforms. Raises PackagingError when there is none."""
    for candidate in (os.environ.get("UV"), ROOT / ".tools" / "bin" / "uv", shutil.which("uv")):
        if candidate and Path(candidate).is_file():
            return str(candidate)
    raise PackagingError("packages need uv", repair="run `make install`, or put uv on PATH")


def _overrides() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["tool"]["uv"]["override-dependencies"])


def _lock() -> Path:
    return ROOT / "requirements.lock"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fujie" / "libraries"
