"""Child processes that never outlive the emulator, each in a process group of its own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fujie_emulator.functionhost import parent_death, reaper
from fujie_emulator.functionhost.logs import FunctionLog

STOP_GRACE_S = 3.0  # between SIGTERM and SIGKILL; FC freezes instances with less notice
_LAST_OUTPUT_S = 1.0
_READ = 65_536


class Reaper:
    """The helper process that kills what is left when the emulator itself is killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Have this process group killed if the emulator dies."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The group has ended; its number may belong to someone else from now on."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the helper; groups it still watches are killed."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-I", "-S", reaper.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


class ChildProcess:
    """One running child and the pump that writes its output to the function's log."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        log: FunctionLog,
        reaper_process: Reaper,
        crashed: Callable[[int], None],
    ) -> None:
        self._process = process
        self._log = log
        self._reaper = reaper_process
        self._crashed = crashed
        self._stopping = False
        self._pump = asyncio.create_task(self._copy_output())
        self.exited = asyncio.create_task(self._wait())

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: FunctionLog,
        reaper_process: Reaper,
        crashed: Callable[[int], None],
        inherit: Sequence[int] = (),
    ) -> "ChildProcess":
        """Start the command; `inherit` are file descriptors that it keeps."""
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid())],
            *command,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=tuple(inherit),
            start_new_session=True,
        )
        reaper_process.watch(process.pid)
        return cls(process, log, reaper_process, crashed)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the child still runs."""
        return self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """The exit status; negative is a signal's number, None while it runs."""
        return self._process.returncode

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End the child and its whole group: politely, and after the grace by force."""
        self._stopping = True
        if self.alive and grace_s > 0:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self.exited), grace_s)
        self._signal(signal.SIGKILL)
        await asyncio.shield(self.exited)  # who gives up waiting must not end the watch itself

    async def _wait(self) -> None:
        status = await self._process.wait()
        self._signal(signal.SIGKILL)  # its children, if any, end with it
        self._reaper.forget(self.pid)
        with contextlib.suppress(TimeoutError):  # a stray grandchild may hold the pipe open
            await asyncio.wait_for(self._pump, _LAST_OUTPUT_S)
        if not self._stopping:
            self._crashed(status)

    async def _copy_output(self) -> None:
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(_READ):
            self._log.write(chunk)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
