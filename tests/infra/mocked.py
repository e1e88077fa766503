"""The program run without an engine: every resource that it declares, as the engine would be told of it."""

import asyncio
import json
import runpy
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks

SECRET_MARK = "4dabf18193072939515e22adb298388d"
"""With which the engine's wire marks a secret (`pulumi.runtime.rpc._special_sig_key`)."""
PROGRAM = Path(__file__).resolve().parents[2] / "infra" / "__main__.py"
ACCOUNT = "1234567890123456"
CONFIG = {
    "fujie:account_id": ACCOUNT,
    "fujie:region": "cn-beijing",
    "fujie:public_url": "https://agent.example",
    "fujie:certificate": "the chain",
    "fujie:certificate_key": "the-domains-key",
    "fujie:database_url": "postgresql+asyncpg://u:database-password@db.example/fujie",
    "fujie:llm_api_key": "the-models-key",
    "fujie:provider_secrets": '{"dingtalk": "dingtalks-secret", "time": "times-secret", "weather": "weathers-key"}',
}
SECRETS = ("the-domains-key", "database-password", "the-models-key", "dingtalks-secret", "times-secret", "weathers-key")


@dataclass
class Declared(Mocks):
    """What was declared."""

    resources: list[MockResourceArgs] = field(default_factory=list)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Answer as the cloud would, as far as other resources need it."""
        self.resources.append(args)
        outputs = bare(args.inputs)
        if args.typ == "alicloud:ram/role:Role":
            outputs["arn"] = f"acs:ram::{ACCOUNT}:role/{args.inputs['roleName']}"
        if args.typ == "alicloud:fc/v3Trigger:V3Trigger":
            address = f"https://{args.name}.example"
            outputs["httpTrigger"] = {"urlInternet": address, "urlIntranet": f"{address}/vpc"}
        if args.typ.endswith(":OAuthApplication"):
            outputs["app_id"] = f"4{args.name}"
        if args.typ.endswith(":OAuthApplicationSecret"):
            outputs["value"] = "the-applications-secret"
        if args.typ.endswith(":GeneratedKey"):
            outputs |= {"private": json.dumps({"d": f"private of {args.name}"}), "public": '{"kty": "EC"}'}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        """Refuse: the program asks the cloud nothing."""
        raise AssertionError(args.token)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of the resources of a kind (the end of its type token) by name."""
        return {each.name: bare(each.inputs) for each in self.resources if each.typ.rpartition(":")[2] == kind}

    def types(self) -> set[str]:
        return {each.typ for each in self.resources}


def run_program(monkeypatch, tmp_path, stack="dev", *, doubt="", **changes):
    """Run `infra/__main__.py` with changed configuration (None leaves a key out) and return what it declared.

    `doubt` is what is not known of the operator's permissions.
    """
    import infra.packages.building as building
    import infra.program

    def package(function, target, into, agent=None):
        return building.Package(function.name, tmp_path / f"{function.name}.zip", f"{function.name}-sha", 1)

    monkeypatch.setattr(building, "build", package)
    monkeypatch.setattr(infra.program, "check_operator", lambda *_: doubt)
    config = CONFIG | {f"fujie:{key}": value for key, value in changes.items()}
    declared = Declared()
    set_all_config({key: value for key, value in config.items() if value is not None}, [])
    with own_loops():
        set_mocks(declared, project="fujie", stack=stack)
        pulumi.runtime.test(lambda: runpy.run_path(str(PROGRAM)) and None)()
    return declared


@contextmanager
def own_loops():
    """Set an event loop whose worker threads have one each, too; Pulumi would make them and never close them."""
    loops = []

    def with_loop():
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    with_loop()
    workers = ThreadPoolExecutor(4, initializer=with_loop)
    loops[0].set_default_executor(workers)
    try:
        yield
    finally:
        workers.shutdown()
        asyncio.set_event_loop(None)
        for loop in loops:
            loop.close()


def bare(value):
    """Return a value without the marks of secrets."""
    if isinstance(value, dict):
        return bare(value["value"]) if SECRET_MARK in value else {key: bare(each) for key, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value


def in_clear(value):
    """Return what of a value is not marked as a secret."""
    if isinstance(value, dict):
        return {} if SECRET_MARK in value else {key: in_clear(each) for key, each in value.items()}
    return [in_clear(each) for each in value] if isinstance(value, list) else value
