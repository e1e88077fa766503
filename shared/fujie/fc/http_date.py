"""The time as HTTP says it, without Python's library for mail, which takes a twentieth of a start to load."""

import time

_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def http_date(seconds: float) -> bytes:
    """Return a moment, in seconds since 1970, as an IMF-fixdate (RFC 9110 5.6.7)."""
    at = time.gmtime(seconds)
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (
        day, at.tm_mday, month, at.tm_year, at.tm_hour, at.tm_min, at.tm_sec,
    )  # fmt: skip
