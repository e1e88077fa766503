"""The commands and their options; each one's work is in the module of its name."""

from pathlib import Path
from typing import Annotated, Literal

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
audit = typer.Typer(help="Who used whose credential for what.", no_args_is_help=True)
app.add_typer(audit, name="audit")
keys = typer.Typer(help="The keys that a stack makes for itself.", no_args_is_help=True)
app.add_typer(keys, name="keys")
policy = typer.Typer(help="What a stack's functions, and whoever applies it, may do.", no_args_is_help=True)
app.add_typer(policy, name="policy")

State = Annotated[Path, typer.Option(help="Directory that keeps all state.", metavar="DIR")]
ReadyFile = Annotated[Path | None, typer.Option(help="JSON file to write once everything answers.", metavar="FILE")]


@app.command()
def dev(
    ports: Annotated[
        int,
        typer.Option(help="First of six ports in a row; the first is the address.", metavar="BASE", min=1, max=65_530),
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
    """Print an id_token of the emulated sign-in for a demo user, for curl. `fujie dev` must be running."""
    from fujie.cli.token import id_token_of

    print(id_token_of(user, state.resolve()).reveal())


@audit.command("tail")
def audit_tail(
    count: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many entries.")] = 20,
    state: State = Path(".fujie"),
) -> None:
    """Print the last entries of the ledger, oldest first."""
    from fujie.cli.audit import tail

    print(tail(state.resolve(), count))


@audit.command("verify")
def audit_verify(state: State = Path(".fujie")) -> None:
    """Check that no entry of the ledger was changed, inserted, moved or dropped."""
    from fujie.cli.audit import verified

    print(verified(state.resolve()))


StackName = Annotated[str, typer.Option(help="Stack: local, dev, prod, pr-12.", metavar="STACK")]
Language = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Words in English or Chinese.")]


@policy.command("show")
def policy_show(stack: StackName = "local", lang: Language = "en") -> None:
    """Print what each function, and each tool with temporary credentials, may do in the cloud; asks no cloud."""
    from fujie.cli.policy import shown

    print(shown(stack, lang))


@policy.command("operator")
def policy_operator(
    stack: StackName = "local",
    named: Annotated[
        str, typer.Option(help="For stacks of these names made like it, below its domain.", metavar="'pr-*'")
    ] = "",
) -> None:
    """Print the RAM policy of whoever applies a stack: what that was seen to take, on the stack's own resources."""
    from fujie.cli.policy import operator

    print(operator(stack, named))


@keys.command("rotate")
def keys_rotate(
    stack: Annotated[
        str, typer.Option(help="Stack that Pulumi deploys; without one, that of `fujie dev`.", metavar="STACK")
    ] = "",
    state: State = Path(".fujie"),
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Although older keys are still needed: people sign in again.")
    ] = False,
) -> None:
    """Make new keys for sealing sign-ins, internal tokens and the agent card; the ones before still open and verify.

    The ledger keeps its key: what is sealed with it could not be verified by another.
    """
    from fujie.cli.keys import rotated

    print(rotated(stack, state.resolve(), at_once=at_once))


@app.command()
def doctor(stack: StackName = "local", state: State = Path(".fujie")) -> None:
    """Look at what a deployment needs, and say how to mend what is wrong; changes nothing. Exit code 1: mend something.

    With FUJIE_CLOUD_URL the emulated cloud at that address is asked.
    """
    from fujie.cli.doctor import examined

    lines, is_well = examined(stack, state.resolve())
    print(lines)
    raise typer.Exit(0 if is_well else 1)


CloudState = Annotated[Path, typer.Option("--state", help="State directory of the emulated cloud.", metavar="DIR")]
Url = Annotated[
    str | None, typer.Option(help="Where the emulated cloud answers, if not where its state says.", metavar="URL")
]
CLOUD_STATE = Path(".fujie/cloud")


@emulator.command("start")
def emulator_start(
    port: Annotated[int, typer.Option(help="Port of the emulated cloud.", min=0, max=65_535)] = 8091,
    state: State = CLOUD_STATE,
    ready_file: ReadyFile = None,
    admin: Annotated[
        bool, typer.Option("--admin/--no-admin", help="Serve the admin routes, which the commands beside this one use.")
    ] = True,
    llm_script: Annotated[
        Path | None, typer.Option(help="JSON rules that the scripted model tries first.", metavar="FILE")
    ] = None,
) -> None:
    """Start the emulated cloud alone, in the foreground. Ctrl-C stops it."""
    from fujie.cli.processes import run_emulator

    run_emulator(port, state.resolve(), ready_file, llm_script, admin=admin)


@emulator.command("status")
def emulator_status(state: CloudState = CLOUD_STATE, url: Url = None) -> None:
    """Say where the cloud answers, what it holds, its clock, and which faults are armed."""
    from fujie.cli.emulator import connected, status

    with connected(state, url) as cloud:
        print(status(cloud))


@emulator.command("reset")
def emulator_reset(state: CloudState = CLOUD_STATE, url: Url = None) -> None:
    """Forget all resources, the clock's offset and the faults. The account, its key and its users stay.

    Functions that run go on without their roles: to start a whole stack anew, use `fujie dev --reset`.
    """
    from fujie.cli.emulator import connected, reset

    with connected(state, url) as cloud:
        print(reset(cloud))


@emulator.command("clock", context_settings={"ignore_unknown_options": True})
def emulator_clock(
    move: Annotated[
        str, typer.Argument(help="How far: +1h, +1d12h, -90s; `real` for real time; nothing shows it.", metavar="+1h")
    ] = "",
    state: CloudState = CLOUD_STATE,
    url: Url = None,
) -> None:
    """Show or move the cloud's clock; tokens, keys and sessions end by it.

    The functions' clocks move along. A client of your own keeps real time: past 15 minutes its signatures are refused.
    """
    from fujie.cli.emulator import clock, connected

    with connected(state, url) as cloud:
        print(clock(cloud, move))


@emulator.command("fault")
def emulator_fault(
    service: Annotated[str, typer.Argument(help="sts, oss, llm, partner.weather, ...", metavar="SERVICE")] = "",
    kind: Annotated[
        str, typer.Argument(help="status, latency, drop, truncate or upstream.", metavar="KIND")
    ] = "status",
    action: Annotated[
        str, typer.Option(help="Only this action; for upstream, only this provider.", metavar="NAME")
    ] = "",
    status: Annotated[int, typer.Option(help="HTTP status; 429 carries x-acs-retry-after.")] = 503,
    latency_s: Annotated[float, typer.Option("--latency", help="Seconds to wait before answering.")] = 1.0,
    retry_after_ms: Annotated[int, typer.Option("--retry-after", help="Milliseconds in x-acs-retry-after.")] = 1000,
    count: Annotated[int, typer.Option(help="How many calls fail.")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="Disarm all faults.")] = False,
    state: CloudState = CLOUD_STATE,
    url: Url = None,
) -> None:
    """Make the next calls of a service fail; without SERVICE, show what is armed.

    status answers an error, latency answers late, drop cuts the connection, truncate cuts it in the middle of the
    answer, upstream fails the data plane's own calls to a provider's token endpoint.
    """
    from fujie.cli.emulator import connected, fault, faults

    wanted = {"service": service, "kind": kind, "action": action, "status": status, "latency_s": latency_s}
    with connected(state, url) as cloud:
        asked = wanted | {"retry_after_ms": retry_after_ms, "count": count}
        print(fault(cloud, asked) if service and not clear else faults(cloud, clear=clear))


