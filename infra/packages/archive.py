"""A zip whose bytes depend on nothing but the names and contents of its files."""

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

LEVEL = 6
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can hold."""
REGULAR = 0o100644 << 16
UNIX = 3


def write_zip(files: Mapping[str, Path | bytes], path: Path, base: Path | None = None) -> str:
    """Write the files under their names, sorted, behind those of another zip; return the SHA-256 of the zip in hex.

    What `base` holds is not compressed again. Raises ValueError when it holds one of the names.
    """
    if base is not None:
        shutil.copyfile(base, path)
    with zipfile.ZipFile(path, "a" if base else "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        if twice := files.keys() & set(archive.namelist()):
            raise ValueError(f"{path.name} would hold {min(twice)} twice")
        for name in sorted(files):
            content = files[name]
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr, entry.create_system, entry.compress_type = REGULAR, UNIX, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())
    return sha256_of(path)


def files_in(folder: Path) -> dict[str, Path]:
    """Return every file of a folder under its name in a zip of it."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
