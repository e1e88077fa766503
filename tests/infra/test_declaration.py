"""The stack as data: names, routes, and that nobody may do more than its job."""

import json

import pytest

from fujie import STS, APIKey, OAuth, ToolContext, tool
from infra.config import StackConfig
from infra.declaration import ROUTES, declare


@tool(credential=APIKey("maps"), hosts=["maps.example"])
async def find_place(context: ToolContext, name: str) -> str:
    """Find a place."""
    return name


@tool(credential=OAuth("mail", {"mail.read": "Read your mail"}, issuer="https://mail.example"), hosts=["mail.example"])
async def read_mail(context: ToolContext) -> str:
    """Read the newest mail."""
    return ""


@tool(
    credential=STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/users/{user}/{name}"]),
    hosts=["oss.example"],
)
async def read_file(context: ToolContext, name: str) -> str:
    """Read a file."""
    return name


TOOLS = [find_place, read_mail, read_file]
CONFIG = StackConfig(
    stack="test", account_id="1234567890123456", region="cn-beijing", public_url="https://agent.example", bucket="b"
)


@pytest.fixture
def stack():
    return declare(CONFIG, TOOLS)


def statements(stack, role):
    return next(r for r in stack.roles if r.name == f"fujie-test-{role}-role").statements


def test_every_name_carries_the_stack(stack):
    named = [*stack.applications, *stack.identity_providers, *stack.roles, *stack.workload_identities]
    assert all(item.name.startswith("fujie-test-") for item in named)


def test_providers_come_from_the_tools(stack):
    assert [provider.name for provider in stack.api_key_providers] == ["maps"]
    assert [(provider.name, provider.issuer) for provider in stack.oauth2_providers] == [
        ("mail", "https://mail.example")
    ]


def test_the_workload_role_is_trusted_for_this_one_identity_only(stack):
    role = next(role for role in stack.roles if role.name == "fujie-test-agent-role")
    (statement,) = role.trust_document()["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"sts:RequestContext/agentidentity:WorkloadIdentityArn": role.workload_identity_arn}
    }
    assert role.workload_identity_arn.endswith("workloadidentity/fujie-test-agent")


def test_the_tool_function_may_fetch_only_the_declared_providers(stack):
    _, *fetching = statements(stack, "tool")
    resources = {resource for statement in fetching for resource in statement.resources}
    assert not [resource for resource in resources if "*" in resource]
    assert {resource.rsplit("/", 1)[1] for resource in resources} == {"fujie-test-agent", "maps", "mail"}


def test_process_may_do_nothing_in_the_cloud(stack):
    assert statements(stack, "process") == ()


def test_objects_are_limited_to_the_stacks_bucket(stack):
    (statement,) = statements(stack, "agent")
    assert statement.actions == ("oss:GetObject",)
    assert all(":b/users/" in resource for resource in statement.resources)


def test_policies_are_small_enough_for_ram(stack):
    assert all(len(json.dumps(role.policy_document())) <= 6144 for role in stack.roles)


def test_a_stack_without_tools_has_no_providers():
    stack = declare(CONFIG, [])
    assert stack.api_key_providers == stack.oauth2_providers == ()
    assert [statement.actions[0] for statement in statements(stack, "tool")] == [
        "agentidentitydata:GetWorkloadAccessTokenForJWT"
    ]


def test_a_providers_callback_address_is_stable_and_its_own(stack):
    again = declare(CONFIG, TOOLS)
    assert [p.callback_url for p in stack.oauth2_providers] == [p.callback_url for p in again.oauth2_providers]
    assert CONFIG.provider_callback_url("mail") != CONFIG.provider_callback_url("maps")


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/", "chat"),
        ("/api/chat", "chat"),
        ("/auth/login", "chat"),
        ("/callback_for_oauth", "chat"),
        ("/connect/abc", "callback"),
        ("/callback", "callback"),
        ("/process", "process"),
        ("/.well-known/agent-card.json", "process"),
        ("/tools/x/call", "tool"),
        ("/mcp/tools", "tool"),
        ("/mcp", "process"),
    ],
)
def test_the_one_origin_serves_each_path_from_its_function(path, function):
    def matches(pattern):
        return path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))

    assert next(owner for pattern, owner in ROUTES if matches(pattern)) == function
