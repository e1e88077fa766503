"""What a deployment would stumble over is found before it, each with its repair, and nothing is changed by looking."""

import json

import httpx2
import pytest

from infra import doctor
from infra.doctor import examine
from infra.probing import Account

KEYS = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")

ROOT = "acs:ram::1900000000000001:root"
USER = "acs:ram::1900000000000001:user/operator"
REFUSED = {"ListPoliciesForUser": (403, {"Code": "NoPermission"})}


@pytest.fixture
def environ(cloud):
    return {
        "FUJIE_CLOUD_URL": cloud.url,
        **dict(zip(KEYS, (cloud.access_key_id, cloud.access_key_secret), strict=True)),
    }


def found(stack, state, environ):
    return {each.what: each for each in examine(stack, state, environ)}


def test_an_emulated_account_is_asked_for_everything_but_what_it_does_not_tell(cloud, environ, tmp_path):
    there = found("local", tmp_path, environ)
    asked = ("credentials", "ram", "ims", "agentidentity", "fc")
    assert {there[what].verdict for what in asked} == {"ok"}
    assert cloud.account_id in there["credentials"].words
    assert there["quotas"].verdict == "unknown"
    assert {there[what].verdict for what in ("up", "destroy", "declaration", "secrets")} == {"ok"}


def test_a_key_that_the_cloud_refuses_is_wrong_and_nothing_more_is_asked(environ, tmp_path):
    there = found("local", tmp_path, {**environ, KEYS[1]: "another"})
    assert (there["credentials"].verdict, there["cloud"].verdict) == ("wrong", "unknown")
    assert "another" not in str(there["credentials"])


def test_a_key_of_another_account_is_wrong(environ, tmp_path):
    told = found("dev", tmp_path, {**environ, "FUJIE_CLOUD_URL": environ["FUJIE_CLOUD_URL"]})["credentials"]
    assert told.verdict == "wrong"
    assert "correct account_id" in told.repair


def test_without_a_key_it_says_which_variables_to_set(tmp_path):
    there = found("dev", tmp_path, {"FUJIE_CLOUD_URL": "http://127.0.0.1:9"})
    assert KEYS[0] in there["credentials"].repair
    assert there["cloud"].verdict == "unknown"


def test_a_cloud_that_does_not_answer_leaves_things_unknown(environ, tmp_path):
    there = found("local", tmp_path, {**environ, "FUJIE_CLOUD_URL": "http://127.0.0.1:9"})
    assert there["credentials"].verdict == "unknown"
    assert "ram" not in there


def test_without_an_emulated_cloud_the_rest_is_found_and_the_cloud_left_unknown(tmp_path):
    there = found("local", tmp_path, {})
    assert (there["emulator"].verdict, there["emulator"].repair) == ("wrong", "start one: `fujie dev`")
    assert (there["cloud"].verdict, there["stack"].verdict) == ("unknown", "ok")


def test_a_stack_without_configuration_is_one_finding(tmp_path):
    there = found("nope", tmp_path, {})
    assert there["stack"].verdict == "wrong"
    assert there["cloud"].verdict == "unknown"


def test_secrets_that_nobody_set_are_named_with_the_place_that_says_how(tmp_path):
    there = found("dev", tmp_path, {})
    assert "database_url (secret) is needed" in there["secrets"].words
    assert (there["secrets"].verdict, there["stack"].verdict) == ("wrong", "ok")
    assert "Pulumi.dev.yaml" in there["secrets"].repair


def test_a_missing_engine_is_found_with_the_way_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "find_engine", lambda _: None)
    assert "make engine" in found("local", tmp_path, {})["engine"].repair


@pytest.fixture
def answering(environ, tmp_path, monkeypatch):
    """Return what is found when each action is answered as told; the others succeed."""

    def answering(**answers):
        def answer(request):
            action = request.headers["x-acs-action"]
            status, said = answers.get(
                action, (200, {"AccountId": "1900000000000001", "Arn": "acs:ram::1900000000000001:root"})
            )
            return httpx2.Response(status, json=said)

        def account(inputs, key):
            return Account(inputs, key, httpx2.MockTransport(answer))

        monkeypatch.setattr(doctor, "Account", account)
        return found("local", tmp_path, environ)

    return answering


def test_a_permission_that_is_missing_is_named(answering):
    there = answering(GetFunction=(403, {"Code": "AccessDenied"}))
    assert (there["fc"].verdict, there["ram"].verdict) == ("wrong", "ok")
    assert "fc:GetFunction is refused" in there["fc"].words
    assert "fujie policy operator --stack local" in there["fc"].repair


def test_a_service_that_is_not_in_the_region_is_unknown(answering):
    assert answering(GetWorkloadIdentity=(503, {"Code": "X"}))["agentidentity"].verdict == "unknown"


@pytest.mark.parametrize(
    ("summary", "verdict"),
    [
        ({"Roles": 10, "RolesQuota": 1000, "Policies": 3, "PoliciesQuota": 1500}, "ok"),
        ({"Roles": 995, "RolesQuota": 1000, "Policies": 3, "PoliciesQuota": 1500}, "wrong"),
        ({"Roles": 995}, "unknown"),
    ],
)
def test_room_for_roles_is_told_where_the_account_tells_it(answering, summary, verdict):
    assert answering(GetAccountSummary=(200, {"SummaryMap": summary}))["quotas"].verdict == verdict


def test_what_is_not_there_yet_may_be_asked_for(answering):
    assert answering(GetRole=(404, {"Code": "EntityNotExist.Role"}))["ram"].verdict == "ok"


def test_a_key_whose_permissions_are_not_told_leaves_them_unknown_with_the_way_to_know_them(answering):
    there = answering(GetCallerIdentity=(200, {"AccountId": "1900000000000001", "Arn": USER}), **REFUSED)
    assert there["up"].verdict == "unknown"
    assert "fujie policy operator" in there["up"].repair


def test_what_only_destroying_takes_is_told_and_not_wrong(answering):
    document = {"Version": "1", "Statement": [{"Effect": "Allow", "NotAction": "*:Delete*", "Resource": "*"}]}
    there = answering(
        GetCallerIdentity=(200, {"AccountId": "1900000000000001", "Arn": USER}),
        ListPoliciesForUser=(200, {"Policies": {"Policy": [{"PolicyName": "p", "PolicyType": "Custom"}]}}),
        ListGroupsForUser=(200, {"Groups": {"Group": []}}),
        GetPolicy=(200, {"DefaultPolicyVersion": {"PolicyDocument": json.dumps(document)}}),
    )
    assert (there["destroy"].verdict, there["up"].verdict) == ("ok", "wrong")
    assert "fc:DeleteAsyncInvokeConfig" in there["destroy"].words
    assert "ram:DeleteAppSecret" in there["up"].words


def test_every_finding_that_is_not_well_says_what_to_do(environ, tmp_path):
    looked = [
        *examine("local", tmp_path, {}),
        *examine("dev", tmp_path, environ),
        *examine("nope", tmp_path, environ),
        *examine("local", tmp_path, {**environ, KEYS[1]: "another"}),
        *examine("local", tmp_path, {**environ, "FUJIE_CLOUD_URL": "http://127.0.0.1:9"}),
    ]
    assert not [str(each) for each in looked if each.verdict != "ok" and not each.repair]
