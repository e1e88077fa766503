"""The state directory: marked as ours, used by one program at a time, and only then deleted."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fujie.cli.errors import StateError

FORMAT = 1
_MARK = "fujie-state.json"


@contextmanager
def state_directory(path: Path, *, reset: bool) -> Iterator[Path]:
    """Yield the directory, made if it was not there and locked for as long as it is used.

    Raises StateError when it is not ours, in use, damaged, or of another version.
    """
    if path.exists() and not path.is_dir():
        raise StateError(f"{path} is not a directory")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path):
        _check_mark(path, reset=reset)
        if reset:
            _forget(path)
        _write_mark(path)
        (path / "run").mkdir(exist_ok=True)
        yield path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(
                f"{path} is in use by another `fujie dev`", repair="stop that one, or give this one its own --state"
            ) from error
        yield
    finally:
        os.close(lock)


def _check_mark(path: Path, *, reset: bool) -> None:
    mark = path / _MARK
    if not mark.exists():
        if any(entry.name != "lock" for entry in path.iterdir()):
            raise StateError(f"{path} holds files that are not ours", repair="choose another directory with --state")
        return
    try:
        found = json.loads(mark.read_text())["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if reset:
            return
        raise StateError(f"{path} was left half-written", repair="start with `fujie dev --reset`") from error
    if found != FORMAT and not reset:
        raise StateError(
            f"{path} was written by another version (format {found})", repair="start with `fujie dev --reset`"
        )


def _forget(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _write_mark(path: Path) -> None:
    write_json(path / _MARK, {"format": FORMAT})


def write_json(path: Path, data: object) -> None:
    """Write the file whole or not at all, readable by its owner only."""
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(data, file)
    part.replace(path)
