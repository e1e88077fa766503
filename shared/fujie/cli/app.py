"""The commands and their options; each one's work is in the module of its name."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="fujie",
    help="Fujie 符节: AI agents act for a person with that person's consent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
emulator = typer.Typer(help="The emulated cloud on its own.", no_args_is_help=True)
app.add_typer(emulator, name="emulator")

State = Annotated[Path, typer.Option(help="Directory that keeps all state.", metavar="DIR")]
ReadyFile = Annotated[Path | None, typer.Option(help="JSON file to write once everything answers.", metavar="FILE")]


@app.command()
def dev(
    ports: Annotated[
        int, typer.Option(help="First of six ports in a row; the first is the address.", metavar="BASE")
    ] = 8090,
    state: State = Path(".fujie"),
    ready_file: ReadyFile = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the address in a browser.")] = True,
    agent: Annotated[Path | None, typer.Option(help="Serve the agent in this file.", metavar="FILE")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all state first.")] = False,
) -> None:
    """Run everything on this machine: the emulated cloud, the four functions, one address. Ctrl-C stops it all."""
    from fujie.cli.dev import DevOptions, run_dev

    run_dev(DevOptions(ports, state.resolve(), ready_file, open_browser, agent.resolve() if agent else None, reset))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="Demo user: alice or bob.")],
    state: State = Path(".fujie"),
) -> None:
    """Print an id_token of the emulated sign-in for a demo user, for curl."""
    from fujie.cli.token import id_token_of

    print(id_token_of(user, state.resolve()).reveal())


@emulator.command("start")
def emulator_start(
    port: Annotated[int, typer.Option(help="Port of the emulated cloud.")] = 8091,
    state: State = Path(".fujie/cloud"),
    ready_file: ReadyFile = None,
) -> None:
    """Start the emulated cloud alone, in the foreground. Ctrl-C stops it."""
    from fujie.cli.processes import run_emulator

    run_emulator(port, state.resolve(), ready_file)
