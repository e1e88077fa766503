from hypothesis import given
from hypothesis import strategies as st

from fujie_emulator.oss.crc64 import combined, crc64


def test_the_check_value_of_the_catalogue():
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_sum_of_two_pieces_is_that_of_the_whole(first, second):
    assert combined(crc64(first), crc64(second), len(second)) == crc64(first + second) == crc64(second, crc64(first))
