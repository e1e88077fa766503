"""The operator's policy has what a life took, on the stack's own resources, and the documents say so."""

import json
from pathlib import Path

import pytest

from functions.tool.manifest import TOOLS
from infra.config import LONGEST_POLICY, StackConfig
from infra.declaration import declare
from infra.inputs import StackInputs
from infra.operator_policy import likened, needed, policies, recorded, resources

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
ACCOUNT = "1234567890123456"
INPUTS = StackInputs(ACCOUNT, "cn-beijing", "https://dev.agent.example")
LOCAL = StackInputs(ACCOUNT, "cn-beijing", "http://localhost:8090", cloud_url="http://127.0.0.1:1")


def stack_of(inputs, name="dev"):
    return declare(inputs.stack_config(name), TOOLS)


def actions(statements):
    return {action for each in statements for action in each.actions}


def rows():
    """Return the table of the documents."""
    seen = recorded()
    cells = [(kind, *(", ".join(f"`{action}`" for action in seen[kind].get(when, ())) for when in ("up", "destroy")))
             for kind in seen]  # fmt: skip
    head = ["| on | to apply and change it | only to destroy it |", "|---|---|---|"]
    return [*head, *(f"| {kind} | {up or '–'} | {end or '–'} |" for kind, up, end in cells)]


def test_the_documents_table_is_what_was_recorded():
    assert "\n".join(rows()) in DOCUMENT.read_text("utf-8")


def test_a_stack_without_queues_or_a_domain_takes_nothing_for_them():
    taken = actions(needed(stack_of(LOCAL), LOCAL, "up", "destroy"))
    assert not [each for each in taken if each.startswith("mns:") or "CustomDomain" in each]
    assert "fc:CreateFunction" in taken


def test_logs_take_permissions_only_where_they_are_kept():
    kept = actions(needed(stack_of(INPUTS), INPUTS, "up"))
    none = StackInputs(ACCOUNT, "cn-beijing", "https://dev.agent.example", log_retention_days=0)
    assert "log:CreateProject" in kept
    assert not [each for each in actions(needed(stack_of(none), none, "up")) if each.startswith("log:")]


def test_what_only_destroying_takes_is_apart():
    assert "fc:DeleteFunction" not in actions(needed(stack_of(INPUTS), INPUTS, "up"))
    assert "fc:DeleteFunction" in actions(needed(stack_of(INPUTS), INPUTS, "destroy"))
    assert "fc:GetFunction" not in actions(needed(stack_of(INPUTS), INPUTS, "destroy"))


def test_no_resource_is_another_stacks():
    for kind, found in resources(stack_of(INPUTS), INPUTS).items():
        named = [each for each in found if "fujie-" in each]
        assert all("fujie-dev" in each for each in named), kind


def test_a_policy_that_is_too_long_comes_in_parts_that_ram_takes():
    name = "a" * 20
    inputs = StackInputs(ACCOUNT, "ap-southeast-1", f"https://{name}.dev.agent.example")
    parts = policies(stack_of(inputs, name), inputs)
    assert len(parts) > 1
    assert max(map(len, parts)) <= LONGEST_POLICY
    said = [each for part in parts for each in json.loads(part)["Statement"]]
    assert said == [each.document() for each in needed(stack_of(inputs, name), inputs, "up", "destroy")]


@pytest.mark.parametrize(("named", "domain"), [("", "dev.agent.example"), ("pr-*", "pr-*.dev.agent.example")])
def test_a_stack_like_another_is_below_its_domain(named, domain):
    stack, inputs = likened("dev", named, INPUTS, Path())
    assert inputs.domain == domain
    assert isinstance(stack.config, StackConfig)
    assert stack.config.function_name("chat") == f"fujie-{named or 'dev'}-chat"
