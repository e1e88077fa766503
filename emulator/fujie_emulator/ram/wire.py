"""RAM's objects as they travel."""

import json
from typing import Any

from fujie_emulator.ram.state import Ram, policy_version


def listed_role(ram: Ram, role: dict[str, Any]) -> dict[str, Any]:
    """Return a role as ListRoles shows it."""
    return {
        "RoleId": role["id"],
        "RoleName": role["name"],
        "Arn": ram.role_arn(role["name"]),
        "Description": role["description"],
        "CreateDate": role["created"],
        "UpdateDate": role["updated"],
        "MaxSessionDuration": role["max_session_s"],
        "Tags": {"Tag": role["tags"]},
    }


def role(ram: Ram, role: dict[str, Any]) -> dict[str, Any]:
    """Return a role with its trust policy."""
    return listed_role(ram, role) | {"AssumeRolePolicyDocument": json.dumps(role["trust"], ensure_ascii=False)}


def created_policy(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as CreatePolicy answers it."""
    return {
        "PolicyName": policy["name"],
        "PolicyType": policy["type"],
        "Description": policy["description"],
        "DefaultVersion": policy["default"],
        "CreateDate": policy["created"],
    }


def policy(ram: Ram, policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as Get and List show it."""
    attached = len(ram.holders(policy["type"], policy["name"])) + len(
        ram.holders(policy["type"], policy["name"], "user")
    )
    return created_policy(policy) | {"UpdateDate": policy["updated"], "AttachmentCount": attached}


def version(policy: dict[str, Any], version_id: str) -> dict[str, Any]:
    """Return one version of a policy."""
    kept = policy_version(policy, version_id)
    return {
        "VersionId": kept["id"],
        "IsDefaultVersion": kept["id"] == policy["default"],
        "PolicyDocument": kept["document"],
        "CreateDate": kept["created"],
    }


def attached_policy(ram: Ram, attachment: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as ListPoliciesForRole shows it."""
    found = ram.policy(attachment["type"], attachment["name"])
    return {
        "PolicyName": found["name"],
        "PolicyType": found["type"],
        "Description": found["description"],
        "DefaultVersion": found["default"],
        "AttachDate": attachment["at"],
    }


def role_holder(ram: Ram, role: dict[str, Any], policy_type: str, policy_name: str) -> dict[str, Any]:
    """Return a role as ListEntitiesForPolicy shows it."""
    return {
        "RoleId": role["id"],
        "RoleName": role["name"],
        "Arn": ram.role_arn(role["name"]),
        "Description": role["description"],
        "AttachDate": _attached_at(role, policy_type, policy_name),
    }


def user_holder(user: dict[str, Any], policy_type: str, policy_name: str) -> dict[str, Any]:
    """Return a user as ListEntitiesForPolicy shows it."""
    return {
        "UserId": user["id"],
        "UserName": user["name"],
        "DisplayName": user["display_name"],
        "AttachDate": _attached_at(user, policy_type, policy_name),
    }


def user(user: dict[str, Any]) -> dict[str, Any]:
    """Return a user."""
    return {
        "UserId": user["id"],
        "UserName": user["name"],
        "DisplayName": user["display_name"],
        "Comments": user["comments"],
        "Email": user["email"],
        "MobilePhone": user["mobile_phone"],
        "CreateDate": user["created"],
        "UpdateDate": user["updated"],
    }


def access_key(key: dict[str, Any]) -> dict[str, Any]:
    """Return an access key without its secret."""
    return {"AccessKeyId": key["id"], "Status": key["status"], "CreateDate": key["created"]}


def _attached_at(holder: dict[str, Any], policy_type: str, policy_name: str) -> str:
    wanted = (policy_type, policy_name)
    return next(str(each["at"]) for each in holder["attached"] if (each["type"], each["name"]) == wanted)
