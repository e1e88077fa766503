"""Random ids, in the form of a UUID's version 4."""

import os

_AT_ONCE = 256
_unused: list[bytes] = []
"""Each is taken out by one `pop`, which no other thread can come in between of."""
os.register_at_fork(after_in_child=_unused.clear)


def new_uuid() -> str:
    """Return a new one; `uuid.uuid4()` gives the same, and asks the system for randomness each time."""
    try:
        digits = _unused.pop().hex()
    except IndexError:
        read = os.urandom(16 * _AT_ONCE)
        _unused.extend(read[at : at + 16] for at in range(16, len(read), 16))
        digits = read[:16].hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
