"""`python -m infra.deploy up --stack local`: Pulumi's commands with everything they need set, for `make deploy`.

The stack `local` is applied to the emulated cloud of `fujie dev`: its operator's key is used, and the stack's state
lies beside that of the emulator. Any other stack uses the caller's own key, backend and passphrase.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

from fujie.errors import FujieError, SettingsError
from fujie.secret import Secret
from fujie.tools.manifest import providers_needed
from infra.demo import put_objects, register_partners, user_ids
from infra.engine.mending import mend
from infra.engine.running import ROOT, THE_USERS_SECRETS, EngineRun, engine_run, laid_out
from infra.inputs import LOCAL, inputs_from_config
from infra.local import Emulator, read_emulator
from infra.providers.clients import CloudClients, OperatorKey
from infra.served import served

COMMANDS = ("up", "preview", "refresh", "destroy")


def main() -> int:
    """Run the command; an expected failure is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="infra.deploy", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--state", type=Path, default=ROOT / ".fujie", help="of `fujie dev`, for the stack local")
    asked, more = parser.parse_known_args()
    try:
        return deploy(asked.command, asked.stack, asked.state.resolve(), more, os.environ)
    except (FujieError, httpx2.HTTPError) as error:
        repair = f" ({error.repair})" if isinstance(error, FujieError) and error.repair else ""
        print(f"{error}{repair}", file=sys.stderr)  # noqa: T201
        return 1


def deploy(command: str, stack: str, state: Path, more: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command on a stack that the user watches; return its exit code. Raises FujieError."""
    if stack != LOCAL:
        run = engine_run(stack, environ)
        run.select()
        mend(run)
        return run.follow(command, *more)
    emulator = running_emulator(state / "run" / "emulator.json")
    run = local_run(emulator, state / "pulumi", environ)
    run.select()
    mend(run, state / "pulumi")
    code = run.follow(command, *more)
    if command == "up" and not code:
        furnish(run, emulator)
    return code


def running_emulator(file: Path) -> Emulator:
    """Return the particulars of the emulator that answers. Raises SettingsError when none does."""
    repair = "start one: `fujie dev`"
    try:
        emulator = read_emulator(file)
        httpx2.get(f"{emulator.url}/_fujie/health", trust_env=False, timeout=5).raise_for_status()
    except FileNotFoundError:
        raise SettingsError("no emulated cloud runs here", repair=repair) from None
    except httpx2.HTTPError:
        raise SettingsError("the emulated cloud does not answer", repair=repair) from None
    return emulator


def local_run(emulator: Emulator, state: Path, environ: Mapping[str, str]) -> EngineRun:
    """Return the engine for the stack `local` on this emulator, with a backend and a passphrase of its own."""
    passphrase = state / "passphrase"
    state.mkdir(parents=True, exist_ok=True)
    if not passphrase.exists():
        with os.fdopen(os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    others = {name: value for name, value in environ.items() if name not in THE_USERS_SECRETS}
    own = {
        "FUJIE_CLOUD_URL": emulator.url,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": emulator.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": emulator.access_key_secret.reveal(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }
    return engine_run(LOCAL, {**others, **own}, project=laid_out(LOCAL, state / "project"), backend=state)


def furnish(run: EngineRun, emulator: Emulator) -> None:
    """Make the emulated partners know the stack as their client, and give the demo's people their objects."""
    inputs = inputs_from_config(run.config(), run.stack, run.environ)
    config = inputs.stack_config(run.stack)
    made = {name: Secret(text) for name, text in run.outputs()["provider_secrets"].items()}
    clients = CloudClients(config.address, OperatorKey(emulator.access_key_id, emulator.access_key_secret))
    agent = ROOT / inputs.agent if inputs.agent else None
    needs, resources = providers_needed(served(agent)[0]), agent.parent / "partners" if agent else None
    with httpx2.Client(base_url=emulator.url, headers=emulator.admin_headers, trust_env=False, timeout=30) as http:
        register_partners(http, config, needs, {**inputs.provider_secrets, **made}, resources)
    put_objects(clients, config.bucket, user_ids(clients, emulator.users))


if __name__ == "__main__":
    sys.exit(main())
