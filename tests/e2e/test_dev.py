"""`fujie dev` as a program: where it says it is, what it refuses, what it restarts, what it leaves behind."""

import json
import os
import signal
import socket
import subprocess
import time

import httpx2
import psutil
import pytest

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.running import FUJIE, ROOT, RunningStack

pytestmark = pytest.mark.e2e


def fujie(*arguments):
    return subprocess.run([FUJIE, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_ready_file_says_where_everything_is(stack):
    ready = stack.ready
    assert set(ready) == {
        "url",
        "functions",
        "cloud",
        "account_id",
        "region",
        "access_key_id",
        "access_key_secret",
        "users",
    }
    assert set(ready["functions"]) == {"chat", "process", "callback", "tool"}
    assert ready["users"] == ["alice", "bob"]
    assert httpx2.get(ready["url"], trust_env=False).status_code == 200
    assert httpx2.get(ready["functions"]["process"] + "/health", trust_env=False).status_code == 200


def test_it_prints_one_address_the_users_and_how_to_stop(stack):
    printed = stack.log_file.read_text()
    assert f"ready at  {stack.url} " in printed
    assert "alice and bob" in printed
    assert "Ctrl-C" in printed


def test_ctrl_c_stops_everything_and_nothing_keeps_listening(own_stack):
    stack = own_stack()
    processes = stack.processes()
    assert len(processes) >= 6
    assert stack.stop(signal.SIGINT) == 0
    assert not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    for port in range(stack.base_port, stack.base_port + 6):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_when_it_is_killed_alone_the_rest_ends_too(own_stack):
    stack = own_stack()
    processes = stack.processes()
    os.kill(processes[0].pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=15)
    assert alive == []


def test_state_survives_a_restart_until_reset(own_stack):
    stack = own_stack()
    alice = Person(stack, "alice").sign_in()
    conversation = alice.ask(BY_NAME["weather"].en).conversation_id
    stack.stop()
    stack.start()
    assert alice.http.get(f"{stack.url}/api/conversations/{conversation}").status_code == 200
    stack.stop()
    stack.options = ("--reset",)
    stack.start()
    assert alice.me()["user"] is None
    alice.close()


def test_it_starts_again_although_the_clock_was_moved(own_stack):
    stack = own_stack()
    stack.advance_clock(3 * 3600)
    stack.stop()
    stack.start()
    alice = Person(stack, "alice").sign_in()
    assert alice.ask(BY_NAME["schedule"].en).status == "completed"
    alice.close()


def test_a_port_in_use_is_one_clear_sentence(tmp_path):
    base = RunningStack(tmp_path).base_port
    with socket.create_server(("127.0.0.1", base + 3)):
        done = fujie("dev", "--ports", base, "--state", tmp_path / "s", "--no-open")
    assert done.returncode == 1
    assert f"port {base + 3} is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_directory_in_use_is_one_clear_sentence(stack):
    done = fujie("dev", "--ports", stack.base_port + 50, "--state", stack.state, "--no-open")
    assert done.returncode == 1
    assert "in use by another" in done.stderr


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("fujie-state.json", "{"),
        ("keys.json", '{"signing/chat": 7}'),
        ("fujie.db", "not a database"),
        ("cloud/cloud.sqlite3", "x" * 5000),
    ],
)
def test_a_damaged_state_is_one_clear_sentence(tmp_path, file, content):
    state = tmp_path / "state"
    (state / file).parent.mkdir(parents=True, exist_ok=True)
    (state / "fujie-state.json").write_text('{"format": 1}')
    (state / file).write_text(content)
    base = RunningStack(tmp_path).base_port
    done = fujie("dev", "--ports", base, "--state", state, "--no-open")
    assert done.returncode == 1
    assert "--reset" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_directory_that_is_not_ours_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = fujie("dev", "--state", tmp_path, "--reset", "--no-open", "--ports", RunningStack(tmp_path).base_port)
    assert done.returncode == 1
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_change_of_a_function_restarts_it_and_only_it(stack):
    before = {name: state["restarts"] for name, state in stack.functions().items()}
    file = ROOT / "functions" / "callback" / "app.py"
    file.write_bytes(file.read_bytes())
    deadline = time.monotonic() + 20
    while stack.functions()["callback"]["restarts"] == before["callback"] and time.monotonic() < deadline:
        time.sleep(0.1)
    after = {name: state["restarts"] for name, state in stack.functions().items()}
    assert after == before | {"callback": before["callback"] + 1}


def test_a_token_is_printed_for_curl_and_nothing_else(stack):
    done = fujie("token", "--user", "alice", "--state", stack.state)
    assert done.stdout.count(".") == 2
    assert done.stdout.count("\n") == 1
    assert "no demo user 'carol'" in fujie("token", "--user", "carol", "--state", stack.state).stderr


def test_the_emulated_cloud_starts_alone(tmp_path):
    ready = tmp_path / "ready.json"
    port = RunningStack(tmp_path).base_port
    command = [FUJIE, "emulator", "start", "--port", str(port), "--state", tmp_path / "cloud", "--ready-file", ready]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(ready.read_text())["url"] == f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(15) == 0
