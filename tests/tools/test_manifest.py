import subprocess
import sys

import pytest

from fujie import STS, APIKey, OAuth, tool
from fujie.tools.errors import ToolDeclarationError
from fujie.tools.manifest import ProviderNeed, StatementNeed, providers_needed, statements_needed


def made(name, credential):
    async def function(context, name: str = ""):
        """Do it."""

    return tool(name=name, credential=credential, hosts=["a.example"])(function)


def test_tools_of_one_provider_need_it_once_with_all_their_scopes():
    read = made("read", OAuth("d", {"r": "Read"}, display_name="D", vendor="DingTalkOAuth2"))
    write = made("write", OAuth("d", {"w": "Write"}, vendor="DingTalkOAuth2", issuer="https://d.example"))
    assert providers_needed([write, made("key", APIKey("a")), read]) == (
        ProviderNeed("api_key", "a"),
        ProviderNeed("oauth", "d", "DingTalkOAuth2", {"r": "Read", "w": "Write"}, "https://d.example", "D"),
    )


def test_a_provider_is_told_whose_tokens_it_gives():
    machine = made("robot", OAuth("m", {"r": "R"}, flow="M2M"))
    assert [need.flow for need in providers_needed([machine, made("u", OAuth("u", {"r": "R"}))])] == [
        "M2M",
        "USER_FEDERATION",
    ]


@pytest.mark.parametrize(
    "other",
    [
        APIKey("d"),
        OAuth("d", {"r": "R"}, vendor="AliyunOAuth2"),
        OAuth("d", {"r": "R"}, issuer="https://other.example"),
        OAuth("d", {"r": "R"}, flow="M2M"),
    ],
    ids=["another kind", "another vendor", "another issuer", "another flow"],
)
def test_one_provider_described_in_two_ways_is_refused(other):
    first = made("first", OAuth("d", {"r": "R"}, issuer="https://d.example"))
    with pytest.raises(ToolDeclarationError, match="second"):
        providers_needed([first, made("second", other)])


def test_statements_are_the_widest_of_any_call_and_each_is_listed_once():
    credential = STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/users/{user}/files/{name}"])
    tools = [made("one", credential), made("two", credential), made("key", APIKey("a"))]
    expected = StatementNeed(("oss:GetObject",), ("acs:oss:*:*:{bucket}/users/*/files/*",))
    assert statements_needed(tools) == (expected,)


def test_deriving_needs_imports_no_client():
    code = "import sys, fujie.tools.manifest; sys.exit(bool({'httpx2', 'pydantic', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
