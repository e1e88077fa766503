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
