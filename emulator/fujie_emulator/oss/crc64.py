"""CRC-64/XZ, which the store calls crc64ecma: over bytes, and over pieces whose sums are known."""

from functools import cache
from typing import Any

_REVERSED = 0xC96C5795D7870F42  # the polynomial, lowest power first
_ONE = 1 << 63  # the polynomial 1 in that order


def crc64(chunk: bytes, before: int = 0) -> int:
    """Return the sum of what `before` is the sum of, followed by `chunk`."""
    return int(_function()(chunk, before))


def combined(first: int, second: int, second_size: int) -> int:
    """Return the sum of two pieces in a row from the sums of each and the second's size in bytes."""
    return _times(_power_of_x(8 * second_size), first) ^ second


def _power_of_x(exponent: int) -> int:
    result, square = _ONE, _ONE >> 1
    while exponent:
        if exponent & 1:
            result = _times(result, square)
        square = _times(square, square)
        exponent >>= 1
    return result


def _times(left: int, right: int) -> int:
    """Multiply two polynomials over GF(2), modulo the one of the sum."""
    product = 0
    for power in range(64):
        if left >> (63 - power) & 1:
            product ^= right
        right = (right >> 1) ^ (_REVERSED if right & 1 else 0)
    return product


@cache
def _function() -> Any:
    from crcmod.crcmod import mkCrcFun

    return mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)
