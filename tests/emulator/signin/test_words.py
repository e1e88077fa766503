"""Each person reads his own language, whatever the header says."""

from dataclasses import fields

import pytest

from fujie_emulator.signin.words import CHINESE, ENGLISH, words_for


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("fr, zh-Hant;q=0.5", "zh"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=much", "en"),
        ("*", "en"),
        (";;,,==", "en"),
    ],
)
def test_the_preferred_language_wins(header, language):
    assert words_for(header).lang == language


def test_both_languages_say_the_same_things():
    assert set(ENGLISH.scopes) == set(CHINESE.scopes)
    for field in fields(ENGLISH):
        english, chinese = getattr(ENGLISH, field.name), getattr(CHINESE, field.name)
        assert english
        assert english != chinese
        if isinstance(english, str):
            assert [name for name in ("{app}", "{user}") if name in english] == [
                name for name in ("{app}", "{user}") if name in chinese
            ]
