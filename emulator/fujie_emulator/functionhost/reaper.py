"""Kill every registered process group when standard input ends, which it does when the emulator dies.

A program of its own: lines `+PGID` and `-PGID` come in; at the end of input what is still registered gets SIGKILL.
It finishes what the kernel's parent-death signal leaves: the children of instances.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Follow the registrations until the emulator is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the emulator's end counts
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
