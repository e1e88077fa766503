"""The processes that `fujie dev` starts, and how they end with it."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from fujie.cli.errors import NotStartedError, PortInUseError

_PR_SET_PDEATHSIG = 1
STOP_DEADLINE_S = 8.0


def check_ports(ports: Iterable[int]) -> None:
    """Raise PortInUseError naming the first port that somebody listens on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise PortInUseError(
                    f"port {port} is in use by another program",
                    repair="stop that program, or choose other ports with --ports BASE",
                ) from error


def emulator_command(port: int, state: Path, ready_file: Path | None) -> list[str]:
    """Return the command line of the emulated cloud."""
    command = [sys.executable, "-m", "fujie_emulator", "start", "--port", str(port), "--state", str(state)]
    return [*command, "--ready-file", str(ready_file)] if ready_file else command


def run_emulator(
    port: int, state: Path, ready_file: Path | None, llm_script: Path | None = None, *, admin: bool = True
) -> None:
    """Become the emulated cloud; `llm_script` are rules of its model's own."""
    command = emulator_command(port, state, ready_file) + ([] if admin else ["--no-admin"])
    command += ["--llm-script", str(llm_script.resolve())] if llm_script else []
    os.execv(command[0], command)  # noqa: S606 - a fixed program, no shell


class Child:
    """A process of ours: it ends when we do, however we end."""

    def __init__(self, command: Sequence[str], cwd: Path, *, capture: bool = False) -> None:
        pipe = subprocess.PIPE if capture else None
        self._process = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads yet
        )

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._process.poll()

    def result(self, what: str, timeout_s: float) -> str:
        """Return what a captured child printed. Raises NotStartedError with its last words when it failed."""
        try:
            out, err = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise NotStartedError(f"{what} took longer than {timeout_s:.0f} s") from error
        if self._process.returncode != 0:
            raise NotStartedError(_last_words(err) or f"{what} failed with code {self._process.returncode}")
        return out

    def stop(self) -> None:
        """Ask it to end, and end it when it has not within the deadline."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.communicate()


def wait_for_file(path: Path, child: Child, what: str, timeout_s: float) -> None:
    """Return once the file is there. Raises NotStartedError when the child ends first, or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if child.exit_code() is not None:
            raise NotStartedError(
                f"{what} did not start; its message is above",
                repair="if its state is damaged: `fujie dev --reset` forgets the state and starts anew",
            )
        if time.monotonic() > deadline:
            raise NotStartedError(f"{what} did not start within {timeout_s:.0f} s")
        time.sleep(0.02)


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
