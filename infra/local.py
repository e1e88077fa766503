"""The stack on a laptop: `python -m infra.local` applies the declaration to a running emulator.

It prints one JSON line: where the functions answer. Progress and errors go to standard error.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from fujie.errors import FujieError, SettingsError
from fujie.secret import Secret
from fujie.settings import AgentAbout
from fujie.tools.declaration import Tool
from fujie.tools.manifest import providers_needed
from infra.config import StackConfig
from infra.declaration import Function, Stack, declare
from infra.demo import put_objects, register_partners, user_ids
from infra.emulated import endpoints, issuers
from infra.ensure import ensure_entrance, ensure_events, ensure_identity
from infra.environment import Resolved, function_environment
from infra.providers.clients import CloudClients, OperatorKey, load_entrance_clients
from infra.served import served
from infra.stack_secrets import StackSecrets, load_or_create

ROOT = Path(__file__).resolve().parent.parent
LAPTOP = "laptop"
"""This stack's name: not `local`, which `pulumi up` makes in the same emulated account."""
FUNCTION_PORTS = {"chat": 2, "process": 3, "callback": 4, "tool": 5}
LLM_VARIABLES = ("FUJIE_LLM_BASE_URL", "FUJIE_LLM_API_KEY", "FUJIE_LLM_MODEL", "DASHSCOPE_API_KEY")
AGENT_ELSEWHERE = ("FUJIE_AGENT_ENDPOINT", "FUJIE_AGENT_BEARER_TOKEN")
EMULATOR_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Emulator:
    """What the emulator wrote into its ready file."""

    url: str
    account_id: str
    region: str
    access_key_id: str
    access_key_secret: Secret
    users: tuple[str, ...]
    admin_token: Secret

    @property
    def admin_headers(self) -> dict[str, str]:
        """Return what opens the emulator's admin routes."""
        return {"x-fujie-admin": self.admin_token.reveal()}


@dataclass(frozen=True)
class LocalOptions:
    """The command line of this module."""

    emulator_file: Path
    state: Path
    base_port: int
    agent: Path | None


def main() -> int:
    """Apply the local stack; an expected failure is one sentence and exit code 1."""
    try:
        print(json.dumps(apply(_options(sys.argv[1:]), os.environ)))  # noqa: T201 - the answer to the caller
    except (FujieError, httpx2.HTTPError) as error:
        repair = f" ({error.repair})" if isinstance(error, FujieError) and error.repair else ""
        print(f"{error}{repair}", file=sys.stderr)  # noqa: T201
        return 1
    except Exception as error:  # the official clients' errors have a code and share no ancestor worth importing here
        if not getattr(error, "code", None):
            raise
        print(f"the cloud refused: {error.code} {getattr(error, 'message', '')}", file=sys.stderr)  # type: ignore[attr-defined]  # noqa: T201
        return 1
    return 0


def apply(options: LocalOptions, environ: Mapping[str, str]) -> dict[str, Any]:
    """Create or update everything, start the functions, and return their addresses.

    Functions start as soon as what they need to start is there; the rest is made while they do.
    """
    tools, about = served(options.agent)
    needs = providers_needed(tools)
    secrets = load_or_create(options.state / "keys.json", [need.name for need in needs])
    database = options.state / "fujie.db"
    database_url = f"sqlite+aiosqlite:///{database}"
    is_new = not database.exists()
    if not is_new:
        _migrate(database_url)
    load_entrance_clients()  # here, where the emulator still starts, it costs no time
    emulator = wait_for_emulator(options.emulator_file)
    follow_clock(emulator)
    stack = declare(_config(emulator, options.base_port, needs), tools)
    clients = CloudClients(stack.config.address, OperatorKey(emulator.access_key_id, emulator.access_key_secret))
    applications = ensure_entrance(stack, clients)
    client_id = applications[stack.identity_providers[0].application]
    resolved = _resolved(options, environ, stack, secrets, client_id, database_url, tools, about)
    own = {it.name: applications[it.application] for it in stack.oauth2_providers if it.application}
    resolved = replace(resolved, public_clients=own)
    with httpx2.Client(base_url=emulator.url, headers=emulator.admin_headers, trust_env=False, timeout=30) as http:
        _put_functions(http, stack, resolved, options.base_port)
        resources = options.agent.parent / "partners" if options.agent else None
        register_partners(http, stack.config, needs, secrets.provider_secrets, resources)
    if is_new:  # no event waits in a new database, so the functions may start before it has tables
        _migrate(database_url)
    ensure_identity(stack, clients, secrets, applications)
    if stack.triggers:
        ensure_events(stack, clients)
    put_objects(clients, stack.config.bucket, user_ids(clients, emulator.users))
    return {"functions": {name: _trigger_url(options.base_port, name) for name in FUNCTION_PORTS}}


def wait_for_emulator(file: Path) -> Emulator:
    """Return the emulator's particulars as soon as it has written them.

    Raises SettingsError when it has not within its deadline.
    """
    deadline = time.monotonic() + EMULATOR_DEADLINE_S
    while not file.exists():
        if time.monotonic() > deadline:
            raise SettingsError(f"the emulator did not start within {EMULATOR_DEADLINE_S:.0f} s")
        time.sleep(0.02)
    return read_emulator(file)


