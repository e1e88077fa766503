"""The whole state in one file: a tar archive of the store, the objects' bytes, and where and when it was made."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse

from fujie_emulator.core.clock import iso
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import CloudError, EmulatorError
from fujie_emulator.core.opening import reopen

FORMAT = 1
LARGEST = 4 << 30  # bytes of a snapshot, packed and unpacked
MOST_FILES = 100_000
_MANIFEST, _STORE, _OBJECTS = "manifest.json", "cloud.sqlite3", "objects"
_NAME = re.compile(
    rf"(?:{re.escape(_MANIFEST)}|{re.escape(_STORE)}|{_OBJECTS}(?:/[A-Za-z0-9][A-Za-z0-9_.-]{{0,127}}){{1,3}})"
)
_UNFINISHED = "incoming-"


async def snapshot_answer(cloud: Cloud) -> FileResponse:
    """Return the state of this moment as a download."""
    place = _work_directory(cloud)
    try:
        _stage(cloud, place)  # in one go: nobody writes meanwhile
        archive = await asyncio.to_thread(_packed, place)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    headers = {"cache-control": "no-store"}
    done = BackgroundTask(shutil.rmtree, place, ignore_errors=True)
    return FileResponse(archive, media_type="application/x-tar", headers=headers, background=done)


async def restore(cloud: Cloud, request: Request) -> None:
    """Put the state of a snapshot in place of the present one, all or nothing; raise CloudError when it is not one."""
    with _work(cloud) as place:
        await _receive(request, place / "snapshot.tar")
        try:
            await asyncio.to_thread(_unpack, place / "snapshot.tar", place / "state")
            _check_manifest(cloud, place / "state" / _MANIFEST)
            _put_in_place(cloud, place / "state")
        except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:
            raise _not_a_snapshot(str(error)) from error
        except (EmulatorError, sqlite3.Error) as error:
            raise _not_a_snapshot("its store cannot be read") from error
    reopen(cloud)


@contextmanager
def _work(cloud: Cloud) -> Iterator[Path]:
    place = _work_directory(cloud)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _work_directory(cloud: Cloud) -> Path:
    """Return a fresh directory beside the state, on the same disk, so that files can be linked."""
    return Path(mkdtemp(prefix="snapshot-", dir=cloud.store.directory))


def _stage(cloud: Cloud, place: Path) -> None:
    """Copy the store and link the objects; their files are never written again once they have their name."""
    manifest = {"format": FORMAT, "base_url": cloud.base_url, "time": iso(cloud.clock.now())}
    (place / _MANIFEST).write_text(json.dumps(manifest | {"account_id": cloud.account_id}))
    cloud.store.copy_to(place / _STORE)
    for file in _object_files(cloud.store.directory / _OBJECTS):
        linked = place / file.relative_to(cloud.store.directory)
        linked.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, linked)


def _packed(place: Path) -> Path:
    archive = place / "snapshot.tar"
    with tarfile.open(archive, "x") as tar:
        for name in (_MANIFEST, _STORE, _OBJECTS):
            if (place / name).exists():
                tar.add(place / name, name)
    return archive


async def _receive(request: Request, path: Path) -> None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LARGEST:
        raise CloudError("RequestEntityTooLarge", 413, f"A snapshot has at most {LARGEST} bytes.")
    size = 0
    with path.open("xb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST:
                raise CloudError("RequestEntityTooLarge", 413, f"A snapshot has at most {LARGEST} bytes.")
            file.write(chunk)


def _unpack(archive: Path, place: Path) -> None:
    """Unpack plain files of the expected names only; nothing in the archive can point elsewhere."""
    size = 0
    with tarfile.open(archive, "r:") as tar:
        for number, member in enumerate(tar):
            size += member.size
            if member.isdir():
                continue
            if not member.isfile() or not _NAME.fullmatch(member.name) or size > LARGEST or number > MOST_FILES:
                raise ValueError(f"{member.name[:64]!r} does not belong there")
            source = tar.extractfile(member)
            target = place / member.name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if source is not None:
                with source, os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    shutil.copyfileobj(source, file)
    if not (place / _STORE).is_file() or not (place / _MANIFEST).is_file():
        raise ValueError("a part is missing")


def _check_manifest(cloud: Cloud, path: Path) -> None:
    manifest: Any = json.loads(path.read_text())
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    taken_at = manifest.get("base_url")
    if taken_at != cloud.base_url:
        words = f"The snapshot was taken at {str(taken_at)[:64]}, and its resources name that address; use that port."
        raise CloudError("Conflict.Snapshot", 409, words)


def _put_in_place(cloud: Cloud, state: Path) -> None:
    """Add the objects' files, change the store, and only then remove what no object names any more."""
    directory = cloud.store.directory
    kept = set()
    for file in _object_files(state / _OBJECTS):
        place = directory / file.relative_to(state)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.replace(place)
        kept.add(place)
    cloud.store.replace_by(state / _STORE)
    for file in list(_object_files(directory / _OBJECTS)):
        if file not in kept:
            file.unlink()


def _object_files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(_UNFINISHED))


def _not_a_snapshot(problem: str) -> CloudError:
    return CloudError("InvalidParameter.Snapshot", 400, f"This is not a snapshot of an emulator: {problem}.")
