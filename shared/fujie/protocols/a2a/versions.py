"""Which version a request speaks: the `A2A-Version` header or parameter, and 0.3 where there is none (1.0: 3.6.2)."""

import re

from fujie.protocols.a2a.errors import Version, VersionError

HEADER = "a2a-version"
PARAMETER = "A2A-Version"
_SPOKEN: dict[str, Version] = {"0.3": "0.3", "1.0": "1.0"}
_PATTERN = re.compile(r"(\d{1,4}\.\d{1,4})(?:\.\d{1,4})?")
"""Patch numbers do not count (1.0: 3.6)."""


def version_asked(header: str | None, parameter: str | None) -> Version:
    """Return the version that a request asks for. Raises VersionError."""
    asked = (header or parameter or "").strip() or "0.3"
    match = _PATTERN.fullmatch(asked)
    if match is None or match[1] not in _SPOKEN:
        raise VersionError(asked)
    return _SPOKEN[match[1]]
