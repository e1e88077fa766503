"""The whole product as a new user runs it: `fujie dev` in a process of its own, with controls for tests."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.e2e.emulated import EmulatedStack

ROOT = Path(__file__).resolve().parents[2]
GUARD = Path(__file__).parent / "guard"
FUJIE = Path(sys.executable).with_name("fujie")
START_DEADLINE_S = 90


def free_ports(count=6):
    """Return the first of `count` free ports in a row."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = probe.getsockname()[1]
        if base + count < 60000 and all(_free(base + n) for n in range(count)):
            return base


def _free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class RunningStack(EmulatedStack):
    """One `fujie dev`: its addresses, the emulator's controls, and what it takes to kill and start it again."""

    name = "fujie-laptop"

    def __init__(self, directory, *options, env=None):
        super().__init__()
        self.directory = Path(directory)
        self.state = self.directory / "state"
        self.ready_file = self.directory / "ready.json"
        self.guard_file = self.directory / "outside.txt"
        self.log_file = self.directory / "dev.log"
        self.base_port = free_ports()
        self.options = options
        self.env = env or {}
        self.took_s = None
        self._process = None

    def start(self):
        self.ready_file.unlink(missing_ok=True)
        began = time.monotonic()
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environ(), stdout=log, stderr=log, start_new_session=True
            )
        while not self.ready_file.exists():
            if self._process.poll() is not None or time.monotonic() - began > START_DEADLINE_S:
                raise AssertionError(f"the stack did not start:\n{self.log_file.read_text()[-3000:]}")
            time.sleep(0.05)
        self.took_s = time.monotonic() - began
        self.ready = json.loads(self.ready_file.read_text())
        return self

    def command(self):
        where = ["--ports", str(self.base_port), "--state", str(self.state), "--ready-file", str(self.ready_file)]
        return [str(FUJIE), "dev", *where, "--no-open", *self.options]

    def environ(self):
        path = os.pathsep.join([str(GUARD), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return os.environ | {"PYTHONPATH": path, "FUJIE_TEST_GUARD_FILE": str(self.guard_file)} | self.env

    def processes(self):
        """Return `fujie dev` and everything below it."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def kill_everything(self):
        """SIGKILL every process at once, as a power cut would."""
        everything = self.processes()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(everything, timeout=10)
        self._process = None

    def stop(self, signum=signal.SIGINT):
        """Stop it as Ctrl-C would; return its exit code."""
        if self._process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signum)
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            raise
        self._process = None
        return code

    @property
    def admin_token(self):
        return (self.state / "cloud" / "admin-token").read_text().strip()

    @property
    def database(self):
        return self.state / "fujie.db"

    def provider_secret(self, provider):
        return json.loads((self.state / "keys.json").read_text()).get(f"provider/{provider}", "")

    def outside_connections(self):
        return self.guard_file.read_text() if self.guard_file.exists() else ""

    def logs(self):
        """Return everything that any process wrote to a log or a terminal."""
        files = [self.log_file, *self.state.rglob("*.log")]
        return "\n".join(file.read_text(errors="replace") for file in files)
