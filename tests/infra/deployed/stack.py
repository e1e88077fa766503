"""A stack that `make deploy` made in the emulated cloud of a running `make dev`."""

import os
import subprocess
import sys

from infra.deploy import local_run
from infra.local import read_emulator
from tests.e2e.emulated import EmulatedStack
from tests.e2e.running import ROOT

DEADLINE_S = 300


class DeployedStack(EmulatedStack):
    """The stack `local`: its functions run from their packages in the emulated Function Compute."""

    name = token_vault = "fujie-local"
    function_prefix = "fujie-local-"

    def __init__(self, dev, database, outputs):
        super().__init__()
        self.dev = dev
        self._database = database
        self.outputs = outputs
        self.ready = dev.ready | {"url": outputs["url"]}

    @property
    def admin_token(self):
        return self.dev.admin_token

    @property
    def database(self):
        return self._database

    def provider_secret(self, provider):
        return self.outputs["provider_secrets"].get(provider, "")


def deployed(dev, agent):
    """Do what `make deploy` does in the cloud of this `fujie dev`, for this agent and with a database beside dev's."""
    database = dev.directory / "deployed.db"
    config = {"agent": agent, "database_url": f"sqlite+aiosqlite:///{database}"}
    given = [word for key, value in config.items() for word in ("--config", f"fujie:{key}={value}")]
    command = ["-m", "infra.deploy", "up", "--stack", "local", "--state", dev.state, "--yes", "--skip-preview", *given]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    run = local_run(read_emulator(dev.state / "run" / "emulator.json"), dev.state / "pulumi", os.environ)
    return DeployedStack(dev, database, run.outputs())
