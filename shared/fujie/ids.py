"""Random ids, in the form of a UUID's version 4."""

import os
import re

_AT_ONCE = 256
_unused: list[str] = []
"""One is taken out by one `pop`, which no other thread can come in between of."""
os.register_at_fork(after_in_child=_unused.clear)
_RANDOM = int("ffffffffffff0fff3fffffffffffffff" * _AT_ONCE, 16)
_FIXED = int("00000000000040008000000000000000" * _AT_ONCE, 16)
"""The bits of version 4 and of its variant (RFC 9562 5.4)."""


_FORM = re.compile("(.{8})(.{4})(.{4})(.{4})(.{12})")


def new_uuid() -> str:
    """Return a new one; `uuid.uuid4()` gives the same, and asks the system for randomness each time."""
    try:
        return _unused.pop()
    except IndexError:
        return _some_more()


def new_message_id() -> str:
    """Return an id as AgentScope's messages have it."""
    return f"msg_{new_uuid()}"


def _some_more() -> str:
    """Return one, and keep the others that come at the price of one."""
    read = int.from_bytes(os.urandom(16 * _AT_ONCE)) & _RANDOM | _FIXED
    first, *others = _FORM.sub(r"\1-\2-\3-\4-\5 ", f"{read:0{32 * _AT_ONCE}x}").split()
    _unused.extend(others)
    return first
