"""The chat in real Chromium: sign in, ask, see the answer stream and what served it."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.questions import BY_NAME

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
SCREENSHOTS = Path(os.environ.get("FUJIE_TESTS_SCREENSHOTS") or "test-results")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_sign_in_ask_and_see_the_card_of_the_call(profile, user, language):
    person = profile(user, language)
    person.ask(getattr(BY_NAME["weather"], language))
    card = person.page.get_by_text("get_weather").first
    expect(card).to_be_visible()
    expect(person.page.locator("main")).to_contain_text({"en": "Hangzhou", "zh": "杭州"}[language])
    expect(person.page.get_by_text("API key").or_(person.page.get_by_text("API 密钥")).first).to_be_visible()
    person.assert_clean()


def test_the_page_before_sign_in_says_what_this_is(profile):
    person = profile(signed_in=False)
    page = person.context.new_page()
    page.goto(person.stack.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("body")).to_contain_text("consent")
    assert person.loaded == {person.stack.url}
    person.assert_clean()


def test_an_answer_can_be_stopped(profile):
    alice = profile()
    alice.ask("count to 400")
    stop = alice.page.get_by_role("button", name="Stop", exact=True)
    expect(alice.page.locator("main")).to_contain_text("5")
    stop.click()
    expect(stop).to_be_hidden()
    alice.ask(BY_NAME["weather"].en)
    expect(alice.page.locator("main")).to_contain_text("Hangzhou")
    alice.assert_clean()


def test_everything_can_be_done_with_the_keyboard(profile):
    alice = profile()
    alice.message.focus()
    alice.page.keyboard.type(BY_NAME["schedule"].en)
    alice.page.keyboard.press("Enter")
    expect(alice.page.locator("main")).to_contain_text("09:30")
    expect(alice.message).to_be_focused()
    alice.assert_clean()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_markdown_is_rendered_without_raw_html(profile, language):
    alice = profile(language=language)
    alice.ask("<img src=x onerror=alert(1)><b>bold</b>")
    expect(alice.page.get_by_text("<b>bold</b>", exact=False).first).to_be_visible()
    assert alice.page.locator("main img").count() == 0
    alice.assert_clean()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_the_screen_in_both_themes(profile, theme, width, language):
    alice = profile(theme=theme, width=width, language=language)
    alice.ask(getattr(BY_NAME["weather"], language))
    expect(alice.page.get_by_text("get_weather").first).to_be_visible()
    expect(alice.page.get_by_role("button", name=alice.words["send"], exact=True)).to_be_visible()
    overflow = alice.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    alice.page.screenshot(path=SCREENSHOTS / f"chat-{language}-{theme}-{width}.png")
    alice.assert_clean()
