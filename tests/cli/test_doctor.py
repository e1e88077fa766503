from typer.testing import CliRunner

from fujie.cli.app import app


def test_a_stack_that_lacks_something_ends_with_exit_code_1_and_a_line_for_each_finding(tmp_path):
    done = CliRunner().invoke(app, ["doctor", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "wrong   emulator       no emulated cloud runs here -> start one: `fujie dev`" in done.output.splitlines()
