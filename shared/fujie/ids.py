"""Random ids, in the form of a UUID's version 4."""

import os

_AT_ONCE = 256
_unused: list[str] = []
"""Thirty-two digits each; one is taken out by one `pop`, which no other thread can come in between of."""
os.register_at_fork(after_in_child=_unused.clear)
_RANDOM = int("ffffffffffff0fff3fffffffffffffff" * _AT_ONCE, 16)
_FIXED = int("00000000000040008000000000000000" * _AT_ONCE, 16)
"""The bits of version 4 and of its variant (RFC 9562 5.4)."""


def new_uuid() -> str:
    """Return a new one; `uuid.uuid4()` gives the same, and asks the system for randomness each time."""
    try:
        d = _unused.pop()
    except IndexError:
        d = _some_more()
    return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}"


def _some_more() -> str:
    """Return one, and keep the others that come at the price of one."""
    read = int.from_bytes(os.urandom(16 * _AT_ONCE)) & _RANDOM | _FIXED
    digits = f"{read:0{32 * _AT_ONCE}x}"
    _unused.extend(digits[at : at + 32] for at in range(32, len(digits), 32))
    return digits[:32]
