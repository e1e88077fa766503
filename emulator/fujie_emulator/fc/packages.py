"""Code packages: zips in buckets, unpacked beside the account's state, each in a directory of its own."""

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fujie_emulator.fc.errors import invalid
from fujie_emulator.oss import objects
from fujie_emulator.oss.errors import OssError
from fujie_emulator.oss.objects import StoredObject

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

LARGEST_UNPACKED = 1 << 30  # bytes; the cloud says 500 MB of the zip (fc.md 3), and nothing of what comes out
MOST_FILES = 50_000
KEPT = 2  # of a function's packages: what runs, and what is still finishing its requests


def find(cloud: "Cloud", bucket: str, key: str) -> StoredObject:
    """Return the object that a function's code names; raise InvalidArgument when it is not there."""
    try:
        return objects.get_object(cloud, bucket, key)
    except OssError as error:
        raise invalid("code", f"the package cannot be read: {error.message}") from error


def digest(package: StoredObject) -> str:
    """Return what names the package's bytes."""
    return "-".join(piece.sha256[:32] for piece in package.pieces)[:128]


def unpacked(cloud: "Cloud", function: str, code: Mapping[str, str]) -> Path:
    """Return the directory of the package's files, unpacked now if it was not; raise InvalidArgument.

    What was unpacked once stays, as in the cloud, when the object in the bucket is gone or another.
    """
    home = _home(cloud, function)
    place = home / code["digest"]
    if not place.is_dir():
        package = find(cloud, code["bucket"], code["key"])
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=home, prefix="incoming-") as scratch:
            _unpack(cloud, package, Path(scratch))
            (Path(scratch) / "code").replace(place)
        _forget_old(home, place)
    return place


def forget(cloud: "Cloud", function: str) -> None:
    """Delete everything that was unpacked for the function."""
    shutil.rmtree(_home(cloud, function), ignore_errors=True)


def _home(cloud: "Cloud", function: str) -> Path:
    return cloud.store.directory / "code" / function


def _unpack(cloud: "Cloud", package: StoredObject, scratch: Path) -> None:
    zipped, code = scratch / "package.zip", scratch / "code"
    with zipped.open("wb") as file:
        for chunk in objects.blobs(cloud).read(package.pieces, 0, package.size):
            file.write(chunk)
    code.mkdir()
    try:
        with zipfile.ZipFile(zipped) as archive:
            entries = archive.infolist()
            _check(entries)
            for entry in entries:
                made = archive.extract(entry, code)
                if not entry.is_dir():
                    Path(made).chmod(entry.external_attr >> 16 & 0o755 | 0o400)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise invalid("code", f"the package is not a zip that can be unpacked: {error}") from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
        raise invalid("code", f"at most {MOST_FILES} files of {LARGEST_UNPACKED} bytes together are right")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or entry.external_attr >> 28 == 0xA:
            raise invalid("code", f"the package holds {entry.filename[:128]!r}, which would lie outside of it")


def _forget_old(home: Path, newest: Path) -> None:
    others = sorted((path for path in home.iterdir() if path != newest), key=lambda path: path.stat().st_mtime)
    for path in others[: -(KEPT - 1)]:
        shutil.rmtree(path, ignore_errors=True)
