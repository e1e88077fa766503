"""Who signs people in: one issuer of the cloud, with addresses, clients, people and keys of its own.

The account's own sign-in is one (`account.py`); whatever else has such parts is one more, under another realm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fujie_emulator.core.account import DemoUser
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.ims.state import Application


class Clients(Protocol):
    """The applications that may ask an issuer."""

    def find(self, client_id: str) -> Application | None: ...

    def holds_secret(self, client_id: str, unverified: str) -> bool: ...


class People(Protocol):
    """Those whom an issuer can sign in, and what it tells of them."""

    def all(self) -> Sequence[DemoUser]: ...

    def hinted(self, hint: str) -> DemoUser | None: ...

    def claims(self, user: DemoUser, scopes: tuple[str, ...]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Addresses:
    """Paths on a host; metadata is found by the issuer's."""

    issuer: str
    authorize: str
    token: str
    revoke: str
    userinfo: str
    keys: str

    def well_known(self, document: str) -> list[str]:
        """Return the paths of a metadata document: appended to the issuer's (OIDC), and inserted (RFC 8414)."""
        return list(dict.fromkeys([f"{self.issuer}/.well-known/{document}", f"/.well-known/{document}{self.issuer}"]))


@dataclass(frozen=True)
class Issuer:
    """One issuer. `realm` keeps what it remembers apart from the others'; "" is the account's.

    `code_lifetime_s` says for a redirect URI how long a code sent there is good.
    """

    cloud: Cloud
    addresses: Addresses
    clients: Clients
    people: People
    code_lifetime_s: Callable[[str], float]
    realm: str = ""

    @property
    def url(self) -> str:
        """Return the issuer identifier."""
        return self.cloud.base_url + self.addresses.issuer

    def kind(self, name: str) -> str:
        """Return under which kind the store keeps documents of this issuer."""
        return f"{self.realm}/{name}" if self.realm else name

    def user(self, user_id: str) -> DemoUser | None:
        """Return the person of that id."""
        return next((user for user in self.people.all() if user.user_id == user_id), None)

    def named(self, name: str) -> DemoUser | None:
        """Return the person of that name."""
        return next((user for user in self.people.all() if user.name == name), None)
