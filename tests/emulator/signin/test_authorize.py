"""The page where a person says who he is and what he allows."""

import pytest

from tests.contract.identity_stack import query_of, submit
from tests.emulator.signin.conftest import AUTHORIZE, Attempt


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_one_button_per_demo_user_signs_in(browser, cloud, apps, user):
    page = Attempt(apps.web).page(browser)
    assert f'name="user" value="{user}"' in page.text
    answer = submit(browser, page, user=user)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://localhost:8090/auth/callback?")
    returned = query_of(answer.headers["location"])
    assert returned["state"] == "state-1"
    assert returned["iss"] == f"{cloud.base_url}/oauth"
    assert len(returned["code"]) > 40


def test_a_registered_query_stays_in_front_of_the_answer(browser, apps):
    attempt = Attempt(apps.web, redirect_uri="https://chat.example/cb?keep=1")
    assert attempt.returned(browser, user="alice")["keep"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "4000000000000000000"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://localhost:8090/auth/callback/"},
        {"redirect_uri": "http://localhost:8091/auth/callback"},
        {"redirect_uri": "http://localhost:8090/auth/callback?x=1"},
        {"redirect_uri": "https://evil.example/auth/callback"},
    ],
)
def test_an_unknown_client_or_redirect_uri_redirects_nobody(browser, apps, changes):
    answer = Attempt(apps.web, **changes).page(browser)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("http://127.0.0.1:8090/cb", 200),
        ("http://127.0.0.1:51234/cb", 200),
        ("http://127.0.0.1:51234/other", 400),
        ("http://localhost:51234/cb", 400),
        ("http://127.0.0.1.evil.example:1/cb", 400),
        ("http://x@127.0.0.1:1/cb", 400),
        ("http://127.0.0.1:99999999/cb", 400),
    ],
)
def test_a_native_applications_loopback_address_matches_on_any_port(browser, apps, uri, status):
    assert Attempt(apps.native, redirect_uri=uri).page(browser).status_code == status


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "openid /acs/mcp-server"}, "invalid_scope"),
        ({"scope": "openid  profile"}, "invalid_scope"),
        ({"request_uri": "urn:x"}, "request_not_supported"),
        ({"nonce": "n" * 3000}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_is_told_to_the_client(browser, cloud, apps, changes, error):
    answer = Attempt(apps.web, **changes).page(browser)
    returned = query_of(answer.headers["location"])
    assert (answer.status_code, returned["error"], returned["state"]) == (302, error, "state-1")
    assert returned["iss"] == f"{cloud.base_url}/oauth"
    assert "code" not in returned


def test_a_repeated_parameter_is_refused(browser, apps):
    pairs = [*Attempt(apps.web).query.items(), ("scope", "openid"), ("scope", "profile")]
    assert query_of(browser.get(AUTHORIZE, params=pairs).headers["location"])["error"] == "invalid_request"


def test_an_application_of_protocol_2_0_may_do_without_pkce(browser, apps):
    attempt = Attempt(apps.old, code_challenge=None, code_challenge_method=None)
    code = attempt.returned(browser, user="alice")["code"]
    assert attempt.redeem(browser, code, code_verifier=None).status_code == 200
    code = attempt.returned(browser, user="alice")["code"]
    assert attempt.redeem(browser, code).json()["error"] == "invalid_grant"  # a verifier, but no challenge


def test_a_page_is_answered_once_and_within_ten_minutes(browser, cloud, apps):
    page = Attempt(apps.web).page(browser)
    submit(browser, page, user="alice")
    assert submit(browser, page, user="alice").status_code == 400
    late = Attempt(apps.web).page(browser)
    cloud.clock.advance(601)
    assert submit(browser, late, user="alice").status_code == 400


def test_an_unknown_user_gets_the_page_again_and_no_code(browser, apps):
    answer = submit(browser, Attempt(apps.web).page(browser), user="mallory")
    assert answer.status_code == 200
    assert 'value="alice"' in answer.text


def test_a_third_party_is_allowed_on_a_second_page(browser, apps):
    attempt = Attempt(apps.native, scope="openid /acs/mcp-server")
    consent = submit(browser, attempt.page(browser), user="alice")
    assert consent.status_code == 200
    assert "Call Alibaba Cloud MCP servers for you" in consent.text
    returned = query_of(submit(browser, consent, decision="allow").headers["location"])
    assert attempt.redeem(browser, returned["code"]).json()["scope"] == "openid /acs/mcp-server"


def test_a_third_party_that_is_denied_hears_so_and_gets_nothing(browser, apps):
    attempt = Attempt(apps.native, scope="openid /acs/mcp-server")
    consent = submit(browser, attempt.page(browser), user="alice")
    returned = query_of(submit(browser, consent, decision="deny").headers["location"])
    assert (returned["error"], "code" in returned) == ("access_denied", False)
    assert submit(browser, consent, decision="allow").status_code == 400


def test_a_login_hint_leads_straight_to_the_question(browser, cloud, apps):
    for hint in ("bob", cloud.account.user("bob").user_id, f"bob@{cloud.account_id}.onaliyun.com"):
        page = Attempt(apps.native, scope="openid /acs/mcp-server", login_hint=hint).page(browser)
        assert 'name="user" value="bob"' in page.text
        assert "Allow" in page.text
    switched = submit(browser, page, decision="switch")
    assert 'name="user" value="alice"' in switched.text


def test_a_remembered_login_skips_the_page_only_when_the_client_hints_or_asks_for_silence(browser, apps):
    submitted = submit(browser, Attempt(apps.web).page(browser), user="alice")
    cookie = submitted.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "alice" not in cookie
    assert Attempt(apps.web).page(browser).status_code == 200
    assert Attempt(apps.web, login_hint="bob").page(browser).status_code == 200
    assert "code=" in Attempt(apps.web, login_hint="alice").page(browser).headers["location"]
    assert "code=" in Attempt(apps.web, prompt="none").page(browser).headers["location"]
    silent = Attempt(apps.native, prompt="none", scope="openid /acs/mcp-server").page(browser)
    assert query_of(silent.headers["location"])["error"] == "consent_required"


def test_a_login_is_forgotten_after_eight_hours(browser, cloud, apps):
    submit(browser, Attempt(apps.web).page(browser), user="alice")
    cloud.clock.advance(8 * 3600 + 1)
    answer = Attempt(apps.web, prompt="none").page(browser)
    assert query_of(answer.headers["location"])["error"] == "login_required"


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_a_form_from_another_site_is_refused(browser, apps, headers):
    page = Attempt(apps.web).page(browser)
    browser.headers.update(headers)
    assert submit(browser, page, user="alice").status_code == 400


def test_the_page_is_plain_safe_html_in_the_readers_language(browser, apps):
    page = Attempt(apps.web).page(browser)
    assert "Chat &lt;b&gt;&amp;" in page.text
    assert "<script" not in page.text
    assert "Emulated" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http://*.localhost:*" in policy, "a consent's way back ends at the product's own domain"
    assert page.headers["cache-control"] == "no-store"
    browser.headers["accept-language"] = "fr;q=0.9, zh-CN;q=0.8, en;q=0.1"
    assert "请选择登录" in Attempt(apps.web).page(browser).text


def test_the_pages_style_is_the_one_its_policy_allows(browser, apps):
    import base64
    import hashlib

    page = Attempt(apps.web).page(browser)
    style = page.text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
