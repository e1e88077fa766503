import json

from typer.testing import CliRunner

from fujie.cli.app import app
from fujie.errors import SettingsError


def test_the_policies_of_a_stack_are_shown_without_a_cloud():
    done = CliRunner().invoke(app, ["policy", "show", "--stack", "dev", "--lang", "zh"])
    assert done.exit_code == 0
    assert "functions/fujie-dev-process" in done.output


def test_an_emulated_stack_is_the_default():
    assert "Stack local" in CliRunner().invoke(app, ["policy", "show"]).output


def test_a_stack_that_is_not_there_is_refused():
    assert isinstance(CliRunner().invoke(app, ["policy", "show", "--stack", "nope"]).exception, SettingsError)


def operator(*options):
    done = CliRunner().invoke(app, ["policy", "operator", *options])
    assert done.exit_code == 0
    return json.loads(done.output)["Statement"]


def test_the_operators_policy_names_the_stacks_own_resources():
    (functions,) = [each for each in operator("--stack", "dev") if "fc:CreateFunction" in each["Action"]]
    assert "acs:fc:cn-beijing:0000000000000000:functions/fujie-dev-process" in functions["Resource"]


def test_stacks_made_like_one_have_a_pattern_for_their_names():
    resources = {resource for each in operator("--stack", "dev", "--named", "pr-*") for resource in each["Resource"]}
    assert "acs:fc:cn-beijing:0000000000000000:functions/fujie-pr-*-process" in resources
    assert "acs:fc:cn-beijing:0000000000000000:custom-domains/pr-*.dev.agent.example" in resources
    assert "acs:ram:*:0000000000000000:role/fujie-pr-*-tool-role" in resources
    assert not [each for each in resources if "fujie-dev" in each]
