"""RAM's actions on users, their access keys and their policies."""

from collections.abc import Callable

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.ram import wire
from fujie_emulator.ram.asking import Answer, allowed, paged

_DETAILS = {"DisplayName": "display_name", "Comments": "comments", "Email": "email", "MobilePhone": "mobile_phone"}


def create_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("UserName")
    details = {field: call.text(parameter, required=False) for parameter, field in _DETAILS.items()}
    return {"User": wire.user(allowed(cloud, call, f"user/{name}").users.create(name, details))}


def get_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = _user_name(call)
    return {"User": wire.user(allowed(cloud, call, f"user/{name}").users.user(name))}


def list_users(cloud: Cloud, call: RpcCall) -> Answer:
    page, rest = paged(call, allowed(cloud, call, "user/*").users.users())
    return {"Users": {"User": [wire.user(user) for user in page]}} | rest


def update_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("UserName")
    users = allowed(cloud, call, f"user/{name}").users
    new_name = call.text("NewUserName", required=False) or name
    details = {
        field: call.params[f"New{parameter}"]
        for parameter, field in _DETAILS.items()
        if f"New{parameter}" in call.params
    }
    return {"User": wire.user(users.update(name, new_name, details))}


def delete_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("UserName")
    allowed(cloud, call, f"user/{name}").users.delete(name)
    return {}


def attach_policy_to_user(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, name = _attachment(call)
    allowed(cloud, call, f"user/{name}", f"policy/{policy_name}").attach(policy_type, policy_name, name, "user")
    return {}


def detach_policy_from_user(cloud: Cloud, call: RpcCall) -> Answer:
    policy_type, policy_name, name = _attachment(call)
    allowed(cloud, call, f"user/{name}", f"policy/{policy_name}").detach(policy_type, policy_name, name, "user")
    return {}


def list_policies_for_user(cloud: Cloud, call: RpcCall) -> Answer:
    name = call.text("UserName")
    ram = allowed(cloud, call, f"user/{name}")
    attached = ram.users.user(name)["attached"]
    return {"Policies": {"Policy": [wire.attached_policy(ram, attachment) for attachment in attached]}}


def list_groups_for_user(cloud: Cloud, call: RpcCall) -> Answer:
    """Return that the user is in none: there are no user groups."""
    name = call.text("UserName")
    allowed(cloud, call, f"user/{name}").users.user(name)
    return {"Groups": {"Group": []}}


def create_access_key(cloud: Cloud, call: RpcCall) -> Answer:
    name = _user_name(call)
    key = allowed(cloud, call, f"user/{name}").users.create_key(name)
    return {"AccessKey": wire.access_key(key) | {"AccessKeySecret": key["secret"]}}


def list_access_keys(cloud: Cloud, call: RpcCall) -> Answer:
    name = _user_name(call)
    users = allowed(cloud, call, f"user/{name}").users
    users.user(name)
    return {"AccessKeys": {"AccessKey": [wire.access_key(key) for key in users.keys_of(name)]}}


def update_access_key(cloud: Cloud, call: RpcCall) -> Answer:
    name, status = _user_name(call), call.text("Status")
    users = allowed(cloud, call, f"user/{name}").users
    if status not in {"Active", "Inactive"}:
        raise invalid_parameter("Status", "Active and Inactive are right.")
    users.set_key_status(name, call.text("UserAccessKeyId"), status)
    return {}


def delete_access_key(cloud: Cloud, call: RpcCall) -> Answer:
    name = _user_name(call)
    allowed(cloud, call, f"user/{name}").users.delete_key(name, call.text("UserAccessKeyId"))
    return {}


def _user_name(call: RpcCall) -> str:
    """Return the user meant; a user who names none means himself."""
    own = call.caller.name if call.caller.type == "user" else ""
    return call.text("UserName", required=False) or own or call.text("UserName")


def _attachment(call: RpcCall) -> tuple[str, str, str]:
    return call.text("PolicyType"), call.text("PolicyName"), call.text("UserName")


USER_ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "CreateUser": create_user,
    "GetUser": get_user,
    "ListUsers": list_users,
    "UpdateUser": update_user,
    "DeleteUser": delete_user,
    "AttachPolicyToUser": attach_policy_to_user,
    "DetachPolicyFromUser": detach_policy_from_user,
    "ListPoliciesForUser": list_policies_for_user,
    "ListGroupsForUser": list_groups_for_user,
    "CreateAccessKey": create_access_key,
    "ListAccessKeys": list_access_keys,
    "UpdateAccessKey": update_access_key,
    "DeleteAccessKey": delete_access_key,
}
