"""Run a command that the kernel kills when the process that started it dies: `parent_death.py PARENT COMMAND...`.

A program of its own, started with `python -I -S`, so that it costs a few milliseconds; it replaces itself with
the command. Only Linux knows the signal; elsewhere `reaper.py` alone does the work.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def bind_to_parent(parent: int) -> None:
    """Ask for SIGKILL at the parent's death, and leave at once when it is dead already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: list[str]) -> None:
    """Become the command, found on PATH."""
    parent, command = int(arguments[0]), arguments[1:]
    bind_to_parent(parent)
    try:
        os.execvp(command[0], command)  # noqa: S606  the operator's own command, with no shell between
    except OSError as error:
        sys.stderr.write(f"CAExited: cannot run {command[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