def read_emulator(file: Path) -> Emulator:
    """Return the particulars that the emulator wrote; raises FileNotFoundError."""
    data = json.loads(file.read_text())
    return Emulator(
        data["url"],
        data["account_id"],
        data["region"],
        data["access_key_id"],
        Secret(data["access_key_secret"]),
        tuple(data["users"]),
        Secret(data["admin_token"]),
    )


def follow_clock(emulator: Emulator) -> None:
    """Sign as of the emulated cloud's clock: when it was moved, requests of the real time would be expired."""
    clock = httpx2.get(f"{emulator.url}/_fujie/clock", trust_env=False, timeout=10).raise_for_status().json()
    if not clock["offset_s"]:
        return
    from alibabacloud_tea_openapi.utils import Utils

    offset, real_time = timedelta(seconds=clock["offset_s"]), time.time
    time.time = lambda: real_time() + offset.total_seconds()
    Utils.get_timestamp = staticmethod(lambda: (datetime.now(UTC) + offset).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _migrate(database_url: str) -> None:
    """Bring the store's schema up to date. Raises SettingsError when the file is not a database of ours."""
    from fujie.sessions.errors import StoreError
    from fujie.sessions.migrate import migrate

    try:
        asyncio.run(migrate(database_url))
    except StoreError as error:
        raise SettingsError(
            f"the database {database_url.removeprefix('sqlite+aiosqlite:///')} is damaged",
            repair="start again with `fujie dev --reset`, which forgets the state",
        ) from error


def _config(emulator: Emulator, base_port: int, needs: Sequence[Any]) -> StackConfig:
    return StackConfig(
        stack=LAPTOP,
        account_id=emulator.account_id,
        region=emulator.region,
        public_url=f"http://localhost:{base_port}",
        bucket=f"fujie-{LAPTOP}-{emulator.account_id}",
        cloud_url=emulator.url,
        issuer=f"{emulator.url}/oauth",
        issuers=issuers(emulator.url, needs),
    )


def _resolved(
    options: LocalOptions,
    environ: Mapping[str, str],
    stack: Stack,
    secrets: StackSecrets,
    client_id: str,
    database_url: str,
    tools: Sequence[Tool],
    about: AgentAbout | None,
) -> Resolved:
    cloud = stack.config.cloud_url
    chosen = {name: environ[name] for name in LLM_VARIABLES if environ.get(name)}
    scripted = {"FUJIE_LLM_BASE_URL": f"{cloud}/llm/v1", "FUJIE_LLM_API_KEY": "scripted", "FUJIE_LLM_MODEL": "scripted"}
    return Resolved(
        config=stack.config,
        secrets=secrets,
        sign_in_client_id=client_id,
        workload_identity=stack.workload_identities[0].name,
        database_url=database_url,
        process_url=_trigger_url(options.base_port, "process"),
        tool_url=_trigger_url(options.base_port, "tool"),
        mcp_server=environ.get("FUJIE_MCP_SERVER") or f"{cloud}/partners/aliyun/mcp",
        endpoints=endpoints(cloud, tools),
        llm=chosen if {"FUJIE_LLM_BASE_URL", "DASHSCOPE_API_KEY"} & set(chosen) else scripted,
        agent=str(options.agent or ""),
        agent_about=about,
        queues=stack.queue_names,
        agent_elsewhere={name: environ[name] for name in AGENT_ELSEWHERE if environ.get(name)},
    )


def _put_functions(http: httpx2.Client, stack: Stack, resolved: Resolved, base_port: int) -> None:
    http.put(
        "/_fujie/routes", json={"port": base_port, "routes": [list(route) for route in stack.routes]}
    ).raise_for_status()
    for function in stack.functions:
        http.put(f"/_fujie/functions/{function.name}", json=_function(function, resolved, base_port)).raise_for_status()


def _function(function: Function, resolved: Resolved, base_port: int) -> dict[str, Any]:
    built_in = function.runtime == "python3.12"
    entry: dict[str, Any] = (
        {"handler": function.entry} if built_in else {"command": [sys.executable, "-m", function.entry]}
    )
    return entry | {
        "runtime": function.runtime,
        "code_dir": str(ROOT),
        "env": function_environment(function.name, resolved),
        "role": function.role,
        "timeout_s": function.timeout_s,
        "instance_concurrency": function.instance_concurrency,
        "max_instances": function.max_instances,
        "trigger_port": base_port + FUNCTION_PORTS[function.name],
    }


def _trigger_url(base_port: int, function: str) -> str:
    return f"http://127.0.0.1:{base_port + FUNCTION_PORTS[function]}"


def _options(argv: Sequence[str]) -> LocalOptions:
    parser = argparse.ArgumentParser(prog="infra.local", description=__doc__)
    parser.add_argument("--emulator-file", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--agent", type=Path)
    parsed = parser.parse_args(argv)
    return LocalOptions(parsed.emulator_file, parsed.state, parsed.base_port, parsed.agent)


if __name__ == "__main__":
    gc.disable()  # the program ends before its garbage would matter; looking for it costs a sixth of its time
    sys.exit(main())
