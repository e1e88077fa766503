"""May this caller do this? The question every service asks; the service `ram` holds the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fujie_emulator.core.call import Caller
from fujie_emulator.core.clock import iso
from fujie_emulator.core.errors import CloudError
from fujie_emulator.core.journal import note, note_question

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud


@dataclass(frozen=True)
class Decision:
    """Allowed or not, and why: the statement that decided, none when no statement spoke (an implicit denial)."""

    allowed: bool
    policy_type: str = ""
    statement: Mapping[str, Any] | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the decision as the journal keeps it."""
        effect = "Allow" if self.allowed else "Deny"
        return {"effect": effect, "policy_type": self.policy_type} | (
            {"statement": dict(self.statement)} if self.statement is not None else {}
        )


@dataclass(frozen=True)
class StsCredentials:
    """A temporary key of a role."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False)
    expires_at: datetime
    role_arn: str
    assumed_role_arn: str
    assumed_role_id: str

    def credentials(self) -> dict[str, str]:
        """Return the wire object `Credentials`."""
        return {
            "AccessKeyId": self.access_key_id,
            "AccessKeySecret": self.access_key_secret,
            "SecurityToken": self.security_token,
            "Expiration": iso(self.expires_at),
        }

    def assumed_role_user(self) -> dict[str, str]:
        """Return the wire object `AssumedRoleUser`."""
        return {"Arn": self.assumed_role_arn, "AssumedRoleId": self.assumed_role_id}


class Iam(Protocol):
    """What the service `ram` answers."""

    def decide(self, caller: Caller, action: str, resources: Sequence[str], context: Mapping[str, str]) -> Decision: ...

    def assume_role(
        self,
        role_name: str,
        *,
        principal: Mapping[str, str],
        session_name: str,
        duration_s: int,
        policy: Mapping[str, Any] | None,
        context: Mapping[str, str],
    ) -> StsCredentials: ...


def authorize(
    cloud: "Cloud",
    caller: Caller,
    action: str,
    resources: Sequence[str],
    context: Mapping[str, str] | None = None,
) -> None:
    """Return when `caller` may do `action` on every one of `resources`; else raise NoPermission (403).

    Root passes. An explicit Deny wins; a session policy intersects with the role's. The decision goes
    onto the journal row, as does the question. No resources means "*".
    """
    resources = resources or ["*"]
    note_question(action, resources)
    decision = cloud.iam.decide(caller, action, resources, full_context(cloud, context))
    note(decision=decision.as_row())
    if not decision.allowed:
        raise no_permission(cloud, caller, action, decision)


def assume_role(
    cloud: "Cloud",
    role_name: str,
    *,
    principal: Mapping[str, str],
    session_name: str,
    duration_s: int,
    policy: Mapping[str, Any] | None = None,
    context: Mapping[str, str] | None = None,
) -> StsCredentials:
    """Return a temporary key of the role when its trust policy lets `principal` in; else raise CloudError.

    `principal` is {"Service": "fc.aliyuncs.com"} or {"RAM": arn of the caller}. `duration_s` is 900 to the
    role's MaxSessionDuration. Errors: EntityNotExist.Role 404, NoPermission 403, InvalidParameter.* 400.
    """
    return cloud.iam.assume_role(
        role_name,
        principal=principal,
        session_name=session_name,
        duration_s=duration_s,
        policy=policy,
        context=full_context(cloud, context),
    )


def full_context(cloud: "Cloud", context: Mapping[str, str] | None) -> dict[str, str]:
    """Return the condition keys every request has, and those of this one."""
    return {
        "acs:CurrentTime": iso(cloud.clock.now()),
        "acs:SourceIp": "127.0.0.1",
        "acs:SecureTransport": "false",
    } | dict(context or {})


PrincipalType = Literal["SubUser", "AssumedRoleUser", "Account", "Anonymous"]
_PRINCIPAL_TYPES: dict[str, PrincipalType] = {"role": "AssumedRoleUser", "user": "SubUser", "root": "Account"}


def no_permission(cloud: "Cloud", caller: Caller, action: str, decision: Decision) -> CloudError:
    """Word a denial the way RAM does."""
    detail = {
        "AuthAction": action,
        "AuthPrincipalDisplayName": caller.name,
        "AuthPrincipalOwnerId": cloud.account_id,
        "AuthPrincipalType": _PRINCIPAL_TYPES.get(caller.type, "Anonymous"),
        "NoPermissionType": "ImplicitDeny" if decision.statement is None else "ExplicitDeny",
        "PolicyType": decision.policy_type,
    }
    message = f"You are not authorized to do this action: {action}. You should be authorized by RAM."
    return CloudError("NoPermission", 403, message, {"AccessDeniedDetail": detail})
