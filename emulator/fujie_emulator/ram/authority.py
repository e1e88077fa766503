"""The judge: who may do what, and who may become which role."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from fujie_emulator.core.account import Account, random_letters
from fujie_emulator.core.call import Caller
from fujie_emulator.core.clock import Clock
from fujie_emulator.core.errors import CloudError, invalid_parameter
from fujie_emulator.core.iam import Decision, StsCredentials
from fujie_emulator.core.keys import token_digest
from fujie_emulator.core.store import Store
from fujie_emulator.ram import errors
from fujie_emulator.ram.policy import Policy, PolicyError, Question, judge, policy_from_document
from fujie_emulator.ram.state import Ram

SHORTEST_S = 900
LONGEST_POLICY = 2048  # characters of a session policy
KEPT_AFTER_END_S = 86400.0  # an expired key says so for a day, then it is unknown
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_IDENTITY, _SESSION, _TRUST = "AccountLevelIdentityBasedPolicy", "SessionPolicy", "AssumeRolePolicy"


class RamIam:
    """Answers `core.iam` from the roles and policies of the account."""

    def __init__(self, account: Account, store: Store, clock: Clock) -> None:
        self._account = account
        self._store = store
        self._clock = clock
        self.ram = Ram(account, store, clock)
        self.ram.users.add_demo_users()
        self._forget_old_keys()

    def decide(self, caller: Caller, action: str, resources: Sequence[str], context: Mapping[str, str]) -> Decision:
        """Return the first denial over all resources, else the last allowing decision."""
        if caller.type == "root":
            return Decision(allowed=True, policy_type="Root")
        decision = Decision(allowed=False, policy_type=_IDENTITY)
        for resource in resources:
            decision = self._decide_one(caller, Question(action, resource, context=context))
            if not decision.allowed:
                return decision
        return decision

    def _decide_one(self, caller: Caller, question: Question) -> Decision:
        decision = Decision(allowed=False, policy_type=_IDENTITY)
        for policy_type, policies in self._layers(caller):
            decision = judge(policies, question, policy_type)
            if not decision.allowed:
                return decision
        return decision

    def _layers(self, caller: Caller) -> Iterator[tuple[str, list[Policy]]]:
        """Yield what must allow, one by one: the role's or user's policies, then the session's."""
        documents = self._documents(caller)
        yield _IDENTITY, [policy_from_document(document, "identity") for document in documents]
        if caller.session_policy is not None:
            yield _SESSION, [policy_from_document(caller.session_policy, "identity")]

    def _documents(self, caller: Caller) -> list[dict[str, Any]]:
        if caller.type == "role":
            return self.ram.documents_of("role", caller.role_name)
        return self.ram.documents_of("user", caller.name) if caller.type == "user" else []

    def assume_role(
        self,
        role_name: str,
        *,
        principal: Mapping[str, str],
        session_name: str,
        duration_s: int,
        policy: Mapping[str, Any] | None,
        context: Mapping[str, str],
    ) -> StsCredentials:
        """Return a fresh key of the role, kept until it expires; see `core.iam.assume_role`."""
        role = self.ram.role(role_name)
        trust = policy_from_document(role["trust"], "trust")
        decision = judge([trust], Question("sts:AssumeRole", principal=principal, context=context), _TRUST)
        if not decision.allowed:
            raise _not_trusted(role_name, principal, self._account.account_id, decision)
        if not _SESSION_NAME.fullmatch(session_name):
            raise invalid_parameter("RoleSessionName", "2 to 64 letters, digits and . @ - _ are right.")
        if not SHORTEST_S <= duration_s <= role["max_session_s"]:
            raise invalid_parameter("DurationSeconds", f"{SHORTEST_S} to {role['max_session_s']} seconds are right.")
        if policy is not None:
            _check_session_policy(policy)
        return self._issue(role, session_name, duration_s, policy)

    def _issue(
        self, role: dict[str, Any], session_name: str, duration_s: int, policy: Mapping[str, Any] | None
    ) -> StsCredentials:
        issued = StsCredentials(
            access_key_id="STS." + random_letters(24),
            access_key_secret=random_letters(44),
            security_token="CAIS" + secrets.token_urlsafe(96),
            expires_at=self._clock.now() + timedelta(seconds=duration_s),
            role_arn=self.ram.role_arn(role["name"]),
            assumed_role_arn=f"acs:ram::{self._account.account_id}:assumed-role/{role['name']}/{session_name}",
            assumed_role_id=f"{role['id']}:{session_name}",
        )
        kept = {
            "secret": issued.access_key_secret,
            "token_sha256": token_digest(issued.security_token),
            "expires_at": issued.expires_at.isoformat(),
            "role_name": role["name"],
            "role_id": role["id"],
            "session_name": session_name,
            "assumed_role_arn": issued.assumed_role_arn,
            "session_policy": None if policy is None else dict(policy),
        }
        self._store.put("sts", "key", issued.access_key_id, kept)
        return issued

    def _forget_old_keys(self) -> None:
        horizon = (self._clock.now() - timedelta(seconds=KEPT_AFTER_END_S)).isoformat()
        with self._store.transaction():
            for key_id, doc in self._store.list("sts", "key"):
                if doc["expires_at"] < horizon:
                    self._store.delete("sts", "key", key_id)


def _check_session_policy(policy: Mapping[str, Any]) -> None:
    if len(json.dumps(policy, separators=(",", ":"), ensure_ascii=False)) > LONGEST_POLICY:
        raise invalid_parameter("Policy", f"at most {LONGEST_POLICY} characters are right.")
    try:
        policy_from_document(policy, "identity")
    except PolicyError as error:
        raise errors.malformed_policy(str(error)) from error


def _not_trusted(role_name: str, principal: Mapping[str, str], account_id: str, decision: Decision) -> CloudError:
    who = ", ".join(f"{kind} {name}" for kind, name in principal.items())
    detail = {
        "AuthAction": "sts:AssumeRole",
        "AuthPrincipalDisplayName": ", ".join(name.rpartition("/")[2] for name in principal.values()),
        "AuthPrincipalOwnerId": account_id,
        "AuthPrincipalType": _principal_type(principal),
        "NoPermissionType": "ImplicitDeny" if decision.statement is None else "ExplicitDeny",
        "PolicyType": decision.policy_type,
    }
    message = (
        f"You are not authorized to do this action: the trust policy of the role {role_name} does not let {who} in."
    )
    return CloudError("NoPermission", 403, message, {"AccessDeniedDetail": detail})


def _principal_type(principal: Mapping[str, str]) -> str:
    """Return the kind of principal as AccessDeniedDetail names it; for other kinds than RAM's the names are ours."""
    kind, name = next(iter(principal.items()))
    sort = name.rpartition(":")[2].partition("/")[0]
    sorts = {"root": "Account", "user": "SubUser", "assumed-role": "AssumedRoleUser"}
    return sorts.get(sort, kind) if kind == "RAM" else kind
