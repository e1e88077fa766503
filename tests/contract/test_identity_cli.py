"""`agent-identity-cli`, unmodified: a role, its policy and an identity in one command, or nothing."""

import json

import pytest
from alibabacloud_agentidentity20250901 import models
from alibabacloud_ram20150501 import models as ram_models

from fujie_emulator.testing import running as running_cloud
from tests.contract.foreign.process import SCRIPTS, run
from tests.contract.identity_stack import RETURN_URL, Stack, rows


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(running):
    return Stack(running)


def cli(running, home, *words):
    return run([str(SCRIPTS / "agent-identity-cli"), *words], running, home)


def test_an_identity_comes_with_a_role_that_only_it_may_take(running, stack, tmp_path):
    words = ["--identity-provider-name", "people", "--allowed-resource-oauth2-return-urls", f"{RETURN_URL},https://a/b"]
    before = len(running.cloud.journal.after(0))
    done = cli(running, tmp_path, "create-workload-identity", "--workload-identity-name", "from-cli", *words)
    assert done.returncode == 0, done.stdout
    arn = (
        f"acs:agentidentity:cn-beijing:{running.account_id}:workloadidentitydirectory/default/workloadidentity/from-cli"
    )
    assert arn in done.stdout
    assert [row["action"] for row in running.cloud.journal.after(0)[before:]] == [
        "GetCallerIdentity",
        "CreateRole",
        "CreatePolicy",
        "AttachPolicyToRole",
        "CreateWorkloadIdentity",
    ]
    get = models.GetWorkloadIdentityRequest(workload_identity_name="from-cli")
    identity = stack.clients.control.get_workload_identity(get).body.workload_identity
    assert identity.role_arn == f"acs:ram::{running.account_id}:role/AgentIdentityRole-from-cli"
    assert identity.allowed_resource_oauth2_return_urls == [RETURN_URL, "https://a/b"]
    stack.create_api_key_provider("weather", "key-1")
    wat = stack.wat(identity="from-cli")
    asked = stack.ask(stack.data_as_role(wat), wat)
    assert asked.session_status == "IN_PROGRESS"
    stack.create_identity("stranger", role_arn=identity.role_arn)
    with pytest.raises(Exception, match="NoPermission"):
        stack.assume(stack.wat(identity="stranger"))


def test_a_role_alone_is_made_for_every_identity_or_for_one(running, stack, tmp_path):
    done = cli(running, tmp_path, "create-role", "--role-name", "any-agent")
    assert done.returncode == 0, done.stdout
    role = stack.clients.ram.get_role(ram_models.GetRoleRequest(role_name="any-agent")).body.role
    statement = json.loads(role.assume_role_policy_document)["Statement"][0]
    assert "Condition" not in statement
    stack.create_identity("anyone", role_arn=role.arn)
    assert stack.assume(stack.wat(identity="anyone")).credentials


def test_an_identity_that_cannot_be_made_takes_its_role_back(running, stack, tmp_path):
    stack.create_identity("taken")
    done = cli(running, tmp_path, "create-workload-identity", "--workload-identity-name", "taken")
    assert done.returncode == 1
    assert "EntityAlreadyExists.WorkloadIdentity" in done.stdout
    assert rows(running, "DeletePolicy")[-1]["status"] == 200
    with pytest.raises(Exception, match=r"EntityNotExist\.Role"):
        stack.clients.ram.get_role(ram_models.GetRoleRequest(role_name="AgentIdentityRole-taken"))
    again = cli(running, tmp_path, "create-role", "--workload-identity-name", "taken")
    assert again.returncode == 0, again.stdout
    twice = cli(running, tmp_path, "create-role", "--workload-identity-name", "taken")
    assert twice.returncode == 1
    assert "EntityAlreadyExists.Role" in twice.stdout


def test_a_wrong_key_is_told_as_the_cloud_tells_it(running, stack, tmp_path):
    command = [str(SCRIPTS / "agent-identity-cli"), "create-role", "--role-name", "x"]
    done = run(command, running, tmp_path, ALIBABA_CLOUD_ACCESS_KEY_SECRET="guessed")
    assert done.returncode == 1
    assert "SignatureDoesNotMatch" in done.stdout
