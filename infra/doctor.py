"""What a deployment needs, looked at without changing anything: one finding a line, each with its repair."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fujie.errors import FujieError
from infra.deploy import running_emulator
from infra.engine.finding import HOW_TO_GET, find_engine
from infra.inputs import LOCAL, StackInputs
from infra.local import Emulator
from infra.packages.wheels import find_uv
from infra.probing import Account, Key, NotAsked, Refused
from infra.program import target_of
from infra.stack_file import inputs_without_secrets

Verdict = Literal["ok", "wrong", "unknown"]
QUOTAS = ("Roles", "Policies")
"""Of the account's summary: what a stack takes several of."""
NEEDED = 8
"""Roles and policies of one stack, rounded up."""
READS: Mapping[str, str] = {
    "ram": "ram:ListRoles",
    "ims": "ram:ListApplications",
    "agentidentity": "agentidentity:ListWorkloadIdentities",
    "fc": "fc:ListFunctions",
}
"""What is asked of each service that a stack is made in: the smallest list it has."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    words: str
    repair: str = ""

    def __str__(self) -> str:
        repair = f" -> {self.repair}" if self.repair else ""
        return f"{self.verdict:8}{self.what:15}{self.words}{repair}"


def examine(stack: str, state: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found, first what this machine has, then what the cloud says."""
    yield _engine(environ)
    yield _tried("uv", lambda: f"at {find_uv()}")
    emulator = None
    if stack == LOCAL and not environ.get("FUJIE_CLOUD_URL"):
        emulator = yield from _local(state)
    if emulator is not None:
        environ = {**environ, "FUJIE_CLOUD_URL": emulator.url}
    try:
        inputs = inputs_without_secrets(stack, environ)
    except FujieError as error:
        yield _wrong("stack", error)
        yield Finding("unknown", "cloud", "not asked, since the stack's configuration is not right")
        return
    yield Finding("ok", "stack", f"{stack} in account {inputs.account_id}, {inputs.region}; secrets are not looked at")
    yield _tried("python", lambda: f"{target_of(inputs).python} at {target_of(inputs).interpreter()}")
    if stack == LOCAL and emulator is None and not environ.get("FUJIE_CLOUD_URL"):
        yield Finding("unknown", "cloud", "not asked, since no emulated cloud runs here", "start one: `fujie dev`")
        return
    yield from _cloud(inputs, _key(environ, emulator))


def _engine(environ: Mapping[str, str]) -> Finding:
    engine = find_engine(environ)
    return Finding("ok", "engine", f"at {engine.pulumi}") if engine else Finding("wrong", "engine", *_split(HOW_TO_GET))


def _split(sentence: str) -> tuple[str, str]:
    words, _, repair = sentence.partition(": ")
    return words, repair


def _local(state: Path) -> Generator[Finding, None, Emulator | None]:
    """Yield how the stack of this machine is, and return its cloud."""
    try:
        emulator = running_emulator(state / "run" / "emulator.json")
    except FujieError as error:
        yield _wrong("emulator", error)
        return None
    yield Finding("ok", "emulator", f"answers at {emulator.url}")
    return emulator


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, look())
    except FujieError as error:
        return _wrong(what, error)


def _wrong(what: str, error: FujieError) -> Finding:
    return Finding("wrong", what, error.message, error.repair)


def _key(environ: Mapping[str, str], emulator: Emulator | None) -> Key | None:
    if emulator is not None:
        return Key(emulator.access_key_id, emulator.access_key_secret)
    return Key.of(environ)


def _cloud(inputs: StackInputs, key: Key | None) -> Iterator[Finding]:
    if key is None:
        repair = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        yield Finding("wrong", "credentials", "there is no key in the environment", repair)
        yield Finding("unknown", "cloud", "permissions, region and quotas need a key")
        return
    with Account(inputs, key) as account:
        identity = _identity(account, inputs)
        yield identity
        if identity.verdict != "ok":
            yield Finding("unknown", "cloud", "permissions, region and quotas were not asked")
            return
        for service, action in READS.items():
            yield _reading(account, service, action, inputs.region)
        yield _quotas(account)
    yield Finding("unknown", "changing", "whether the key may create is not asked: `make deploy` shows it")


def _identity(account: Account, inputs: StackInputs) -> Finding:
    try:
        said = account.ask("sts", "GetCallerIdentity")
    except Refused as error:
        return Finding("wrong", "credentials", f"the cloud refuses the key: {error}", "set one that is enabled")
    except NotAsked as error:
        return Finding("unknown", "credentials", f"the cloud does not answer: {error}")
    found = str(said.get("AccountId", ""))
    if found != inputs.account_id:
        words = f"the key is of account {found}, the stack is in {inputs.account_id}"
        return Finding("wrong", "credentials", words, "use a key of that account, or correct account_id")
    return Finding("ok", "credentials", f"{said.get('Arn', found)}")


def _reading(account: Account, service: str, action: str, region: str) -> Finding:
    try:
        account.ask(service, action.partition(":")[2])
    except Refused as error:
        return Finding(
            "wrong", service, f"{action} is refused: {error}", f"give the key {action} and what is beside it"
        )
    except NotAsked as error:
        return Finding("unknown", service, f"no answer in {region}: {error}", "is the service in that region?")
    return Finding("ok", service, f"answers in {region}, and {action} is allowed")


def _quotas(account: Account) -> Finding:
    try:
        said = account.ask("ims", "GetAccountSummary").get("SummaryMap", {})
        left = {name: int(said[f"{name}Quota"]) - int(said[name]) for name in QUOTAS}
    except (Refused, NotAsked) as error:
        return Finding("unknown", "quotas", f"the account's summary was not told: {error}")
    except (KeyError, ValueError, TypeError):
        return Finding("unknown", "quotas", "the account's summary does not tell them")
    words = ", ".join(f"{count} {name.lower()}" for name, count in left.items())
    if min(left.values()) < NEEDED:
        return Finding(
            "wrong", "quotas", f"there is room for {words}; a stack takes {NEEDED}", "ask for a larger quota"
        )
    return Finding("ok", "quotas", f"room for {words}; those of other services no API tells")


def report(stack: str, state: Path) -> tuple[str, bool]:
    """Return the findings as lines, and whether nothing is wrong."""
    findings = list(examine(stack, state, os.environ))
    return "\n".join(map(str, findings)), all(each.verdict != "wrong" for each in findings)
