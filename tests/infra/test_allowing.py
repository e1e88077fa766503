"""A policy allows what it says, and what it certainly does not allow is found."""

import pytest

from infra.allowing import allows, allows_some, missing, named
from infra.declaration import Statement

ROLE = "acs:ram:*:1:role/fujie-dev-tool-role"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {**allow(action, resource, **more), "Effect": "Deny"}


CONDITION = {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([allow("*")], True),
        ([allow("ram:*")], True),
        ([allow("RAM:getrole")], True),
        ([allow(["oss:*", "ram:Get*"])], True),
        ([allow("ram:GetRol?")], True),
        ([allow("ram:Get")], False),
        ([allow("ram:GetRole", ["acs:ram:*:1:role/fujie-dev-*"])], True),
        ([allow("ram:GetRole", ["acs:ram:*:1:role/fujie-prod-*"])], False),
        ([allow("ram:GetRole", "ACS:ram:*:1:role/*")], False),
        ([allow("*"), deny("ram:GetRole")], False),
        ([deny("ram:*"), allow("*")], False),
        ([allow("*"), deny("ram:GetRole", Condition=CONDITION)], True),
        ([allow("ram:GetRole", Condition=CONDITION)], True),
        ([allow("*"), deny("ram:DeleteRole")], True),
        ([{"Effect": "Allow", "NotAction": "ram:Delete*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "ram:Get*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "acs:ram:*:1:role/*"}], False),
    ],
)
def test_a_policy_allows_what_it_says(statements, expected):
    assert allows([{"Version": "1", "Statement": statements}], "ram:GetRole", ROLE) is expected


def test_several_policies_allow_together_and_one_statement_needs_no_list():
    policies = [{"Statement": allow("ram:GetRole")}, {"Statement": allow("ram:PassRole")}]
    assert allows(policies, "ram:PassRole", ROLE)
    assert not allows([*policies, {"Statement": deny("*")}], "ram:PassRole", ROLE)


def test_a_pattern_is_allowed_by_a_wider_one_only():
    policy = {"Statement": [allow("oss:GetObject", "acs:oss:*:1:code/a/*")]}
    assert allows([policy], "oss:GetObject", "acs:oss:*:1:code/a/b/*")
    assert not allows([policy], "oss:GetObject", "acs:oss:*:1:code/*")


TRIGGERS = "acs:fc:cn-beijing:1:functions/f/triggers/*"
ONE = "acs:fc:cn-beijing:1:functions/f/triggers/on-a"


@pytest.mark.parametrize(
    ("statements", "resource", "expected"),
    [
        ([allow("fc:*", ONE)], TRIGGERS, True),
        ([allow("fc:CreateTrigger", ["acs:oss:*", ONE])], TRIGGERS, True),
        ([allow("fc:GetTrigger", ONE)], TRIGGERS, False),
        ([allow("fc:CreateTrigger", "acs:fc:cn-beijing:1:functions/g/triggers/on-a")], TRIGGERS, False),
        ([allow("fc:CreateTrigger", ONE), deny("fc:*", TRIGGERS)], TRIGGERS, False),
        ([allow("fc:CreateTrigger", ONE)], "acs:fc:cn-beijing:1:functions/f/triggers/on-?", False),
        ([], TRIGGERS, False),
    ],
)
def test_what_a_pattern_stands_for_may_be_allowed_piece_by_piece(statements, resource, expected):
    policies = [{"Statement": statements}]
    assert not allows(policies, "fc:CreateTrigger", resource)
    assert allows_some(policies, "fc:CreateTrigger", resource) is expected


def test_what_is_missing_is_named_by_action_with_one_resource_and_the_rest_counted():
    wanted = [Statement(("ram:GetRole", "ram:PassRole"), ("r1", "r2")), Statement(("a:B", "c:D"), ("r3",))]
    found = tuple(missing([{"Statement": [allow("ram:GetRole", "r1")]}], wanted))
    assert found[0] == ("ram:GetRole", "r2")
    assert named(found) == "ram:GetRole on r2, ram:PassRole on r1, a:B on r3 and 1 others"
    assert named(found[:1]) == "ram:GetRole on r2"
