"""RAM's actions: wire in, wire out. Every one asks the judge first."""

from collections.abc import Callable
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.iam import authorize
from fujie_emulator.ram import errors, wire
from fujie_emulator.ram.state import Ram

VERSION = "2015-05-01"
_LONGEST_PAGE = 1000
_MOST_TAGS = 20
_LONGEST_TAG = 128  # characters
Answer = dict[str, Any]


def _ram(cloud: Cloud) -> Ram:
    return Ram(cloud.account, cloud.store, cloud.clock)


def _allowed(cloud: Cloud, call: RpcCall, *resources: str) -> Ram:
    """Return the roles and policies to a caller who may do this action on account resources like `role/x`."""
    arns = [f"acs:ram:*:{cloud.account_id}:{resource}" for resource in resources]
    authorize(cloud, call.caller, f"ram:{call.action}", arns)
    return _ram(cloud)


def create_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = _allowed(cloud, call, f"role/{name}")
    role = ram.create_role(
        name,
        call.text("AssumeRolePolicyDocument"),
        call.text("Description", required=False),
        call.integer("MaxSessionDuration", 3600),
        _tags(call),
    )
    return {"Role": wire.role(ram, role)}


def get_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = _allowed(cloud, call, f"role/{name}")
    return {"Role": wire.role(ram, ram.role(name))}


def list_roles(cloud: Cloud, call: RpcCall) -> Answer:
    ram = _allowed(cloud, call, "role/*")
    page, rest = _page(call, ram.roles())
    return {"Roles": {"Role": [wire.listed_role(ram, role) for role in page]}} | rest


def update_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = _allowed(cloud, call, f"role/{name}")
    changes: dict[str, Any] = {}
    if trust := call.text("NewAssumeRolePolicyDocument", required=False):
        changes["trust"] = trust
    if "NewDescription" in call.params:
        changes["description"] = call.params["NewDescription"]
    if "NewMaxSessionDuration" in call.params:
        changes["max_session_s"] = call.integer("NewMaxSessionDuration", 3600)
    return {"Role": wire.role(ram, ram.update_role(name, changes))}


def delete_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    _allowed(cloud, call, f"role/{name}").delete_role(name)
    return {}


def create_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    ram = _allowed(cloud, call, f"policy/{name}")
    policy = ram.create_policy(name, call.text("PolicyDocument"), call.text("Description", required=False))
    return {"Policy": wire.created_policy(policy)}


def get_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    ram = _allowed(cloud, call, f"policy/{name}")
    policy = ram.policy(policy_type, name)
    return {
        "Policy": wire.policy(ram, policy),
        "DefaultPolicyVersion": wire.version(policy, policy["default"]),
    }


def list_policies(cloud: Cloud, call: RpcCall) -> Answer:
    ram = _allowed(cloud, call, "policy/*")
    wanted = call.text("PolicyType", required=False)
    if wanted not in ("", "Custom", "System"):
        raise invalid_parameter("PolicyType", "Custom and System are right.")
    page, rest = _page(call, [policy for policy in ram.policies() if wanted in ("", policy["type"])])
    return {"Policies": {"Policy": [wire.policy(ram, policy) for policy in page]}} | rest


