"""`python -m fujie_emulator start`: the cloud in the foreground."""

import argparse
import sys
from pathlib import Path

from fujie_emulator.core.errors import EmulatorError

_HIGHEST_PORT = 65535


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.command == "coverage":
        from fujie_emulator.coverage import coverage_page

        sys.stdout.write(coverage_page())
        return 0
    from fujie_emulator.core.serving import start

    try:
        start(
            asked.port,
            asked.state,
            asked.ready_file,
            asked.host_base_port,
            admin=not asked.no_admin,
            llm_script=asked.llm_script,
        )
    except EmulatorError as error:
        sys.stderr.write(f"fujie emulator: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fujie_emulator", description="Alibaba Cloud on this machine.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    start = commands.add_parser("start", help="serve the cloud until Ctrl-C")
    start.add_argument("--port", type=_port, default=8091, help="loopback port; 0 takes a free one (default 8091)")
    start.add_argument("--state", type=Path, default=Path(".fujie/cloud"), help="directory that keeps the account")
    start.add_argument("--ready-file", type=Path, help="written as JSON once everything answers")
    start.add_argument("--host-base-port", type=_port, help="first port of the function host; none, no host ports")
    start.add_argument("--no-admin", action="store_true", help="serve nothing under /_fujie/")
    start.add_argument("--llm-script", type=Path, metavar="FILE", help="JSON rules that the model tries first")
    commands.add_parser("coverage", help="print COVERAGE.md: what the cloud does, operation by operation")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to {_HIGHEST_PORT})")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
