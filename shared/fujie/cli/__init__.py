"""The command line."""

import sys


def main() -> None:
    """Run the command; an expected failure is one clear sentence and exit code 1, never a traceback."""
    from fujie.cli.app import app
    from fujie.errors import FujieError

    try:
        app()
    except FujieError as error:
        print(f"fujie: {error.message}", file=sys.stderr)
        if error.repair:
            print(f"       {error.repair}", file=sys.stderr)
        sys.exit(1)
