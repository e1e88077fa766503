"""Real Chromium, one profile per person; it may load from the stack and the emulated cloud, and nothing else."""

import os
import shutil
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
]
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
WORDS = {
    "en": {
        "sign in": "Sign in",
        "message": "Message",
        "send": "Send",
        "stop": "Stop",
        "needed": "Permission needed",
        "review": "Review and allow",
        "allow": "Allow",
        "deny": "Deny",
        "cancel": "Cancel",
        "allowed": "Allowed",
        "denied": "Denied",
        "expired": "Expired",
    },
    "zh": {
        "sign in": "登录",
        "message": "消息",
        "send": "发送",
        "stop": "停止",
        "needed": "需要授权",
        "review": "查看并授权",
        "allow": "允许",
        "deny": "拒绝",
        "cancel": "取消",
        "allowed": "已授权",
        "denied": "已拒绝",
        "expired": "已过期",
    },
}


@pytest.fixture(scope="module")
def chromium():
    """One browser per module: Playwright's loop would be in the way of other modules' tests."""
    if CHROMIUM is None:
        if os.environ.get("FUJIE_TESTS_REQUIRE_ALL"):
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Profile:
    """One person at one browser: what he sees and does, in his language."""

    context: object
    stack: object
    words: dict
    user: str
    console: list = field(default_factory=list)
    loaded: set = field(default_factory=set)
    page: object = None

    def watch(self, page):
        page.on("console", lambda message: self._note(message.type, f"{message.text} ({message.location.get('url')})"))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("request", lambda request: self.loaded.add("{0.scheme}://{0.netloc}".format(urlsplit(request.url))))
        return page

    def _note(self, kind, text):
        if kind in {"error", "warning"}:
            self.console.append(text)

    def sign_in(self):
        self.page = self.context.new_page()
        self.page.goto(self.stack.url)
        self.page.get_by_role("button", name=self.words["sign in"]).or_(
            self.page.get_by_role("link", name=self.words["sign in"])
        ).first.click()
        self.page.get_by_role("button", name=self.user, exact=True).click()
        self.message.wait_for()
        return self

    @property
    def message(self):
        return self.page.get_by_role("textbox", name=self.words["message"])

    def ask(self, text):
        self.message.fill(text)
        self.page.get_by_role("button", name=self.words["send"], exact=True).click()

    def card(self):
        return (
            self.page.get_by_role("region", name=self.words["needed"])
            .or_(self.page.get_by_role("group", name=self.words["needed"]))
            .last
        )

    def review(self):
        """Open the connect page in a second tab and return the tab."""
        with self.context.expect_page() as opened:
            self.page.get_by_role("link", name=self.words["review"]).last.click()
        opened.value.wait_for_load_state()
        return opened.value

    def allow_everywhere(self, tab):
        """Press Allow on our page and on the provider's."""
        for _ in range(2):
            tab.get_by_role("button", name=self.words["allow"], exact=True).click()
            tab.wait_for_load_state()
        return tab

    def assert_clean(self):
        assert self.console == []
        assert self.loaded <= {self.stack.url, self.stack.cloud}


@pytest.fixture
def profile(chromium, stack):
    """A function that returns a signed-in person with a browser profile of his own."""
    profiles = []

    def make(user="alice", language="en", *, theme="light", width=1280, on=None, signed_in=True):
        context = chromium.new_context(
            locale={"en": "en-US", "zh": "zh-CN"}[language],
            color_scheme=theme,
            viewport={"width": width, "height": 800},
        )
        context.set_default_timeout(15_000)
        person = Profile(context, on or stack, WORDS[language], user)
        context.on("page", person.watch)
        profiles.append(person)
        return person.sign_in() if signed_in else person

    yield make
    for person in profiles:
        person.context.close()
