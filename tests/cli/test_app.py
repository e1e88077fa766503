"""What the command line refuses before anything starts."""

import pytest
from typer.testing import CliRunner

from fujie.cli.app import app


@pytest.mark.parametrize(
    "words",
    [["dev", "--ports", "0"], ["dev", "--ports", "65531"], ["emulator", "start", "--port", "65536"]],
)
def test_a_port_that_cannot_be_is_wrong_usage_and_no_traceback(words):
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert f"Invalid value for '{words[-2]}'" in done.output


def test_the_models_own_rules_are_passed_on_to_the_emulated_cloud(monkeypatch, tmp_path):
    became = []
    monkeypatch.setattr("fujie.cli.processes.os.execv", lambda _, command: became.append(command))
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["emulator", "start", "--llm-script", "rules.json"]).exit_code == 0
    assert became[0][-2:] == ["--llm-script", str(tmp_path / "rules.json")]
    assert CliRunner().invoke(app, ["emulator", "start"]).exit_code == 0
    assert "--llm-script" not in became[1]
