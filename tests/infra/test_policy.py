"""What the table says is what the roles allow, and nothing is allowed on everything where less is known."""

from dataclasses import replace

import pytest

from functions.tool.manifest import TOOLS
from infra.config import StackConfig
from infra.declaration import Role, Statement, declare
from infra.policy import needlessly_wide, permissions, table

ACCOUNT = "1234567890123456"
CONFIG = StackConfig("dev", ACCOUNT, "cn-beijing", "https://agent.example", f"fujie-dev-{ACCOUNT}")


@pytest.fixture(scope="module")
def stack():
    return declare(CONFIG, TOOLS)


def test_no_statement_is_wide_open_where_a_narrower_resource_is_known(stack):
    assert needlessly_wide(stack.roles) == ()


@pytest.mark.parametrize(
    ("actions", "resources"),
    [
        (("oss:GetObject",), ("*",)),
        (("oss:*",), ("acs:oss:*:*:b/users/*",)),
        (("agentidentitydata:CompleteResourceTokenAuth", "fc:InvokeFunction"), ("*",)),
        (("agentidentitydata:GetResourceAPIKey",), ("acs:x", "*")),
    ],
)
def test_a_statement_that_could_say_less_is_found(actions, resources):
    wide = Statement(actions, resources)
    assert needlessly_wide([Role("r", "fc.aliyuncs.com", (wide,))]) == (("r", wide),)


def test_every_action_on_every_resource_of_every_role_is_a_row(stack):
    rows = permissions(stack)
    said = {(each.action, each.resource) for each in rows if each.action}
    allowed = {(a, r) for role in stack.roles for each in role.statements for a in each.actions for r in each.resources}
    assert said == allowed
    assert {each.who for each in rows} == {"", "chat", "process", "callback", "tool"}
    assert [each.action for each in rows if each.who == "process"] == [""]


def test_the_table_names_who_may_do_what_on_what(stack):
    lines = table(stack).splitlines()
    assert lines[0] == f"Stack dev, account {ACCOUNT}, cn-beijing"
    (chat,) = [line.split() for line in lines if line.startswith("chat ")]
    assert chat == ["chat", "fc:InvokeFunction", f"acs:fc:cn-beijing:{ACCOUNT}:functions/process"]
    assert "process                  nothing in the cloud" in lines
    arn = stack.workload_identities[0].name
    assert lines[-5].endswith(f"/workloadidentity/{arn} alone")


def test_the_columns_stand_below_each_other_in_chinese_too(stack):
    lines = table(stack, "zh").splitlines()
    assert lines[0].startswith("堆栈 dev")
    chat = next(line for line in lines if line.startswith("chat "))
    workload = next(line for line in lines if line.startswith("工具"))
    wide = sum(ord(each) > 0x7F for each in workload[: workload.index("oss:")])
    assert chat.index("fc:") == workload.index("oss:") + wide
    assert not [line for line in lines if "MAY" in line or "nothing" in line]


def test_where_nothing_is_wide_no_footnote_says_so(stack):
    narrow = replace(stack, roles=stack.roles[:3])
    assert "narrower" in table(stack)
    assert "narrower" not in table(narrow)
