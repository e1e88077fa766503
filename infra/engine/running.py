"""Pulumi's engine run on this program: one command at a time, on one stack, with an environment that says where."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fujie.errors import FujieError
from infra.engine.finding import HOW_TO_GET, Engine, find_engine

ROOT = Path(__file__).resolve().parents[2]
_SALT = "encryptionsalt:"
_COMMON = ("--non-interactive", "--color", "never")

THE_USERS_SECRETS = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


class EngineError(FujieError):
    """The engine is not there, or a command of it failed; the message is what it said."""

    code = "engine"


@dataclass(frozen=True)
class EngineRun:
    """An engine with the environment of its commands."""

    engine: Engine
    stack: str
    environ: Mapping[str, str]
    project: Path = ROOT

    def run(self, command: str, *arguments: str, check: bool = True, timeout_s: float | None = None) -> str:
        """Run `pulumi COMMAND` on the stack and return what it printed; raise EngineError when it fails."""
        words = [self.engine.pulumi, *command.split(), *arguments, "--stack", self.stack, *_COMMON]
        done = subprocess.run(  # noqa: S603 - the engine that was found
            words,
            cwd=self.project,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise EngineError(f"pulumi {command} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def give(self, command: str, text: str) -> None:
        """Run a command that reads `text`; raise EngineError when it fails."""
        words = [self.engine.pulumi, *command.split(), "--stack", self.stack, *_COMMON]
        done = subprocess.run(  # noqa: S603
            words, cwd=self.project, env=dict(self.environ), input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"pulumi {command} failed:\n{done.stdout}{done.stderr}")

    def follow(self, command: str, *arguments: str) -> int:
        """Run a command that the user watches; return its exit code."""
        words = [self.engine.pulumi, *command.split(), *arguments, "--stack", self.stack]
        return subprocess.run(words, cwd=self.project, env=dict(self.environ), check=False).returncode  # noqa: S603

    def outputs(self) -> dict[str, Any]:
        """Return what the stack exports, secrets in clear."""
        told: dict[str, Any] = self.json("stack", "output", "--show-secrets")
        return told

    def config(self) -> dict[str, str]:
        """Return the stack's configuration as the program is given it, secrets in clear."""
        return {key: entry["value"] for key, entry in self.json("config", "--show-secrets").items()}

    def json(self, *arguments: str) -> Any:
        """Run a command that answers in JSON, and return its answer; raise EngineError when it fails."""
        words = [self.engine.pulumi, *arguments, "--json", "--stack", self.stack]
        done = subprocess.run(  # noqa: S603
            words, cwd=self.project, env=dict(self.environ), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"pulumi {arguments[0]} failed:\n{done.stderr}")
        return json.loads(done.stdout)

    def select(self) -> None:
        """Make the stack unless it is there."""
        self.run("stack init", check=False)
        self.run("stack select")


def laid_out(stack: str, folder: Path) -> Path:
    """Return a folder that is this project for the engine: the stack's configuration there may change, ours does not.

    The engine writes the salt of the secrets into the configuration; each machine that has a stack of its own has its
    own passphrase, so the salt is kept there and the rest is taken from here each time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"Pulumi.{stack}.yaml"
    salt = [line for line in own.read_text().splitlines() if line.startswith(_SALT)] if own.exists() else []
    own.write_text((ROOT / own.name).read_text() + "".join(f"{line}\n" for line in salt))
    (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    if not (folder / "infra").exists():
        (folder / "infra").symlink_to(ROOT / "infra")
    return folder


def engine_run(
    stack: str, environ: Mapping[str, str], *, project: Path = ROOT, backend: Path | None = None
) -> EngineRun:
    """Return what runs commands on the stack; with `backend`, its state is in that folder and the user's is left alone.

    Raises EngineError when there is no engine.
    """
    engine = find_engine(environ)
    if engine is None:
        raise EngineError(HOW_TO_GET)
    own = {
        "PATH": engine.path(environ.get("PATH", ""), Path(sys.executable)),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), environ.get("PYTHONPATH", "")))),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if environ.get("FUJIE_CLOUD_URL") and not environ.get("HTTP_PROXY"):  # for hosts that no name server knows
        own |= {"HTTP_PROXY": environ["FUJIE_CLOUD_URL"], "NO_PROXY": "127.0.0.1,localhost"}
    if backend is not None:
        backend.mkdir(parents=True, exist_ok=True)
        own["PULUMI_BACKEND_URL"] = f"file://{backend}"
        own["PULUMI_HOME"] = str(backend / "home")
    return EngineRun(engine, stack, {**environ, **own}, project)