def update_policy_description(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    ram = _allowed(cloud, call, f"policy/{name}")
    return {"Policy": wire.policy(ram, ram.describe_policy(name, call.text("NewDescription", required=False)))}


def delete_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    _allowed(cloud, call, f"policy/{name}").delete_policy(name, cascading=call.flag("CascadingDelete"))
    return {}


def create_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    strategy = call.text("RotateStrategy", required=False) or "None"
    if strategy not in ("None", "DeleteOldestNonDefaultVersionWhenLimitExceeded"):
        raise invalid_parameter("RotateStrategy", "None and DeleteOldestNonDefaultVersionWhenLimitExceeded are right.")
    ram = _allowed(cloud, call, f"policy/{name}")
    added = ram.add_version(
        name, call.text("PolicyDocument"), default=call.flag("SetAsDefault"), rotate=strategy != "None"
    )
    return {"PolicyVersion": wire.version(ram.policy("Custom", name), added["id"])}


def get_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    policy = _allowed(cloud, call, f"policy/{name}").policy(policy_type, name)
    return {"PolicyVersion": wire.version(policy, call.text("VersionId"))}


def list_policy_versions(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    policy = _allowed(cloud, call, f"policy/{name}").policy(policy_type, name)
    return {"PolicyVersions": {"PolicyVersion": [wire.version(policy, kept["id"]) for kept in policy["versions"]]}}


def set_default_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    _allowed(cloud, call, f"policy/{name}").set_default_version(name, call.text("VersionId"))
    return {}


def delete_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    _allowed(cloud, call, f"policy/{name}").delete_version(name, call.text("VersionId"))
    return {}


def attach_policy_to_role(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, role_name = _attachment(call)
    _allowed(cloud, call, f"role/{role_name}", f"policy/{policy_name}").attach(policy_type, policy_name, role_name)
    return {}


def detach_policy_from_role(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, role_name = _attachment(call)
    _allowed(cloud, call, f"role/{role_name}", f"policy/{policy_name}").detach(policy_type, policy_name, role_name)
    return {}


def list_policies_for_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = _allowed(cloud, call, f"role/{name}")
    attached = ram.role(name)["attached"]
    return {"Policies": {"Policy": [wire.attached_policy(ram, attachment) for attachment in attached]}}


def list_entities_for_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    ram = _allowed(cloud, call, f"policy/{name}")
    ram.policy(policy_type, name)
    holders = [wire.holder(ram, role, policy_type, name) for role in ram.holders(policy_type, name)]
    return {"Roles": {"Role": holders}, "Users": {"User": []}, "Groups": {"Group": []}}


def get_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("UserName")
    _allowed(cloud, call, f"user/{name}")
    user = cloud.account.user(name)
    if user is None:
        raise errors.not_exist("User", name)
    return {"User": wire.user(user)}


def list_users(cloud: Cloud, call: RpcCall) -> Answer:
    _allowed(cloud, call, "user/*")
    page, rest = _page(call, list(cloud.users))
    return {"Users": {"User": [wire.user(user) for user in page]}} | rest


def _attachment(call: RpcCall) -> tuple[str, str, str]:
    return call.text("PolicyType"), call.text("PolicyName"), call.text("RoleName")


def _page(call: RpcCall, items: list[Any]) -> tuple[list[Any], Answer]:
    """Cut a page out of a list; the marker is the number of items already seen."""
    size = call.integer("MaxItems", 100)
    marker = call.text("Marker", required=False) or "0"
    if not 1 <= size <= _LONGEST_PAGE:
        raise invalid_parameter("MaxItems", f"1 to {_LONGEST_PAGE} is right.")
    if not marker.isdecimal() or len(marker) > 9:
        raise invalid_parameter("Marker", "the Marker of the page before is right.")
    end = int(marker) + size
    more = end < len(items)
    return items[int(marker) : end], {"IsTruncated": more} | ({"Marker": str(end)} if more else {})


def _tags(call: RpcCall) -> list[dict[str, str]]:
    """Return tags from one JSON list, as the official client sends them, or from Tag.1.Key, Tag.1.Value, ..."""
    listed = call.objects("Tag") or [
        {"Key": call.params[f"Tag.{number}.Key"], "Value": call.params.get(f"Tag.{number}.Value", "")}
        for number in range(1, _MOST_TAGS + 1)
        if f"Tag.{number}.Key" in call.params
    ]
    if len(listed) > _MOST_TAGS:
        raise invalid_parameter("Tag", f"at most {_MOST_TAGS} tags are right.")
    return [{"TagKey": _tag_text(tag.get("Key")), "TagValue": _tag_text(tag.get("Value", ""))} for tag in listed]


def _tag_text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TAG:
        raise invalid_parameter("Tag", f"Key and Value of at most {_LONGEST_TAG} characters are right.")
    return value


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "CreateRole": create_role,
    "GetRole": get_role,
    "ListRoles": list_roles,
    "UpdateRole": update_role,
    "DeleteRole": delete_role,
    "CreatePolicy": create_policy,
    "GetPolicy": get_policy,
    "ListPolicies": list_policies,
    "UpdatePolicyDescription": update_policy_description,
    "DeletePolicy": delete_policy,
    "CreatePolicyVersion": create_policy_version,
    "GetPolicyVersion": get_policy_version,
    "ListPolicyVersions": list_policy_versions,
    "SetDefaultPolicyVersion": set_default_policy_version,
    "DeletePolicyVersion": delete_policy_version,
    "AttachPolicyToRole": attach_policy_to_role,
    "DetachPolicyFromRole": detach_policy_from_role,
    "ListPoliciesForRole": list_policies_for_role,
    "ListEntitiesForPolicy": list_entities_for_policy,
    "GetUser": get_user,
    "ListUsers": list_users,
}

_USERS = "its users are the two demo users, who have no keys and no policies"
_GROUPS = "there are no user groups"
_SIGN_IN = "users sign in without a password here"
_TAGS = "tags are kept on creation only"
REFUSED: dict[str, str] = {
    **dict.fromkeys(
        (
            "CreateUser",
            "UpdateUser",
            "DeleteUser",
            "AttachPolicyToUser",
            "DetachPolicyFromUser",
            "ListPoliciesForUser",
            "CreateAccessKey",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "ListAccessKeys",
            "GetAccessKeyLastUsed",
        ),
        _USERS,
    ),
    **dict.fromkeys(
        (
            "CreateGroup",
            "GetGroup",
            "UpdateGroup",
            "DeleteGroup",
            "ListGroups",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "ListUsersForGroup",
            "ListGroupsForUser",
            "AttachPolicyToGroup",
            "DetachPolicyFromGroup",
            "ListPoliciesForGroup",
        ),
        _GROUPS,
    ),
    **dict.fromkeys(
        (
            "CreateLoginProfile",
            "GetLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "ChangePassword",
            "GetPasswordPolicy",
            "SetPasswordPolicy",
            "GetSecurityPreference",
            "SetSecurityPreference",
            "CreateVirtualMFADevice",
            "DeleteVirtualMFADevice",
            "ListVirtualMFADevices",
            "BindMFADevice",
            "UnbindMFADevice",
            "GetUserMFAInfo",
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys(("TagResources", "UntagResources", "ListTagResources"), _TAGS),
    "CreateServiceLinkedRole": "the emulated services need no linked role",
    "DeleteServiceLinkedRole": "the emulated services need no linked role",
    "GetServiceLinkedRoleDeletionStatus": "the emulated services need no linked role",
    "GetServiceLinkedRoleTemplate": "the emulated services need no linked role",
    "DecodeDiagnosticMessage": "denials carry their detail in clear",
    "GetAccountAlias": "the account has no alias",
    "SetAccountAlias": "the account has no alias",
    "ClearAccountAlias": "the account has no alias",
}


def inventory(cloud: Cloud) -> dict[str, Any]:
    """Return the names of what was made here."""
    ram = _ram(cloud)
    return {
        "roles": {role["name"]: [attached["name"] for attached in role["attached"]] for role in ram.roles()},
        "policies": [policy["name"] for policy in ram.policies() if policy["type"] == "Custom"],
    }
