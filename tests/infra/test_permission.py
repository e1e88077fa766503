"""What a key may do is read from its holder's policies: what certainly is missing is refused, what is unknown, said."""

import json

import httpx2
import pytest

from fujie.errors import SettingsError
from fujie.secret import Secret
from functions.tool.manifest import TOOLS
from infra.declaration import declare
from infra.inputs import inputs_from_config
from infra.operator_policy import policies
from infra.permission import NotPermittedError, check
from infra.probing import Account, Key
from infra.program import check_operator

ACCOUNT = "1900000000000001"
EVERYTHING = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NOTHING = {"Version": "1", "Statement": []}


@pytest.fixture(scope="module")
def inputs(cloud):
    values = {"account_id": ACCOUNT, "region": "cn-beijing", "public_url": "http://f.localhost", "cloud_url": cloud.url}
    return inputs_from_config({f"fujie:{key}": value for key, value in values.items()}, "local", {})


@pytest.fixture(scope="module")
def stack(inputs):
    return declare(inputs.stack_config("local"), TOOLS)


@pytest.fixture(scope="module")
def exact(stack, inputs):
    return [json.loads(each) for each in policies(stack, inputs)]


@pytest.fixture
def user(cloud):
    """Return what makes a RAM user with policies, and his key."""
    ram = cloud.cloud.iam.ram

    def user(*documents):
        name = f"user-{len(ram.users.users())}"
        ram.users.create(name, {})
        for number, document in enumerate(documents):
            ram.create_policy(f"{name}-{number}", json.dumps(document), "")
            ram.attach("Custom", f"{name}-{number}", name, "user")
        made = ram.users.create_key(name)
        return Key(made["id"], Secret(made["secret"]))

    return user


def checked(key, inputs, stack):
    with Account(inputs, key) as account:
        return check(account, inputs, stack)


def refusal(key, inputs, stack):
    with pytest.raises(NotPermittedError) as refused:
        checked(key, inputs, stack)
    return refused.value


def test_without_a_key_it_says_which_variables_to_set(inputs, stack):
    with pytest.raises(SettingsError, match="stack local: there is no key in the environment") as refused:
        check_operator(inputs, stack, {})
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" in refused.value.repair


def test_the_account_itself_may_do_everything(cloud, inputs, stack):
    assert checked(Key(cloud.access_key_id, Secret(cloud.access_key_secret)), inputs, stack) == ""


def test_whoever_has_the_operators_policy_or_a_wider_one_may_apply(user, exact, inputs, stack):
    assert checked(user(*exact), inputs, stack) == ""
    assert checked(user(EVERYTHING), inputs, stack) == ""


def test_what_is_missing_is_named_with_who_lacks_it_and_where_to_get_it(user, exact, inputs, stack):
    denied = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "fc:CreateFunction", "Resource": "*"}]}
    said = refusal(user(*exact, denied), inputs, stack)
    assert "user/user-" in said.message
    assert "may not do fc:CreateFunction on acs:fc:cn-beijing:" in said.message
    assert said.repair == "give it the policy that `fujie policy operator --stack local` prints"


def named_one_by_one(exact):
    """Return the policies with each `.../triggers/*` given as triggers that have names."""
    named = json.loads(json.dumps(exact))
    for statement in (each for policy in named for each in policy["Statement"]):
        resources = statement["Resource"]
        several = [resources] if isinstance(resources, str) else resources
        statement["Resource"] = [each.replace("/triggers/*", "/triggers/one") for each in several]
    return named


def test_what_is_allowed_by_name_and_needed_by_pattern_leaves_a_doubt(user, exact, inputs, stack):
    said = checked(user(*named_one_by_one(exact)), inputs, stack)
    assert said.startswith("whether the key may do fc:")
    assert said.endswith("is not known: it may on a part of that")


def test_a_doubt_does_not_hide_what_certainly_is_missing(user, exact, inputs, stack):
    denied = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "fc:CreateFunction", "Resource": "*"}]}
    said = refusal(user(*named_one_by_one(exact), denied), inputs, stack).message
    assert "may not do fc:CreateFunction on" in said
    assert "Trigger" not in said


