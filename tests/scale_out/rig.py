"""The whole product over PostgreSQL, two instances of each function, and an odometer of their commits."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import httpx2
import pytest

from fujie.secret import Secret
from fujie.tools.manifest import providers_needed
from fujie_emulator.core.account import DemoUser
from fujie_emulator.functionhost.routes import PART
from fujie_emulator.testing import running
from infra import local
from infra.declaration import declare
from infra.demo import register_partners
from infra.ensure import ensure_entrance, ensure_identity
from infra.providers.clients import CloudClients, OperatorKey
from infra.served import served
from infra.stack_secrets import load_or_create
from tests.e2e.running import free_ports
from tests.scale_out import forked
from tests.scale_out.odometer import Odometer

INSTANCES = 2
GIVEN_UP_S = 40
"""Longer than a run's lease, and than a completion may take."""


class Rig:
    """A running stack; `url` is its origin."""

    def __init__(self, directory, database_url):
        self._held = ExitStack()
        self.odometer = Odometer(directory / "odometer")
        self._people, self._advanced = 0, 0
        self._directory = directory
        self._database_url = database_url
        self._watching = threading.Event()
        self._nursery = None

    def __enter__(self):
        base = free_ports()
        self.url = f"http://localhost:{base}"
        self._held.callback(self._close_nursery)  # after the cloud, which hears from it that its instances have ended
        self._cloud = self._held.enter_context(running(self._directory / "cloud", port=base + 1, host_base_port=base))
        patches = self._held.enter_context(pytest.MonkeyPatch.context())
        clock_file = self._cloud.cloud.clock.offset_path
        self._nursery = forked.Nursery(self.odometer, clock_file, self._directory / "nursery.log")
        forked.install(patches, self._nursery)
        self._apply(base)
        threading.Thread(target=self._bury, daemon=True).start()
        self._held.callback(self._watching.set)
        return self

    def __exit__(self, *_):
        self._held.close()

    def advance(self, seconds):
        """Move the clock of cloud and functions."""
        self._http.post("/_fujie/clock", json={"advance_s": seconds}).raise_for_status()
        self._advanced += seconds

    def rewind(self):
        """Move it back to where it was: the roles' keys of two hours later still hold then, so instances stay."""
        self.advance(-self._advanced)

    def wait_until_up(self):
        """Return when no instance is on its way up."""
        pools = [self._cloud.cloud.parts[PART].get(name).pool for name in local.FUNCTION_PORTS]
        end = time.monotonic() + 60
        while any(pool._starting for pool in pools):
            assert time.monotonic() < end, "an instance does not come up"
            time.sleep(0.02)

    def somebody(self):
        """Return the name of a person who was never here, and is now the only one who can sign in."""
        self._people += 1
        person = DemoUser(f"{300_000_000_000_000_000 + self._people}", f"person{self._people}")
        self._cloud.cloud.account = replace(self._cloud.cloud.account, users=(person,))
        return person.name

    def last_request(self):
        return max((row["seq"] for row in self.requests(0)), default=0)

    def requests(self, after):
        return self._cloud.cloud.journal.after(after)

    def _close_nursery(self):
        if self._nursery is not None:
            self._nursery.close()

    def _bury(self):
        """What a dead worker held comes to its end: nobody waits for it."""
        buried = True
        while not self._watching.wait(0.02):
            killed = self.odometer.killed
            if killed in {"process", "callback"} and not buried:
                self.advance(GIVEN_UP_S)
            buried = bool(killed)

    def _apply(self, base):
        cloud = self._cloud
        tools, about = served(None)
        needs = providers_needed(tools)
        secrets = load_or_create(self._directory / "keys.json", [need.name for need in needs])
        emulator = local.Emulator(
            cloud.url,
            cloud.account_id,
            cloud.region,
            cloud.access_key_id,
            Secret(cloud.access_key_secret),
            (),
            Secret(""),
        )
        stack = declare(local._config(emulator, base, needs), tools)
        clients = CloudClients(stack.config.address, OperatorKey(cloud.access_key_id, Secret(cloud.access_key_secret)))
        applications = ensure_entrance(stack, clients)
        options = local.LocalOptions(self._directory, self._directory, base, None)
        client_id = applications[stack.identity_providers[0].application]
        resolved = local._resolved(options, {}, stack, secrets, client_id, self._database_url, tools, about)
        own = {it.name: applications[it.application] for it in stack.oauth2_providers if it.application}
        resolved = replace(resolved, public_clients=own)
        self._http = self._held.enter_context(
            httpx2.Client(base_url=cloud.url, headers=cloud.admin_headers, trust_env=False, timeout=30)
        )
        register_partners(self._http, stack.config, needs, secrets.provider_secrets)
        ensure_identity(stack, clients, secrets, applications)
        self._http.put(
            "/_fujie/routes", json={"port": base, "routes": [list(route) for route in stack.routes]}
        ).raise_for_status()
        self._nursery.wait_ready()
        for function in stack.functions:
            document = local._function(function, resolved, base) | {"max_instances": INSTANCES}
            self._http.put(f"/_fujie/functions/{function.name}", json=document).raise_for_status()
