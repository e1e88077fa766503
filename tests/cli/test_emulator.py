"""`fujie emulator ...` against a cloud that runs."""

import json

import pytest
from typer.testing import CliRunner

from fujie.cli.app import app
from fujie.cli.emulator import seconds_of
from fujie.cli.errors import CliError, NotStartedError
from fujie_emulator.testing import running


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def fujie(cloud):
    cloud.cloud.faults.clear()

    def fujie(*arguments, state=cloud.cloud.store.directory):
        where = ("--state", str(state)) if state else ()
        return CliRunner().invoke(app, ["emulator", *map(str, arguments), *where], catch_exceptions=True)

    return fujie


def test_status_says_where_it_is_and_what_it_holds(fujie, cloud):
    done = fujie("status")
    assert done.exit_code == 0, done.output
    assert cloud.url in done.output
    assert cloud.account_id in done.output
    assert "none armed" in done.output
    assert cloud.access_key_secret not in done.output


def test_an_address_may_be_given(fujie, cloud):
    assert cloud.account_id in fujie("status", "--url", cloud.url + "/").output


def test_the_clock_moves_and_comes_back(fujie, cloud):
    assert "1:30:00 ahead of real time" in fujie("clock", "+1h30m").output
    assert cloud.cloud.clock.offset_s == 5400
    assert "0:30:00 behind real time" in fujie("clock", "-2h").output
    assert "(real time)" in fujie("clock", "real").output
    assert cloud.cloud.clock.offset_s == 0


@pytest.mark.parametrize(
    ("written", "seconds"), [("+1h", 3600), ("1d12h", 129600), ("-90s", -90), ("+5m", 300), ("0s", 0)]
)
def test_lengths_of_time(written, seconds):
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "1", "h", "+-1h", "1.5h", "1w", "+1h ", "１h"])
def test_what_is_no_length_of_time_is_refused(written):
    with pytest.raises(CliError):
        seconds_of(written)


def test_faults_are_armed_shown_and_disarmed(fujie, cloud):
    assert (
        "status 429 for the next 2 of sts AssumeRole"
        in fujie("fault", "sts", "--status", 429, "--count", 2, "--action", "AssumeRole").output
    )
    assert "latency of 0.5 s" in fujie("fault", "oss", "latency", "--latency", "0.5").output
    assert [fault["kind"] for fault in cloud.cloud.faults.armed()] == ["status", "latency"]
    assert "status 429" in fujie("fault").output
    assert fujie("fault", "--clear").output == "none armed\n"
    assert cloud.cloud.faults.armed() == []


def test_a_wrong_fault_is_told_what_would_be_right(fujie):
    done = fujie("fault", "ecs")
    assert isinstance(done.exception, CliError)
    assert "agentidentitydata" in done.exception.message


def test_snapshot_reset_import_restore(fujie, cloud, tmp_path):
    file, resources = tmp_path / "kept.tar", tmp_path / "resources.json"
    resources.write_text(json.dumps({"resources": [{"service": "oss", "bucket": "b-1", "key": "k", "text": "t"}]}))
    assert "1 made, 0 were there" in fujie("import", resources).output
    assert "it holds secrets" in fujie("snapshot", file).output
    assert file.stat().st_mode & 0o077 == 0
    assert "stay" in fujie("reset").output
    assert "oss" not in cloud.cloud.store.counts()
    assert cloud.access_key_id in fujie("restore", file).output
    assert cloud.cloud.store.counts()["oss"]["object"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("restore", "none.tar"), "none.tar cannot be read"),
        (("import", "none.json"), "none.json cannot be read"),
        (("snapshot", "nowhere/kept.tar"), "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(fujie, arguments, words):
    done = fujie(*arguments)
    assert isinstance(done.exception, CliError)
    assert words in done.exception.message


def test_a_file_that_is_no_snapshot_is_refused_in_one_sentence(fujie, tmp_path):
    (tmp_path / "no.tar").write_text("no")
    done = fujie("restore", tmp_path / "no.tar")
    assert "not a snapshot" in done.exception.message


@pytest.mark.parametrize("made", [(), ("admin-token",)])
def test_where_none_runs_it_says_how_to_start_one(fujie, tmp_path, made):
    for name in made:
        (tmp_path / name).write_text("t")
    done = fujie("status", state=tmp_path)
    assert isinstance(done.exception, NotStartedError)
    assert "--state" in done.exception.repair


def test_another_emulator_s_state_does_not_open_this_one(fujie, cloud, tmp_path):
    (tmp_path / "admin-token").write_text("of another")
    done = fujie("reset", "--url", cloud.url, state=tmp_path)
    assert "another emulator" in done.exception.repair


def test_a_dead_address_is_one_sentence(fujie):
    done = fujie("status", "--url", "http://127.0.0.1:9")
    assert isinstance(done.exception, NotStartedError)
    assert "fujie emulator start" in done.exception.repair


@pytest.mark.parametrize("command", ["start", "status", "reset", "clock", "fault", "snapshot", "restore", "import"])
def test_every_command_explains_itself(fujie, command):
    done = fujie(command, "--help", state=None)
    assert done.exit_code == 0
    assert "--state" in done.output
