"""Roles, policies, and which is attached to which role or user."""

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from fujie_emulator.core.account import Account
from fujie_emulator.core.clock import Clock, iso
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.store import Store
from fujie_emulator.ram import errors
from fujie_emulator.ram.policy import Kind, policy_from_document
from fujie_emulator.ram.system_policies import SYSTEM_POLICIES
from fujie_emulator.ram.users import Users

LONGEST_TRUST = 4096  # characters
LONGEST_POLICY = 6144  # characters
MOST_VERSIONS = 5
MOST_ATTACHMENTS = 20  # policies per role or user
_SESSION_RANGE_S = (3600, 43200)
_ROLE_NAME = re.compile(r"[A-Za-z0-9.-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
_SYSTEM_DATE = "2026-01-01T00:00:00Z"
HolderKind = Literal["role", "user"]
_KINDS: dict[HolderKind, str] = {"role": "Role", "user": "User"}
_NO_TAGS: tuple[dict[str, str], ...] = ()


class Ram:
    """The account's roles and policies as documents; every method raises CloudError in RAM's words.

    Role: name, id, trust, description, max_session_s, created, updated, tags, attached [type, name, at].
    Policy: name, type, description, created, updated, default, tags, versions [id, document, created].
    `users` are those of the account, see `users.py`; policies are attached to them as to roles.
    """

    def __init__(self, account: Account, store: Store, clock: Clock) -> None:
        self._account = account
        self._store = store
        self._clock = clock
        self.users = Users(account, store, clock)

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role."""
        return f"acs:ram::{self._account.account_id}:role/{name}"

    def create_role(
        self, name: str, trust: str, description: str, max_session_s: int, tags: list[dict[str, str]]
    ) -> dict[str, Any]:
        """Make a role and return it."""
        if not _ROLE_NAME.fullmatch(name):
            raise invalid_parameter("RoleName", "1 to 64 letters, digits, periods and hyphens are right.")
        _check_session(max_session_s)
        now = iso(self._clock.now())
        role = {
            "name": name,
            "id": "3" + "".join(secrets.choice("0123456789") for _ in range(17)),
            "trust": checked_document(trust, "trust", LONGEST_TRUST),
            "description": description,
            "max_session_s": max_session_s,
            "created": now,
            "updated": now,
            "tags": tags,
            "attached": [],
        }
        with self._store.transaction():
            if self._store.get("ram", "role", name) is not None:
                raise errors.already_exists("Role", name)
            self._store.put("ram", "role", name, role)
        return role

    def role(self, name: str) -> dict[str, Any]:
        """Return the role."""
        role = self._store.get("ram", "role", name)
        if role is None:
            raise errors.not_exist("Role", name)
        return role

    def roles(self) -> list[dict[str, Any]]:
        """Return all roles by name."""
        return [role for _, role in self._store.list("ram", "role")]

    def update_role(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change `trust` (JSON text), `description` or `max_session_s`, and return the role."""
        if "trust" in changes:
            changes = changes | {"trust": checked_document(changes["trust"], "trust", LONGEST_TRUST)}
        if "max_session_s" in changes:
            _check_session(changes["max_session_s"])
        with self._store.transaction():
            role = self.role(name) | changes | {"updated": iso(self._clock.now())}
            self._store.put("ram", "role", name, role)
        return role

    def delete_role(self, name: str) -> None:
        """Delete a role that no policy is attached to."""
        with self._store.transaction():
            if self.role(name)["attached"]:
                raise errors.delete_conflict("Role.Policy", f"The role {name} still has policies attached.")
            self._store.delete("ram", "role", name)

    def create_policy(
        self, name: str, document: str, description: str, tags: Sequence[dict[str, str]] = _NO_TAGS
    ) -> dict[str, Any]:
        """Make a custom policy with version v1 and return it."""
        if not _POLICY_NAME.fullmatch(name):
            raise invalid_parameter("PolicyName", "1 to 128 letters, digits and hyphens are right.")
        checked_document(document, "identity", LONGEST_POLICY)
        now = iso(self._clock.now())
        policy = {
            "name": name,
            "type": "Custom",
            "description": description,
            "created": now,
            "updated": now,
            "default": "v1",
            "tags": list(tags),
            "versions": [{"id": "v1", "document": document, "created": now}],
        }
        with self._store.transaction():
            if name in SYSTEM_POLICIES or self._store.get("ram", "policy", name) is not None:
                raise errors.already_exists("Policy", name)
            self._store.put("ram", "policy", name, policy)
        return policy

    def policy(self, policy_type: str, name: str) -> dict[str, Any]:
        """Return a Custom or System policy."""
        if policy_type not in ("Custom", "System"):
            raise invalid_parameter("PolicyType", "Custom and System are right.")
        policy = _system_policy(name) if policy_type == "System" else self._store.get("ram", "policy", name)
        if policy is None:
            raise errors.not_exist("Policy", name)
        return policy

    def policies(self) -> list[dict[str, Any]]:
        """Return all policies, the custom ones first."""
        system = [self.policy("System", name) for name in sorted(SYSTEM_POLICIES)]
        return [policy for _, policy in self._store.list("ram", "policy")] + system

    def describe_policy(self, name: str, description: str) -> dict[str, Any]:
        """Change the description of a custom policy."""
        with self._store.transaction():
            policy = self.policy("Custom", name) | {"description": description, "updated": iso(self._clock.now())}
            self._store.put("ram", "policy", name, policy)
        return policy

    def add_version(self, name: str, document: str, *, default: bool, rotate: bool) -> dict[str, Any]:
        """Add a version and return it; with `rotate` the oldest that is not the default makes room."""
        checked_document(document, "identity", LONGEST_POLICY)
        with self._store.transaction():
            policy = self.policy("Custom", name)
            _make_room(policy, rotate=rotate)
            number = max(int(version["id"][1:]) for version in policy["versions"]) + 1
            added = {"id": f"v{number}", "document": document, "created": iso(self._clock.now())}
            policy["versions"].append(added)
            policy["updated"] = added["created"]
            if default:
                policy["default"] = added["id"]
            self._store.put("ram", "policy", name, policy)
        return added

    def set_default_version(self, name: str, version_id: str) -> None:
        """Make another version the one that counts."""
        with self._store.transaction():
            policy = self.policy("Custom", name)
            policy["default"] = policy_version(policy, version_id)["id"]
            self._store.put("ram", "policy", name, policy)

    def delete_version(self, name: str, version_id: str) -> None:
        """Delete a version that is not the default."""
        with self._store.transaction():
            policy = self.policy("Custom", name)
            gone = policy_version(policy, version_id)
            if gone["id"] == policy["default"]:
                raise errors.delete_conflict("PolicyVersion.Default", f"The version {version_id} is the default one.")
            policy["versions"].remove(gone)
            self._store.put("ram", "policy", name, policy)

    def delete_policy(self, name: str, *, cascading: bool) -> None:
        """Delete a custom policy that is attached nowhere; `cascading` deletes its other versions with it."""
        with self._store.transaction():
            policy = self.policy("Custom", name)
            for kind, word in _KINDS.items():
                if self.holders("Custom", name, kind):
                    raise errors.delete_conflict(f"Policy.{word}", f"The policy {name} is still attached to {kind}s.")
            if len(policy["versions"]) > 1 and not cascading:
                raise errors.delete_conflict("Policy.Version", f"The policy {name} has more than its default version.")
            self._store.delete("ram", "policy", name)

    def attach(self, policy_type: str, policy_name: str, holder_name: str, kind: HolderKind = "role") -> None:
        """Attach a policy to a role or user."""
        with self._store.transaction():
            holder = self.holder(kind, holder_name)
            self.policy(policy_type, policy_name)
            if _attachment(holder, policy_type, policy_name) is not None:
                raise errors.already_attached(_KINDS[kind], holder_name, policy_name)
            if len(holder["attached"]) >= MOST_ATTACHMENTS:
                words = f"A {kind} takes {MOST_ATTACHMENTS} policies."
                raise errors.limit_exceeded(f"{_KINDS[kind]}.Policy", words)
            holder["attached"].append({"type": policy_type, "name": policy_name, "at": iso(self._clock.now())})
            self._store.put("ram", kind, holder_name, holder)

    def detach(self, policy_type: str, policy_name: str, holder_name: str, kind: HolderKind = "role") -> None:
        """Take a policy from a role or user."""
        with self._store.transaction():
            holder = self.holder(kind, holder_name)
            attachment = _attachment(holder, policy_type, policy_name)
            if attachment is None:
                raise errors.not_attached(_KINDS[kind], holder_name, policy_name)
            holder["attached"].remove(attachment)
            self._store.put("ram", kind, holder_name, holder)

    def holder(self, kind: HolderKind, name: str) -> dict[str, Any]:
        """Return the role or user."""
        return self.role(name) if kind == "role" else self.users.user(name)

    def holders(self, policy_type: str, policy_name: str, kind: HolderKind = "role") -> list[dict[str, Any]]:
        """Return the roles or users a policy is attached to."""
        everyone = self.roles() if kind == "role" else self.users.users()
        return [holder for holder in everyone if _attachment(holder, policy_type, policy_name) is not None]

    def documents_of(self, kind: HolderKind, name: str) -> list[dict[str, Any]]:
        """Return the documents that count for a role or user; none when it is gone."""
        holder = self._store.get("ram", kind, name)
        attached = holder["attached"] if holder is not None else []
        policies = [self.policy(attachment["type"], attachment["name"]) for attachment in attached]
        return [json.loads(policy_version(policy, policy["default"])["document"]) for policy in policies]


def policy_version(policy: dict[str, Any], version_id: str) -> dict[str, Any]:
    """Return one version of a policy."""
    for version in policy["versions"]:
        if version["id"] == version_id:
            return dict(version)
    raise errors.not_exist("Policy.Version", version_id)


def checked_document(text: str, kind: Kind, longest: int) -> dict[str, Any]:
    """Return the policy document in `text`; raise MalformedPolicyDocument (CloudError)."""
    if len(text) > longest:
        raise errors.malformed_policy(f"The policy document has more than {longest} characters.")
    try:
        document = json.loads(text)
        policy_from_document(document, kind)
    except (ValueError, RecursionError) as error:
        raise errors.malformed_policy(f"The policy document is malformed: {error}") from error
    return dict(document)


def _check_session(seconds: int) -> None:
    shortest, longest = _SESSION_RANGE_S
    if not shortest <= seconds <= longest:
        raise invalid_parameter("MaxSessionDuration", f"{shortest} to {longest} seconds are right.")


def _make_room(policy: dict[str, Any], *, rotate: bool) -> None:
    if len(policy["versions"]) < MOST_VERSIONS:
        return
    if not rotate:
        raise errors.limit_exceeded("Policy.Version", f"A policy keeps {MOST_VERSIONS} versions.")
    oldest = next(version for version in policy["versions"] if version["id"] != policy["default"])
    policy["versions"].remove(oldest)


def _attachment(holder: dict[str, Any], policy_type: str, policy_name: str) -> dict[str, Any] | None:
    for attachment in holder["attached"]:
        if (attachment["type"], attachment["name"]) == (policy_type, policy_name):
            return dict(attachment)
    return None


def _system_policy(name: str) -> dict[str, Any] | None:
    document = SYSTEM_POLICIES.get(name)
    if document is None:
        return None
    return {
        "name": name,
        "type": "System",
        "description": "",
        "created": _SYSTEM_DATE,
        "updated": _SYSTEM_DATE,
        "default": "v1",
        "versions": [{"id": "v1", "document": json.dumps(document), "created": _SYSTEM_DATE}],
    }
