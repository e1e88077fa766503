from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from fujie.fc.http_date import http_date


@given(st.floats(0, 32_503_680_000))
def test_a_date_is_what_the_library_for_mail_says(seconds):
    assert http_date(seconds).decode() == formatdate(seconds, usegmt=True)
