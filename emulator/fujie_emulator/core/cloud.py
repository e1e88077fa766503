"""One emulated account: the things every service is handed."""

from dataclasses import dataclass, field
from typing import Any

from fujie_emulator.core.account import Account, DemoUser
from fujie_emulator.core.clock import Clock
from fujie_emulator.core.faults import Faults
from fujie_emulator.core.iam import Iam
from fujie_emulator.core.journal import Journal
from fujie_emulator.core.store import Store

ORIGINS = "origins"
"""The part that answers for host names of users' own, in place of the cloud."""


@dataclass
class Cloud:
    """The account's state and the parts that all services share.

    `base_url` is where the cloud answers, without a trailing slash; `parts` holds what a service keeps
    in memory beside its documents, under the service's name. `admin_token` opens the admin routes that change
    something or give secrets away; with None there are no admin routes at all.
    """

    account: Account
    base_url: str
    store: Store
    clock: Clock
    iam: Iam
    journal: Journal
    faults: Faults
    host_base_port: int | None = None
    admin_token: str | None = field(default=None, repr=False)
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        return self.account.account_id

    @property
    def region(self) -> str:
        return self.account.region

    @property
    def users(self) -> tuple[DemoUser, ...]:
        return self.account.users