def test_what_only_destroying_takes_may_be_missing(user, exact, inputs, stack):
    denied = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "fc:DeleteFunction", "Resource": "*"}]}
    assert checked(user(*exact, denied), inputs, stack) == ""


def test_who_may_not_even_read_is_refused_by_the_reading(user, inputs, stack):
    assert "may not do ram:GetRole on fujie-local-agent-role" in refusal(user(NOTHING), inputs, stack).message


def test_who_may_read_all_but_his_own_permissions_leaves_a_doubt(user, inputs, stack):
    read = {"Effect": "Allow", "Action": ["ram:GetRole", "ram:ListApplications", "*:Get*"], "Resource": "*"}
    assert "may not read its own permissions" in checked(user({"Version": "1", "Statement": [read]}), inputs, stack)


def test_a_role_that_somebody_assumed_is_asked_for_by_its_name(cloud, inputs, stack):
    ram = cloud.cloud.iam.ram
    trust = {"Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}, "Action": "sts:AssumeRole"}
    ram.create_role("ci", json.dumps({"Version": "1", "Statement": [trust]}), "", 3600, [])
    own = {"Effect": "Allow", "Action": ["ram:ListPoliciesForRole", "ram:GetPolicy"], "Resource": "*"}
    ram.create_policy("of-ci", json.dumps({"Version": "1", "Statement": [own]}), "")
    ram.attach("Custom", "of-ci", "ci", "role")
    given = cloud.cloud.iam.assume_role(
        "ci", principal={"Service": "fc.aliyuncs.com"}, session_name="run", duration_s=900, policy=None, context={}
    )
    key = Key(given.access_key_id, Secret(given.access_key_secret), Secret(given.security_token))
    assert "assumed-role/ci/run may not do fc:" in refusal(key, inputs, stack).message


def test_a_wrong_key_and_one_of_another_account_are_refused(cloud, inputs, stack):
    wrong = Key(cloud.access_key_id, Secret("another"))
    assert refusal(wrong, inputs, stack).message == "the cloud refuses the key: SignatureDoesNotMatch"


def answering(inputs, stack, **answers):
    """Return what a check says when actions are answered as told."""

    def answer(request):
        status, said = answers.get(request.headers["x-acs-action"], (404, {"Code": "EntityNotExist.X"}))
        return httpx2.Response(status, json=said)

    with Account(inputs, Key("id", Secret("secret")), httpx2.MockTransport(answer)) as account:
        return check(account, inputs, stack)


USER = (200, {"AccountId": ACCOUNT, "Arn": f"acs:ram::{ACCOUNT}:user/u"})
NAMED = {"PolicyName": "p", "PolicyType": "System"}


def test_a_key_of_another_account_is_refused(inputs, stack):
    with pytest.raises(NotPermittedError, match="the key is of account 7, the stack is in 19"):
        answering(inputs, stack, GetCallerIdentity=(200, {"AccountId": "7", "Arn": "acs:ram::7:root"}))


def test_policies_that_come_by_a_group_count(inputs, stack):
    said = answering(
        inputs,
        stack,
        GetCallerIdentity=USER,
        ListPoliciesForUser=(200, {"Policies": {"Policy": []}}),
        ListGroupsForUser=(200, {"Groups": {"Group": [{"GroupName": "operators"}]}}),
        ListPoliciesForGroup=(200, {"Policies": {"Policy": [NAMED]}}),
        GetPolicy=(200, {"DefaultPolicyVersion": {"PolicyDocument": json.dumps(EVERYTHING)}}),
    )
    assert said == ""


@pytest.mark.parametrize("answer", [(500, {"Code": "InternalError"}), (200, {"Policies": []}), (200, {})])
def test_an_answer_that_cannot_be_read_leaves_a_doubt(inputs, stack, answer):
    assert "is not known" in answering(inputs, stack, GetCallerIdentity=USER, ListPoliciesForUser=answer)
