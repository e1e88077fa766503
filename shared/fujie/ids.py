"""Random ids, in the form of a UUID's version 4."""

import os

_AT_ONCE = 256
_unused: list[str] = []
"""One is taken out by one `pop`, which no other thread can come in between of."""
os.register_at_fork(after_in_child=_unused.clear)
_FORM = b"........-....-4...-....-............ "
"""A random digit at each dot; the one that stands there says that this is version 4 (RFC 9562 5.4)."""
_DIGITS = (*range(12), *range(13, 32))
_PLACES = tuple(place for place, char in enumerate(_FORM) if char == ord("."))
_VARIANT = _FORM.index(b".", 19)
"""The place of the digit whose first two bits are 10 (RFC 9562 4.1)."""
_AS_VARIANT = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)


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
    digits = os.urandom(16 * _AT_ONCE).hex().encode()
    made, width = bytearray(_FORM * _AT_ONCE), len(_FORM)
    for place, digit in zip(_PLACES, _DIGITS, strict=True):  # of all ids at once
        made[place::width] = digits[digit::32]
    made[_VARIANT::width] = made[_VARIANT::width].translate(_AS_VARIANT)
    first, *others = made.decode().split()
    _unused.extend(others)
    return first
