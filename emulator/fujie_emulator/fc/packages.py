"""Code packages: zips in buckets, unpacked beside the account's state, each in a directory of its own."""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fujie_emulator.fc.errors import invalid, unsupported
from fujie_emulator.oss import objects
from fujie_emulator.oss.errors import OssError
from fujie_emulator.oss.objects import StoredObject

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

LARGEST_UNPACKED = 1 << 30  # bytes; the cloud says 500 MB of the zip (fc.md 3), and nothing of what comes out
MOST_FILES = 50_000
LAYERS = "layers"
KEPT = 2  # of a function's packages: what runs, and what is still finishing its requests


def find(cloud: "Cloud", bucket: str, key: str) -> StoredObject:
    """Return the object that a function's code names; raise InvalidArgument when it is not there."""
    try:
        return objects.get_object(cloud, bucket, key)
    except OssError as error:
        raise invalid("code", f"the package cannot be read: {error.message}") from error


def located(cloud: "Cloud", code: Any) -> tuple[dict[str, str], int, str]:
    """Return where asked code lies, its size and sum; the object must be there. Raises InvalidArgument."""
    if not isinstance(code, dict):
        raise invalid("code", "ossBucketName and ossObjectName are right")
    if code.get("zipFile"):
        raise unsupported("code.zipFile; put the package into a bucket and name it by ossBucketName and ossObjectName")
    bucket, key = code.get("ossBucketName"), code.get("ossObjectName")
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise invalid("code", "ossBucketName and ossObjectName are right")
    found = find(cloud, bucket, key)
    if code.get("checksum") not in (None, "", found.crc64):
        raise invalid("code.checksum", "it is not the CRC64 of the package")
    return {"bucket": bucket, "key": key, "digest": digest(found)}, found.size, found.crc64


def digest(package: StoredObject) -> str:
    """Return what names the package's bytes."""
    return "-".join(piece.sha256[:32] for piece in package.pieces)[:128]


def unpacked(cloud: "Cloud", function: str, code: Mapping[str, str], keep: Collection[str] = ()) -> Path:
    """Return the directory of the package's files, unpacked now if it was not; raise InvalidArgument.

    What was unpacked once stays, as in the cloud, when the object in the bucket is gone or another. `keep` are the
    digests of packages that published versions run.
    """
    home = _home(cloud, function)
    place = home / code["digest"]
    if not place.is_dir():
        _lay_down(cloud, [code], place)
        _forget_old(home, place, keep)
    return place


def merged(cloud: "Cloud", function: str, layers: Sequence[Mapping[str, str]]) -> Path | None:
    """Return the directory that stands for `/opt`: the layers' files, the later over the earlier; None without any."""
    if not layers:
        return None
    named = hashlib.sha256("/".join(each["digest"] for each in layers).encode()).hexdigest()[:32]
    place = _home(cloud, function) / LAYERS / named
    if not place.is_dir():
        _lay_down(cloud, layers, place)
    return place


def _lay_down(cloud: "Cloud", codes: Sequence[Mapping[str, str]], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="incoming-") as scratch:
        for code in codes:
            _unpack(cloud, find(cloud, code["bucket"], code["key"]), Path(scratch))
        (Path(scratch) / "code").replace(place)


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
    code.mkdir(exist_ok=True)
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


def _forget_old(home: Path, newest: Path, keep: Collection[str]) -> None:
    needed = {newest.name, LAYERS, *keep}
    others = sorted((path for path in home.iterdir() if path.name not in needed), key=lambda path: path.stat().st_mtime)
    for path in others[: -(KEPT - 1)]:
        shutil.rmtree(path, ignore_errors=True)