@emulator.command("snapshot")
def emulator_snapshot(
    file: Annotated[Path, typer.Argument(help="File to write; it holds secrets.", metavar="FILE")],
    state: CloudState = CLOUD_STATE,
    url: Url = None,
) -> None:
    """Write the whole state, objects included, into one file that only you can read."""
    from fujie.cli.emulator import connected, snapshot

    with connected(state, url) as cloud:
        print(snapshot(cloud, file))


@emulator.command("restore")
def emulator_restore(
    file: Annotated[Path, typer.Argument(help="A file that `snapshot` wrote.", metavar="FILE")],
    state: CloudState = CLOUD_STATE,
    url: Url = None,
) -> None:
    """Put the state of a snapshot in place of the present one. The port must be the one it was taken at."""
    from fujie.cli.emulator import connected, restore

    with connected(state, url) as cloud:
        print(restore(cloud, file))


@emulator.command("import")
def emulator_import(
    file: Annotated[Path, typer.Argument(help='JSON: {"resources": [...]}', metavar="FILE")],
    state: CloudState = CLOUD_STATE,
    url: Url = None,
) -> None:
    """Make the resources of a JSON file, in their order; those that are there stay.

    A resource is {"service": "ram", "action": "CreateRole", "parameters": {...}},
    {"service": "oss", "bucket": "b", "key": "k", "text": "..."}
    or {"service": "partners", "name": "crm", "partner": {...}}.
    """
    from fujie.cli.emulator import connected, import_file

    with connected(state, url) as cloud:
        print(import_file(cloud, file))
