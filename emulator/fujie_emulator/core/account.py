"""The one account: its operator key and its demo users, made once and kept."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.core.store import Store

ACCOUNT_ID = "1900000000000001"
REGION = "cn-beijing"
USER_NAMES = ("alice", "bob")


@dataclass(frozen=True)
class DemoUser:
    """A RAM user that can sign in; `user_id` has 18 digits and is what `sub` says."""

    user_id: str
    name: str


@dataclass(frozen=True)
class Account:
    """The account and the key of its operator, who is root."""

    account_id: str
    region: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    users: tuple[DemoUser, ...]

    def user(self, name: str) -> DemoUser | None:
        """Return the demo user of that name."""
        return next((user for user in self.users if user.name == name), None)

    @classmethod
    def opened(cls, store: Store) -> "Account":
        """Return the account of this state; the first time it is made."""
        with store.transaction():
            doc = store.get("core", "account", ACCOUNT_ID)
            if doc is None:
                doc = _new_account()
                store.put("core", "account", ACCOUNT_ID, doc)
        try:
            return _account(doc)
        except (KeyError, TypeError) as error:
            raise EmulatorError(
                f"The state in {store.directory} is half-written; move it away or use another --state."
            ) from error


def random_letters(length: int) -> str:
    """Return letters and digits from a secure source, as keys and ids use them."""
    alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _new_account() -> dict[str, Any]:
    return {
        "access_key_id": "LTAI5t" + random_letters(18),
        "access_key_secret": random_letters(30),
        "users": [{"name": name, "user_id": _user_id()} for name in USER_NAMES],
    }


def _user_id() -> str:
    return "2" + "".join(secrets.choice("0123456789") for _ in range(17))


def _account(doc: dict[str, Any]) -> Account:
    return Account(
        account_id=ACCOUNT_ID,
        region=REGION,
        access_key_id=doc["access_key_id"],
        access_key_secret=doc["access_key_secret"],
        users=tuple(DemoUser(user_id=user["user_id"], name=user["name"]) for user in doc["users"]),
    )
