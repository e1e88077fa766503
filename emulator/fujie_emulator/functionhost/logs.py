"""What a function prints: to its log file, its tail kept for error reports, and to the terminal when asked."""

import os
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

LINE_LIMIT = 32_768  # bytes of one log line, fc.md 1.2
FILE_LIMIT = 5_000_000  # bytes; then the file is moved to NAME.log.1
TAIL_LINES = 20
TAIL_LIMIT = 4096  # bytes, as much as X-Fc-Log-Result holds


class FunctionLog:
    """The log of one function; all its instances write into it, line by line."""

    def __init__(
        self, directory: Path, name: str, *, echo: bool = False, told: Callable[[str], None] | None = None
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = directory / f"{name}.log"
        self._prefix = f"[{name}] ".encode()
        self._echo = echo
        self._told = told
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._descriptor = self._opened()
        self._is_closed = False

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of output; whole lines are written, the rest waits for its end.

        What an instance says after the log was closed is dropped: the descriptor may be another file's by then.
        """
        if self._is_closed:
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_LIMIT:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._write_line(line[:LINE_LIMIT])

    def tail(self) -> str:
        """Return the last lines, at most 4 KB."""
        lines = [*self._tail, self._rest] if self._rest else list(self._tail)
        return b"\n".join(lines)[-TAIL_LIMIT:].decode(errors="replace").strip()

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._rest:
            self._write_line(self._rest)
            self._rest = b""
        self._is_closed = True
        os.close(self._descriptor)

    def _write_line(self, line: bytes) -> None:
        self._tail.append(line)
        if os.fstat(self._descriptor).st_size > FILE_LIMIT:
            self._rotate()
        os.write(self._descriptor, line + b"\n")
        if self._told is not None:
            self._told(line.decode(errors="replace"))
        if self._echo:
            sys.stderr.buffer.write(self._prefix + line + b"\n")
            sys.stderr.buffer.flush()

    def _rotate(self) -> None:
        os.close(self._descriptor)
        self._path.replace(self._path.with_suffix(".log.1"))
        self._descriptor = self._opened()

    def _opened(self) -> int:
        return os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
