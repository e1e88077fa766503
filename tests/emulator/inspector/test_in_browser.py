"""The page as a person sees it: readable on a phone and in the dark, with nothing that the browser complains of."""

import httpx2
import pytest

from fujie_emulator.testing import running
from tests.e2e.browser.profile import chromium  # noqa: F401 - the fixture
from tests.emulator.inspector.test_page import RESOURCES

pytestmark = pytest.mark.browser
DENIED = {"Effect": "Deny", "Action": "oss:GetObject", "Resource": [f"acs:oss:*:1900000000000001:{'deep/' * 30}*"]}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        url, body = f"{served.url}/_fujie/import", {"resources": RESOURCES}
        httpx2.post(url, json=body, headers=served.admin_headers, trust_env=False).raise_for_status()
        with served.cloud.journal.entry("oss", "GetObject") as entry:
            entry.status, entry.code = 403, "AccessDenied"
            entry.decision = {"effect": "Deny", "policy_type": "SessionPolicy", "statement": DENIED}
            served.cloud.journal.keep(entry)
        yield f"{served.url}/_fujie/"


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(375, "light", "zh-CN"), (375, "dark", "en"), (1280, "dark", "zh-CN")]
)
def test_it_fits_and_the_browser_has_no_complaint(chromium, url, width, scheme, locale):  # noqa: F811 - see above
    with chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale=locale) as context:
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(url)
        page.locator("summary").first.click()
        assert page.get_by_text("acs:oss:*").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(16, 20, 27)" if scheme == "dark" else "rgb(238, 241, 246)"
        )
        assert complaints == []


def test_the_statement_that_decided_opens_by_keyboard_and_without_script(chromium, url):  # noqa: F811 - see above
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{url}?only=refused")
        assert page.locator("details pre").first.is_hidden()
        page.locator("summary").first.press("Enter")
        assert page.locator("details pre").first.is_visible()
        page.get_by_role("link", name="中文").click()
        assert page.get_by_role("heading", name="模拟云").is_visible()
