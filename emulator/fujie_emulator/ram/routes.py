"""RAM's actions: wire in, wire out. Every one asks the judge first."""

from collections.abc import Callable
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.ram import wire
from fujie_emulator.ram.asking import Answer, allowed, paged, ram_of
from fujie_emulator.ram.tag_routes import TAG_ACTIONS
from fujie_emulator.ram.tags import asked_tags
from fujie_emulator.ram.user_routes import USER_ACTIONS

VERSION = "2015-05-01"


def create_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = allowed(cloud, call, f"role/{name}")
    role = ram.create_role(
        name,
        call.text("AssumeRolePolicyDocument"),
        call.text("Description", required=False),
        call.integer("MaxSessionDuration", 3600),
        asked_tags(call),
    )
    return {"Role": wire.role(ram, role)}


def get_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = allowed(cloud, call, f"role/{name}")
    return {"Role": wire.role(ram, ram.role(name))}


def list_roles(cloud: Cloud, call: RpcCall) -> Answer:
    ram = allowed(cloud, call, "role/*")
    page, rest = paged(call, ram.roles())
    return {"Roles": {"Role": [wire.listed_role(ram, role) for role in page]}} | rest


def update_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = allowed(cloud, call, f"role/{name}")
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
    allowed(cloud, call, f"role/{name}").delete_role(name)
    return {}


def create_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    ram = allowed(cloud, call, f"policy/{name}")
    description = call.text("Description", required=False)
    policy = ram.create_policy(name, call.text("PolicyDocument"), description, asked_tags(call))
    return {"Policy": wire.created_policy(policy)}


def get_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    ram = allowed(cloud, call, f"policy/{name}")
    policy = ram.policy(policy_type, name)
    return {
        "Policy": wire.policy(ram, policy),
        "DefaultPolicyVersion": wire.version(policy, policy["default"]),
    }


def list_policies(cloud: Cloud, call: RpcCall) -> Answer:
    ram = allowed(cloud, call, "policy/*")
    wanted = call.text("PolicyType", required=False)
    if wanted not in ("", "Custom", "System"):
        raise invalid_parameter("PolicyType", "Custom and System are right.")
    page, rest = paged(call, [policy for policy in ram.policies() if wanted in ("", policy["type"])])
    return {"Policies": {"Policy": [wire.policy(ram, policy) for policy in page]}} | rest


def update_policy_description(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    ram = allowed(cloud, call, f"policy/{name}")
    return {"Policy": wire.policy(ram, ram.describe_policy(name, call.text("NewDescription", required=False)))}


def delete_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    allowed(cloud, call, f"policy/{name}").delete_policy(name, cascading=call.flag("CascadingDelete"))
    return {}


def create_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    strategy = call.text("RotateStrategy", required=False) or "None"
    if strategy not in ("None", "DeleteOldestNonDefaultVersionWhenLimitExceeded"):
        raise invalid_parameter("RotateStrategy", "None and DeleteOldestNonDefaultVersionWhenLimitExceeded are right.")
    ram = allowed(cloud, call, f"policy/{name}")
    added = ram.add_version(
        name, call.text("PolicyDocument"), default=call.flag("SetAsDefault"), rotate=strategy != "None"
    )
    return {"PolicyVersion": wire.version(ram.policy("Custom", name), added["id"])}


def get_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    policy = allowed(cloud, call, f"policy/{name}").policy(policy_type, name)
    return {"PolicyVersion": wire.version(policy, call.text("VersionId"))}


def list_policy_versions(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    policy = allowed(cloud, call, f"policy/{name}").policy(policy_type, name)
    return {"PolicyVersions": {"PolicyVersion": [wire.version(policy, kept["id"]) for kept in policy["versions"]]}}


def set_default_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    allowed(cloud, call, f"policy/{name}").set_default_version(name, call.text("VersionId"))
    return {}


def delete_policy_version(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("PolicyName")
    allowed(cloud, call, f"policy/{name}").delete_version(name, call.text("VersionId"))
    return {}


def attach_policy_to_role(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, role_name = _attachment(call)
    allowed(cloud, call, f"role/{role_name}", f"policy/{policy_name}").attach(policy_type, policy_name, role_name)
    return {}


def detach_policy_from_role(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, role_name = _attachment(call)
    allowed(cloud, call, f"role/{role_name}", f"policy/{policy_name}").detach(policy_type, policy_name, role_name)
    return {}


def list_policies_for_role(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("RoleName")
    ram = allowed(cloud, call, f"role/{name}")
    attached = ram.role(name)["attached"]
    return {"Policies": {"Policy": [wire.attached_policy(ram, attachment) for attachment in attached]}}


def list_entities_for_policy(cloud: Cloud, call: RpcCall) -> Answer:
    name, policy_type = call.text("PolicyName"), call.text("PolicyType")
    ram = allowed(cloud, call, f"policy/{name}")
    ram.policy(policy_type, name)
    roles = [wire.role_holder(ram, role, policy_type, name) for role in ram.holders(policy_type, name)]
    users = [wire.user_holder(user, policy_type, name) for user in ram.holders(policy_type, name, "user")]
    return {"Roles": {"Role": roles}, "Users": {"User": users}, "Groups": {"Group": []}}


def _attachment(call: RpcCall) -> tuple[str, str, str]:
    return call.text("PolicyType"), call.text("PolicyName"), call.text("RoleName")


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
    **USER_ACTIONS,
    **TAG_ACTIONS,
}

_GROUPS = "there are no user groups"
_SIGN_IN = "users sign in without a password here"
REFUSED: dict[str, str] = {
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
    "GetAccessKeyLastUsed": "the use of keys is not kept; the requests at /_fujie/requests are",
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
    ram = ram_of(cloud)
    return {
        "roles": {role["name"]: [attached["name"] for attached in role["attached"]] for role in ram.roles()},
        "policies": [policy["name"] for policy in ram.policies() if policy["type"] == "Custom"],
        "users": {user["name"]: [key["id"] for key in ram.users.keys_of(user["name"])] for user in ram.users.users()},
    }
