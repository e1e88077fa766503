"""RAM users and their access keys; the two demo users of the account are among them from the start."""

import re
import secrets
from typing import Any

from fujie_emulator.core.account import Account, random_letters
from fujie_emulator.core.clock import Clock, iso
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.store import Store
from fujie_emulator.ram import errors

MOST_KEYS = 2
MOST_USERS = 1000
LONGEST_TEXT = 128  # characters of a display name, comment, address or number
_USER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DEMO_DATE = "2026-01-01T00:00:00Z"
_DETAILS = ("display_name", "comments", "email", "mobile_phone")


class Users:
    """Users and keys as documents; every method raises CloudError in RAM's words.

    User: name, id, display_name, comments, email, mobile_phone, created, updated, tags, attached, signs_in.
    Access key: id, secret, user_name, user_id, status, created. `core.keys` reads them to check signatures.
    """

    def __init__(self, account: Account, store: Store, clock: Clock) -> None:
        self._account = account
        self._store = store
        self._clock = clock

    def add_demo_users(self) -> None:
        """Make the account's demo users RAM users, the first time."""
        with self._store.transaction():
            for demo in self._account.users:
                if self._store.get("ram", "user", demo.name) is None:
                    user = _user(demo.name, demo.user_id, _DEMO_DATE) | {"display_name": demo.name.capitalize()}
                    self._store.put("ram", "user", demo.name, user | {"signs_in": True})

    def create(self, name: str, details: dict[str, str]) -> dict[str, Any]:
        """Make a user and return it; `details` are display_name, comments, email, mobile_phone."""
        _check_name("UserName", name)
        _check_details(details)
        user_id = "2" + "".join(secrets.choice("0123456789") for _ in range(17))
        user = _user(name, user_id, iso(self._clock.now())) | details
        user["display_name"] = user["display_name"] or name
        with self._store.transaction():
            if self._store.get("ram", "user", name) is not None:
                raise errors.already_exists("User", name)
            if len(self._store.list("ram", "user")) >= MOST_USERS:
                raise errors.limit_exceeded("User", f"An account has at most {MOST_USERS} users.")
            self._store.put("ram", "user", name, user)
        return user

    def user(self, name: str) -> dict[str, Any]:
        """Return the user."""
        user = self._store.get("ram", "user", name)
        if user is None:
            raise errors.not_exist("User", name)
        return user

    def users(self) -> list[dict[str, Any]]:
        """Return all users by name."""
        return [user for _, user in self._store.list("ram", "user")]

    def update(self, name: str, new_name: str, details: dict[str, str]) -> dict[str, Any]:
        """Change details and, when it differs, the name; keys and policies stay with the user."""
        _check_name("NewUserName", new_name)
        _check_details(details)
        with self._store.transaction():
            user = self.user(name) | details | {"name": new_name, "updated": iso(self._clock.now())}
            if new_name != name:
                self._rename(name, user)
            self._store.put("ram", "user", new_name, user)
        return user

    def _rename(self, name: str, user: dict[str, Any]) -> None:
        if user["signs_in"]:
            raise errors.signs_in(name)
        if self._store.get("ram", "user", user["name"]) is not None:
            raise errors.already_exists("User", user["name"])
        for key in self.keys_of(name):
            self._store.put("ram", "access_key", key["id"], key | {"user_name": user["name"]})
        self._store.delete("ram", "user", name)

    def delete(self, name: str) -> None:
        """Delete a user that holds neither policies nor keys."""
        with self._store.transaction():
            user = self.user(name)
            if user["signs_in"]:
                raise errors.signs_in(name)
            if user["attached"]:
                raise errors.delete_conflict("User.Policy", f"The user {name} still has policies attached.")
            if self.keys_of(name):
                raise errors.delete_conflict("User.AccessKey", f"The user {name} still has access keys.")
            self._store.delete("ram", "user", name)

    def create_key(self, name: str) -> dict[str, Any]:
        """Make an access key and return it; only now is its secret shown."""
        with self._store.transaction():
            user = self.user(name)
            if len(self.keys_of(name)) >= MOST_KEYS:
                raise errors.limit_exceeded("User.AccessKey", f"A user has at most {MOST_KEYS} access keys.")
            key = {
                "id": "LTAI5t" + random_letters(18),
                "secret": random_letters(30),
                "user_name": name,
                "user_id": user["id"],
                "status": "Active",
                "created": iso(self._clock.now()),
            }
            self._store.put("ram", "access_key", key["id"], key)
        return key

    def keys_of(self, name: str) -> list[dict[str, Any]]:
        """Return the user's keys, the oldest first."""
        keys = [key for _, key in self._store.list("ram", "access_key") if key["user_name"] == name]
        return sorted(keys, key=lambda key: (key["created"], key["id"]))

    def set_key_status(self, name: str, key_id: str, status: str) -> None:
        """Make a key valid (Active) or not (Inactive)."""
        with self._store.transaction():
            self._store.put("ram", "access_key", key_id, self._key(name, key_id) | {"status": status})

    def delete_key(self, name: str, key_id: str) -> None:
        """Forget a key."""
        with self._store.transaction():
            self._key(name, key_id)
            self._store.delete("ram", "access_key", key_id)

    def _key(self, name: str, key_id: str) -> dict[str, Any]:
        self.user(name)
        key = self._store.get("ram", "access_key", key_id)
        if key is None or key["user_name"] != name:
            raise errors.not_exist("User.AccessKey", key_id)
        return key


def _user(name: str, user_id: str, now: str) -> dict[str, Any]:
    return dict.fromkeys(_DETAILS, "") | {
        "name": name,
        "id": user_id,
        "created": now,
        "updated": now,
        "tags": [],
        "attached": [],
        "signs_in": False,
    }


def _check_name(parameter: str, name: str) -> None:
    if not _USER_NAME.fullmatch(name):
        raise invalid_parameter(parameter, "1 to 64 letters, digits, periods, underscores and hyphens are right.")


def _check_details(details: dict[str, str]) -> None:
    for name, text in details.items():
        if len(text) > LONGEST_TEXT:
            raise invalid_parameter(name, f"at most {LONGEST_TEXT} characters are right.")
