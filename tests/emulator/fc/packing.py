"""Code packages for tests."""

import io
import zipfile


def zipped(**files):
    """Return the bytes of a zip of these files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return written.getvalue()
