"""Opens one account's cloud from its state directory."""

from pathlib import Path

from fujie_emulator.core.account import Account
from fujie_emulator.core.admin_token import kept_token
from fujie_emulator.core.clock import Clock
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.faults import Faults
from fujie_emulator.core.journal import Journal
from fujie_emulator.core.store import Store


def open_cloud(state: Path, base_url: str, *, host_base_port: int | None = None, admin: bool = True) -> Cloud:
    """Return the cloud kept in `state`, made there the first time; raise EmulatorError when it cannot be used.

    `base_url` is where the cloud answers; without `admin` it has no admin routes. The caller closes `cloud.store`.
    """
    from fujie_emulator.ram.authority import RamIam

    store = Store(state)
    clock = Clock(store)
    account = Account.opened(store)
    iam = RamIam(account, store, clock)
    token = kept_token(state) if admin else None
    return Cloud(account, base_url, store, clock, iam, Journal(clock), Faults(), host_base_port, token)


def reopen(cloud: Cloud) -> None:
    """Take in memory what the store now holds, after all of it was replaced."""
    from fujie_emulator.ram.authority import RamIam

    cloud.account = Account.opened(cloud.store)
    cloud.clock.reload()
    cloud.iam = RamIam(cloud.account, cloud.store, cloud.clock)
