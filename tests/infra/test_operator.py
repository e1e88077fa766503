"""Whoever applies a stack may do what `fujie policy operator` prints, and no more: one life of it, in order."""

import json

import pytest

from fujie_emulator.ram.policy import Question, judge, policy_from_document
from infra.engine.running import EngineError
from infra.operator_policy import LONGEST_POLICY, needed, policies, recorded
from infra.permission import NotPermittedError, check
from tests.infra.operator_life import NOTHING, Life
from tests.infra.test_up import inventory

pytestmark = pytest.mark.engine

RECORD_AGAIN = "run `.venv/bin/python -m tests.infra.operator_life`, and look at the difference"


@pytest.fixture(scope="module")
def life(engine, cloud, tmp_path_factory):
    return Life(engine, cloud, tmp_path_factory.mktemp("life"))


@pytest.fixture(scope="module")
def exact(life):
    return policies(life.stack, life.inputs)


@pytest.fixture(scope="module")
def before(life, cloud):
    return inventory(cloud)


def without(exact, action):
    """Return the policies without one action, in whatever statement it is."""
    read = [json.loads(each) for each in exact]
    for statement in (statement for policy in read for statement in policy["Statement"]):
        statement["Action"] = [each for each in statement["Action"] if each != action]
    kept = [{**policy, "Statement": [each for each in policy["Statement"] if each["Action"]]} for policy in read]
    return [json.dumps(policy, separators=(",", ":")) for policy in kept]  # as RAM counts its characters


def told(life, command, *words):
    """Run a command that fails, and return what it says of the error."""
    with pytest.raises(EngineError) as refused:
        life.run.run(command, *words)
    return [line.strip() for line in str(refused.value).splitlines() if "error:" in line]


def test_ram_takes_each_part_and_none_allows_everything(exact):
    assert max(map(len, exact)) <= LONGEST_POLICY
    statements = [each for policy in exact for each in json.loads(policy)["Statement"]]
    assert not [each for each in statements if "*" in "".join(each["Action"])]
    assert [each["Action"] for each in statements if "*" in each["Resource"]] == [["fc:GetAsyncTask"]]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("colour", "red", "error: stack local: unknown key 'colour' (correct Pulumi.local.yaml)"),
        ("bucket", "Not_A_Bucket", "bucket is 3 to 63 lower-case letters, digits and hyphens"),
        ("issuer", "nowhere", "'nowhere/.well-known/openid-configuration' is no address: absolute https"),
    ],
)
def test_a_configuration_that_is_wrong_is_one_sentence_of_the_preview(life, exact, before, cloud, key, value, sentence):
    life.operator.may(*exact)
    with life.configured(**{key: value}):
        said = told(life, "preview")
    assert [line for line in said if sentence in line]
    assert inventory(cloud) == before


def test_an_account_without_permission_is_one_sentence_of_the_preview(life, before, cloud):
    life.operator.may(NOTHING)
    said = told(life, "preview")
    assert [line for line in said if "may not do ram:GetRole" in line and "fujie policy operator --stack local" in line]
    assert inventory(cloud) == before


def test_a_permission_that_is_missing_is_named_before_anything_is_made(life, exact, before, cloud):
    life.operator.may(*without(exact, "oss:PutBucket"))
    said = told(life, "up", "--yes")
    assert [line for line in said if "may not do oss:PutBucket on acs:oss:*:" in line]
    assert inventory(cloud) == before


def test_every_action_that_is_missing_is_named(life, exact, cloud):
    actions = {action for each in needed(life.stack, life.inputs, "up") for action in each.actions}
    own = {"ram:ListPoliciesForUser", "ram:ListGroupsForUser", "ram:GetPolicy"}  # without these nothing is known
    with life.account() as account:
        for action in sorted(actions - own):
            life.operator.may(*without(exact, action))
            with pytest.raises(NotPermittedError, match=f"may not do {action} on "):
                check(account, life.inputs, life.stack)
        for action in sorted(own):
            life.operator.may(*without(exact, action))
            assert "may not read its own permissions" in check(account, life.inputs, life.stack)


def test_with_exactly_its_policy_the_stack_comes_up_and_is_changed_and_righted(life, exact):
    life.operator.may(*exact)
    with life.account() as account:
        assert check(account, life.inputs, life.stack) == ""
    life.begin()
    life.change()


@pytest.mark.parametrize(
    ("command", "action"),
    [
        ("refresh", "ram:GetRole"),
        ("refresh", "agentidentity:GetTokenVault"),
        ("destroy", "fc:DeleteTrigger"),
    ],
)
def test_an_action_that_is_missing_makes_the_engine_fail_with_its_name(life, exact, command, action):
    life.fill()
    life.operator.may(*without(exact, action))
    with pytest.raises(EngineError, match=f"You are not authorized to do this action: {action}"):
        life.run.run(command, "--yes", "--skip-preview")


def test_with_exactly_its_policy_the_stack_is_destroyed(life, exact, before, cloud):
    life.operator.may(*exact)
    life.end()
    assert inventory(cloud) == before


def test_what_was_asked_is_what_the_record_says(life):
    asked = life.by_kind(life.operator.asked())
    assert asked == {kind: {*seen["up"], *seen.get("destroy", ())} for kind, seen in recorded().items()}, RECORD_AGAIN


def refused(exact, asked):
    """Return the actions of which these policies refuse something that was asked."""
    read = [policy_from_document(json.loads(each), "identity") for each in exact]
    return {action for action, resource in asked if not judge(read, Question(action, resource)).allowed}


def test_each_action_of_the_policy_was_needed(life, exact):
    asked = set(life.operator.asked())
    assert refused(exact, asked) == set()
    for action in {action for action, _ in asked}:
        of_it = {each for each in asked if each[0] == action}
        assert refused(without(exact, action), of_it) == {action}
