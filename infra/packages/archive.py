"""A zip whose bytes depend on nothing but the names and contents of its files."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

LEVEL = 6
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can hold."""
REGULAR = 0o100644 << 16
UNIX = 3


def write_zip(files: Mapping[str, Path | bytes], path: Path) -> str:
    """Write the files under their names, sorted; return the SHA-256 of the zip in hex."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name in sorted(files):
            content = files[name]
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr, entry.create_system, entry.compress_type = REGULAR, UNIX, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
