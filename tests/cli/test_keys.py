import pytest
from typer.testing import CliRunner

from fujie.cli.app import app
from fujie.cli.errors import NotStartedError, StateError
from fujie.cli.state import state_directory
from infra.stack_secrets import load_or_create


@pytest.fixture
def state(tmp_path):
    with state_directory(tmp_path / "state", reset=False) as made:
        load_or_create(made / "keys.json", [])
    return made


def rotate(*words):
    done = CliRunner().invoke(app, ["keys", "rotate", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_keys_of_a_state_are_rotated(state):
    before = (state / "keys.json").read_text()
    assert "new keys" in rotate("--state", state)
    assert (state / "keys.json").read_text() != before


def test_a_state_that_is_in_use_keeps_its_keys(state):
    before = (state / "keys.json").read_text()
    with state_directory(state, reset=False), pytest.raises(StateError, match="in use"):
        rotate("--state", state)
    assert (state / "keys.json").read_text() == before


def test_nothing_is_made_where_there_are_no_keys(tmp_path):
    with pytest.raises(NotStartedError, match="holds no keys"):
        rotate("--state", tmp_path / "none")
    assert not (tmp_path / "none").exists()
