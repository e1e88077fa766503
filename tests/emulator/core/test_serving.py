import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import httpx2
import pytest

from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.testing import running


@pytest.fixture
def start(tmp_path):
    programs = []

    def start(*more, port=0):
        command = [
            sys.executable,
            "-m",
            "fujie_emulator",
            "start",
            "--port",
            str(port),
            "--state",
            str(tmp_path / "st"),
        ]
        command += ["--ready-file", str(tmp_path / "ready.json"), *more]
        programs.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return programs[-1]

    yield start
    for program in programs:
        if program.poll() is None:
            program.kill()
        program.communicate()


def ready(path, program):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return json.loads(path.read_text())


def health(url):
    with httpx2.Client(trust_env=False) as http:
        return http.get(f"{url}/_fujie/health").json()


def test_the_ready_file_says_how_to_use_the_cloud(start, tmp_path):
    program = start()
    told = ready(tmp_path / "ready.json", program)
    assert health(told["url"])["status"] == "ok"
    assert told.keys() == {"url", "account_id", "region", "access_key_id", "access_key_secret", "users", "admin_token"}
    assert told["users"] == ["alice", "bob"]
    assert (tmp_path / "ready.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_frees_the_port(start, tmp_path, number):
    program = start()
    told = ready(tmp_path / "ready.json", program)
    program.send_signal(number)
    out, err = program.communicate(timeout=20)
    assert (program.returncode, out, err) == (0, "", "")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(told["url"].rsplit(":", 1)[1]))) != 0


def test_a_killed_cloud_comes_back_as_the_same_account(start, tmp_path):
    program = start()
    first = ready(tmp_path / "ready.json", program)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    second = ready_again(start, tmp_path)
    assert second | {"url": ""} == first | {"url": ""}


def ready_again(start, tmp_path):
    (tmp_path / "ready.json").unlink()
    return ready(tmp_path / "ready.json", start())


def test_a_port_in_use_gets_one_sentence(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        program = start(port=taken.getsockname()[1])
        out, err = program.communicate(timeout=20)
    assert (program.returncode, out) == (1, "")
    assert err == f"fujie emulator: Port {program.args[5]} on 127.0.0.1 cannot be used: Address already in use.\n"


def test_a_damaged_state_gets_one_sentence_and_no_ready_file(start, tmp_path):
    (tmp_path / "st").mkdir()
    (tmp_path / "st" / "cloud.sqlite3").write_bytes(b"half-written" * 500)
    (tmp_path / "ready.json").write_text("stale")
    program = start()
    _, err = program.communicate(timeout=20)
    assert program.returncode == 1
    assert err.startswith("fujie emulator: The state in")
    assert err.count("\n") == 1
    assert not (tmp_path / "ready.json").exists()


def test_a_person_at_the_terminal_is_told_where_it_is_but_no_secret(tmp_path):
    state = tmp_path / "st"
    command = [sys.executable, "-m", "fujie_emulator", "start", "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        lines = [program.stdout.readline() for _ in range(8)]
        program.terminate()
    told = "".join(lines)
    assert "answers at  http://127.0.0.1:" in told
    assert "/_fujie/" in told
    assert "Ctrl-C" in told
    with contextlib.closing(sqlite3.connect(state / "cloud.sqlite3")) as store:
        (account,) = store.execute("SELECT doc FROM documents WHERE kind = 'account'").fetchone()
    assert json.loads(account)["access_key_secret"] not in told


def test_a_wrong_port_is_explained(start):
    program = start("--port", "99999")
    _, err = program.communicate(timeout=20)
    assert program.returncode == 2
    assert "'99999' is not a port" in err


def test_in_a_test_the_cloud_runs_in_a_thread(tmp_path):
    with running(tmp_path) as cloud:
        assert health(cloud.url)["account_id"] == cloud.account_id
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(cloud.url.rsplit(":", 1)[1]))) != 0
    with running(tmp_path) as again:
        assert again.access_key_id == cloud.access_key_id


def test_a_cloud_that_cannot_start_says_why(tmp_path):
    with running(tmp_path / "a") as cloud:
        port = int(cloud.url.rsplit(":", 1)[1])
        with pytest.raises(EmulatorError, match=f"Port {port}"), running(tmp_path / "b", port):
            pass
