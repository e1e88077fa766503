"""The page that shows what the account holds: all of it, in two languages, and no secret."""

import asyncio
import json
import re

import httpx2
import pytest

from fujie_emulator.agentidentitydata import vault
from fujie_emulator.agentidentitydata.upstream import TokenAnswer
from fujie_emulator.agentidentitydata.wat import UserContext
from fujie_emulator.core.importing import import_resources
from fujie_emulator.core.services import load_services
from fujie_emulator.inspector.words import words_in
from fujie_emulator.testing import running

HOSTILE = "<script>alert(1)</script>"
RESOURCES = [
    {
        "service": "ram",
        "action": "CreateRole",
        "parameters": {
            "RoleName": "reader",
            "AssumeRolePolicyDocument": {
                "Version": "1",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}
                ],
            },
        },
    },
    {
        "service": "agentidentity",
        "action": "CreateIdentityProvider",
        "parameters": {
            "IdentityProviderName": "idp",
            "DiscoveryURL": "https://idp.example",
            "AllowedAudience": ["aud"],
        },
    },
    {
        "service": "agentidentity",
        "action": "CreateAPIKeyCredentialProvider",
        "parameters": {"APIKeyCredentialProviderName": "weather", "APIKey": "canary-api-key"},
    },
    {
        "service": "agentidentity",
        "action": "CreateWorkloadIdentity",
        "parameters": {"WorkloadIdentityName": "desk", "IdentityProviderName": "idp"},
    },
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        yield served


@pytest.fixture
def page(served):
    def page(query="", language="en"):
        url, headers = f"{served.url}/_fujie/{query}", {"accept-language": language}
        return httpx2.get(url, headers=headers, trust_env=False)

    return page


@pytest.fixture(scope="module", autouse=True)
def filled(served):
    asyncio.run(import_resources(served.cloud, load_services(), {"resources": RESOURCES}))
    alice = UserContext("jwt", served.cloud.users[0].user_id, f"{served.url}/oauth")
    answer = TokenAnswer("canary-access", "canary-refresh", 600, ("books.read", HOSTILE))
    vault.keep(served.cloud, "crm", alice.key, answer)
    session = {"identity": "desk", "provider": "crm", "owner": alice.key, "scopes": [], "status": "opened"}
    secrets = {"code": "canary-code", "verifier": "canary-verifier", "custom_state": "canary-state"}
    served.cloud.store.put("agentidentitydata", "session", "canary-session", session | secrets | {"expires_at": 1.0})
    headers = {"x-acs-version": "2015-04-01", "x-acs-action": HOSTILE}
    httpx2.post(f"{served.url}/", headers=headers, trust_env=False)


def test_it_lists_what_there_is(page):
    text = page().text
    for shown in ("desk", "idp", "weather", "reader", "fc.aliyuncs.com", "crm", "alice", "books.read", "opened"):
        assert shown in text


def test_it_shows_no_secret(page, served):
    text = page().text
    assert "canary-s" in text  # the first letters of a session's id tell sessions apart
    for secret in ("api-key", "access", "refresh", "code", "verifier", "state", "session"):
        assert f"canary-{secret}" not in text
    assert served.access_key_secret not in text


def test_what_others_wrote_stays_text(page):
    text = page().text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


def test_it_needs_no_script_and_allows_none(page):
    answer = page()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert not re.search(r"\son\w+=|javascript:|style=", answer.text)
    assert answer.headers["x-frame-options"] == "DENY"


def test_it_speaks_the_browser_s_language_or_the_one_asked_for(page):
    assert 'lang="zh"' in page(language="zh-CN,zh;q=0.9").text
    assert "模拟云" in page("?lang=zh").text
    assert "Emulated cloud" in page("?lang=en", language="zh").text
    assert "Emulated cloud" in page("?lang=%3Cx", language="fr").text


def test_both_languages_have_the_same_words():
    english, chinese = words_in("en"), words_in("zh")
    assert english.keys() == chinese.keys()
    assert all(chinese.values())


def test_a_denial_shows_the_statement_that_decided(page, served):
    denied = {"Effect": "Deny", "Action": "oss:GetObject", "Resource": "*"}
    with served.cloud.journal.entry("oss", "GetObject") as entry:
        entry.status, entry.code = 403, "AccessDenied"
        entry.decision = {"effect": "Deny", "policy_type": "SessionPolicy", "statement": denied}
        served.cloud.journal.keep(entry)
    text = page("?only=refused").text
    assert "SessionPolicy" in text
    assert json.dumps(denied, indent=1).replace('"', "&#34;") in text


def test_only_refusals_when_asked(page, served):
    with served.cloud.journal.entry("sts", "WentWell") as entry:
        entry.status = 200
        served.cloud.journal.keep(entry)
    assert "WentWell" in page().text
    assert "WentWell" not in page("?only=refused").text


def test_looking_leaves_no_trace(page, served):
    before = served.cloud.journal.after(0)
    page()
    assert served.cloud.journal.after(0) == before
