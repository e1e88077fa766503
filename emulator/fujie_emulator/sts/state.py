"""STS's rules: which role an ARN names, and who a caller is to himself."""

import re
from typing import Any

from fujie_emulator.core.call import Caller
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.sts import errors

_ROLE_ARN = re.compile(r"acs:ram::(?P<account>[0-9]{1,32}):role/(?P<name>[A-Za-z0-9.-]{1,64})")


def role_name_from_arn(cloud: Cloud, role_arn: str) -> str:
    """Return the name of a role of this account."""
    found = _ROLE_ARN.fullmatch(role_arn)
    if found is None:
        raise errors.wrong_role_arn()
    if found["account"] != cloud.account_id:
        raise errors.role_not_found(role_arn)
    return found["name"]


def identity(cloud: Cloud, caller: Caller) -> dict[str, Any]:
    """Return what GetCallerIdentity says of a caller: the account's root, a user, or a session of a role."""
    who = {"AccountId": cloud.account_id, "Arn": caller.arn}
    if caller.type == "root":
        return who | {"IdentityType": "Account", "PrincipalId": cloud.account_id, "UserId": cloud.account_id}
    if caller.type == "user":
        user_id = (cloud.store.get("ram", "user", caller.name) or {}).get("id", "")
        return who | {"IdentityType": "RAMUser", "PrincipalId": user_id, "UserId": user_id}
    key = cloud.store.get("sts", "key", caller.access_key_id) or {}
    role_id = key.get("role_id", "")
    return who | {
        "IdentityType": "AssumedRoleUser",
        "PrincipalId": f"{role_id}:{caller.name}",
        "RoleId": role_id,
    }
