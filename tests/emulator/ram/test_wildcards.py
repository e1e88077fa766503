import time

from hypothesis import given
from hypothesis import strategies as st

from fujie_emulator.ram.wildcards import fits

letters = st.text("ab:/", max_size=10)
patterns = st.text("ab:/*?", max_size=8)


def naive(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(patterns, letters)
def test_it_agrees_with_the_naive_matcher(pattern, text):
    assert fits(pattern, text) == naive(pattern, text)


@given(letters)
def test_a_star_fits_everything_and_a_text_itself(text):
    assert fits("*", text)
    assert fits(text, text)


def test_other_signs_are_literal():
    assert not fits("a.c", "abc")
    assert not fits("[ab]", "a")
    assert fits("a[*]", "a[x]")


def test_a_hostile_pattern_stays_quick():
    began = time.process_time()
    assert not fits("*a" * 300 + "b", "a" * 6000)
    assert time.process_time() - began < 5
