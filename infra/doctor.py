"""What a deployment needs, looked at without changing anything: one finding a line, each with its repair."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fujie.errors import FujieError
from fujie.tools.declaration import Tool
from fujie.tools.manifest import providers_needed
from infra.allowing import named
from infra.declaration import Stack, declare
from infra.deploy import running_emulator
from infra.engine.finding import HOW_TO_GET, find_engine
from infra.inputs import LOCAL, StackInputs, inputs_from_config
from infra.local import Emulator
from infra.operator_policy import When, needed
from infra.packages.wheels import find_uv
from infra.permission import NotPermittedError, Reading, holder, lacking, readings, repair_of
from infra.probing import Account, Key, NotAsked, NotThere, Refused
from infra.program import check_policies, missing_secrets, target_of
from infra.served import served
from infra.stack_file import ROOT, inputs_without_secrets, values_from_file

Verdict = Literal["ok", "wrong", "unknown"]
QUOTAS = ("Roles", "Policies")
"""Of the account's summary: what a stack takes several of."""
NEEDED = 8
"""Roles and policies of one stack, rounded up."""
FIRST = "mend the above first"
REACH = "reach the cloud from here, and try again"
QUOTAS_TOLD = "see the console's quota center, or give the key ram:GetAccountSummary"


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
        yield Finding("unknown", "cloud", "not asked, since the stack's configuration is not right", FIRST)
        return
    yield Finding("ok", "stack", f"{stack} in account {inputs.account_id}, {inputs.region}")
    yield _tried("python", lambda: f"{target_of(inputs).python} at {target_of(inputs).interpreter()}")
    try:
        declared = declared_by(stack, inputs)
    except FujieError as error:
        yield _wrong("declaration", error)
        yield Finding("unknown", "cloud", "not asked, since it is not known what would be made", FIRST)
        return
    yield Finding("ok", "declaration", f"{len(declared.roles)} roles, {len(declared.functions)} functions")
    yield _secrets(stack, inputs, environ)
    if stack == LOCAL and emulator is None and not environ.get("FUJIE_CLOUD_URL"):
        yield Finding("unknown", "cloud", "not asked, since no emulated cloud runs here", "start one: `fujie dev`")
        return
    yield from _cloud(inputs, declared, _key(environ, emulator))


def _secrets(stack: str, inputs: StackInputs, environ: Mapping[str, str]) -> Finding:
    """Return whether what only people can give is in the stack's file; what it says is not looked at."""
    try:
        given = inputs_from_config(values_from_file(stack), stack, environ)
        missing_secrets(providers_needed(tools_of(inputs)), given, stack)
    except FujieError as error:
        return Finding("wrong", "secrets", error.message, "set them, as the first lines of Pulumi.dev.yaml say")
    return Finding("ok", "secrets", "all that are needed are set; what they say is not looked at")


def tools_of(inputs: StackInputs) -> Sequence[Tool]:
    """Return the tools that the stack serves; raises SettingsError."""
    return served(ROOT / inputs.agent if inputs.agent else None)[0]


def declared_by(stack: str, inputs: StackInputs) -> Stack:
    """Return what the stack would be made of; raises FujieError for what cannot be right."""
    declared = declare(inputs.stack_config(stack), tools_of(inputs))
    check_policies(declared.roles)
    return declared


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


def _cloud(inputs: StackInputs, declared: Stack, key: Key | None) -> Iterator[Finding]:
    if key is None:
        repair = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        yield Finding("wrong", "credentials", "there is no key in the environment", repair)
        yield Finding("unknown", "cloud", "permissions, region and quotas need a key", FIRST)
        return
    with Account(inputs, key) as account:
        try:
            who = holder(account, inputs)
        except NotPermittedError as error:
            yield _wrong("credentials", error)
            yield Finding("unknown", "cloud", "permissions, region and quotas were not asked", FIRST)
            return
        except NotAsked as error:
            yield Finding("unknown", "credentials", f"the cloud does not answer: {error}", REACH)
            return
        yield Finding("ok", "credentials", who)
        for reading in readings(declared):
            yield _read(account, reading, inputs.region, repair_of(declared))
        yield _permitted(account, who, inputs, declared, "up")
        yield _permitted(account, who, inputs, declared, "destroy")
        yield _quotas(account)


def _read(account: Account, reading: Reading, region: str, mend: str) -> Finding:
    """Return what one service says to the question; that the thing is not there yet is an answer, too."""
    with suppress(NotThere):
        try:
            account.ask(reading.service, reading.action, **reading.parameters)
        except Refused as error:
            return Finding("wrong", reading.service, f"{reading.permission} is refused: {error}", mend)
        except NotAsked as error:
            words = f"no answer in {region}: {error}"
            return Finding("unknown", reading.service, words, "open the service in that region, or correct region")
    return Finding("ok", reading.service, f"answers in {region}, and {reading.permission} is allowed")


def _permitted(account: Account, who: str, inputs: StackInputs, declared: Stack, moment: When) -> Finding:
    """Return whether the key may do all that this moment takes; what only `destroy` takes a stack can live without."""
    try:
        refused, doubt = lacking(account, who, needed(declared, inputs, moment))
    except NotAsked as error:
        return Finding("unknown", moment, f"the cloud does not answer: {error}", REACH)
    if doubt:
        return Finding("unknown", moment, doubt, repair_of(declared))
    if not refused:
        return Finding("ok", moment, "the key may do all that it takes")
    if moment == "destroy":
        return Finding("ok", moment, f"would be refused, as the key may not do {named(refused)}")
    return Finding("wrong", moment, f"the key may not do {named(refused)}", repair_of(declared))


def _quotas(account: Account) -> Finding:
    try:
        said = account.ask("ims", "GetAccountSummary").get("SummaryMap", {})
        left = {name: int(said[f"{name}Quota"]) - int(said[name]) for name in QUOTAS}
    except (Refused, NotThere, NotAsked) as error:
        return Finding("unknown", "quotas", f"the account's summary was not told: {error}", QUOTAS_TOLD)
    except (KeyError, ValueError, TypeError):
        return Finding("unknown", "quotas", "the account's summary does not tell them", QUOTAS_TOLD)
    words = ", ".join(f"{count} {name.lower()}" for name, count in left.items())
    if min(left.values()) < NEEDED:
        return Finding(
            "wrong", "quotas", f"there is room for {words}; a stack takes {NEEDED}", "delete some, or ask for more"
        )
    return Finding("ok", "quotas", f"room for {words}; those of other services no API tells")


def report(stack: str, state: Path) -> tuple[str, bool]:
    """Return the findings as lines, and whether nothing is wrong."""
    findings = list(examine(stack, state, os.environ))
    return "\n".join(map(str, findings)), all(each.verdict != "wrong" for each in findings)
