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
