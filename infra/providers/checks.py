"""What can be seen to be wrong before anything is created; values that are not known yet are passed over."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from infra.providers.kind import Properties

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that only an apply will tell (`pulumi.runtime.rpc.UNKNOWN`)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
Problem = tuple[str, str]


def names(wanted: Properties, *fields: str) -> Iterator[Problem]:
    """Names have 1 to 64 letters, digits and . _ -, and begin with a letter or digit."""
    for field in fields:
        value = wanted.get(field)
        if value != UNKNOWN and not (isinstance(value, str) and _NAME.fullmatch(value)):
            yield field, f"{value!r} is no name: 1 to 64 letters, digits, '.', '_' and '-' are right"


def filled(wanted: Properties, *fields: str) -> Iterator[Problem]:
    """Something must be there."""
    for field in fields:
        if not wanted.get(field):
            yield field, f"{field} is missing"


def one_of(wanted: Properties, field: str, choices: tuple[str, ...]) -> Iterator[Problem]:
    if wanted.get(field) not in (*choices, UNKNOWN):
        yield field, f"{wanted.get(field)!r} is not one of {', '.join(choices)}"


def addresses(wanted: Properties, field: str) -> Iterator[Problem]:
    """Addresses (one, or a list of at least one) are https; http is for this machine alone."""
    value = wanted.get(field)
    several = value if isinstance(value, list) else [value]
    if not several or not all(each == UNKNOWN or _is_address(each) for each in several):
        yield field, f"{value!r} is no address: absolute https without fragment is right (http on this machine)"


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or " " in value or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    local = parts.scheme == "http" and (host in _LOOPBACK or host.endswith(".localhost"))
    return bool(host) and not parts.fragment and "@" not in parts.netloc and (parts.scheme == "https" or local)
