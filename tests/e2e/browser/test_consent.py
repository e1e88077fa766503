"""Consent in real Chromium: the second tab, the card that turns green, deny, expiry, reload, a forwarded link."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.test_chat import SCREENSHOTS
from tests.e2e.questions import BY_NAME
from tests.e2e.running import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    running = RunningStack(tmp_path_factory.mktemp("browser-consent")).start()
    yield running
    running.stop()
    assert running.outside_connections() == ""


@pytest.mark.parametrize(("user", "language"), [("alice", "en"), ("bob", "zh")])
def test_allow_in_a_second_tab_and_the_answer_goes_on_by_itself(stack, profile, user, language):
    person = profile(user, language)
    question = getattr(BY_NAME["time"], language)
    person.ask(question)
    card = person.card()
    expect(card).to_contain_text("time.read")
    expect(card).to_contain_text("get_current_time")
    link = person.page.get_by_role("link", name=person.words["review"])
    assert link.get_attribute("href").startswith(f"{stack.url}/connect/")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    person.page.screenshot(path=SCREENSHOTS / f"permission-{language}.png")
    tab = person.review()
    tab.screenshot(path=SCREENSHOTS / f"connect-{language}.png")
    person.allow_everywhere(tab)
    tab.screenshot(path=SCREENSHOTS / f"connected-{language}.png")
    expect(person.page.get_by_text(person.words["allowed"]).first).to_be_visible()
    expect(person.page.locator("main")).to_contain_text(re.compile(r"\d\d:\d\d"))
    person.page.screenshot(path=SCREENSHOTS / f"answer-{language}.png")
    person.ask(question)
    expect(person.page.get_by_text("get_current_time")).to_have_count(2 + 1)
    expect(person.page.get_by_role("link", name=person.words["review"])).to_have_count(0)
    person.assert_clean()


def test_a_reload_in_mid_consent_changes_nothing(profile):
    alice = profile()
    alice.ask(BY_NAME["instances"].en)
    expect(alice.card()).to_be_visible()
    tab = alice.review()
    alice.page.reload()
    expect(alice.card()).to_be_visible()
    alice.allow_everywhere(tab)
    expect(alice.page.locator("main")).to_contain_text("i-")
    alice.assert_clean()


def test_deny_is_answered_in_words(profile):
    alice = profile()
    alice.ask(BY_NAME["document"].en)
    tab = alice.review()
    tab.get_by_role("button", name="Deny", exact=True).click()
    expect(alice.page.get_by_text("Denied").first).to_be_visible()
    expect(alice.message).to_be_enabled()
    alice.ask(BY_NAME["weather"].en)
    expect(alice.page.locator("main")).to_contain_text("Hangzhou")
    alice.assert_clean()


def test_a_forwarded_link_opened_by_the_other_user_is_refused(stack, profile):
    alice, bob = profile("alice"), profile("bob")
    alice.ask(BY_NAME["document"].en)
    link = alice.page.get_by_role("link", name="Review and allow").get_attribute("href")
    before = stack.last_request()
    answer = bob.page.goto(link)
    assert answer.status == 403
    expect(bob.page.get_by_role("button", name="Allow")).to_have_count(0)
    assert not [row for row in stack.requests(before) if row["action"] == "CompleteResourceTokenAuth"]
    expect(alice.card()).to_be_visible()
    alice.page.get_by_role("button", name="Cancel").click()
    expect(alice.message).to_be_enabled()


def test_expiry_turns_the_card_and_is_answered_in_words(stack, profile):
    """Last here: it moves the clock."""
    bob = profile("bob")
    bob.ask(BY_NAME["document"].en)
    expect(bob.card()).to_be_visible()
    stack.advance_clock(11 * 60)
    expect(bob.page.get_by_text("Expired").first).to_be_visible(timeout=30_000)
    expect(bob.message).to_be_enabled()
    bob.assert_clean()
