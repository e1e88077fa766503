"""STS's actions: wire in, wire out."""

from collections.abc import Callable
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.iam import assume_role as core_assume_role
from fujie_emulator.core.iam import authorize
from fujie_emulator.sts import state

VERSION = "2015-04-01"
Answer = dict[str, Any]


def assume_role(cloud: Cloud, call: RpcCall) -> Answer:
    """Answer a key of the role when the caller's policies and the role's trust policy both allow it.

    The real STS refuses the root key; here it may, if the role trusts the account, for it is the only lasting key.
    """
    role_arn = call.text("RoleArn")
    role_name = state.role_name_from_arn(cloud, role_arn)
    authorize(cloud, call.caller, "sts:AssumeRole", [role_arn])
    external_id = call.text("ExternalId", required=False)
    issued = core_assume_role(
        cloud,
        role_name,
        principal={"RAM": call.caller.arn},
        session_name=call.text("RoleSessionName"),
        duration_s=call.integer("DurationSeconds", 3600),
        policy=call.document("Policy") if call.text("Policy", required=False) else None,
        context={"sts:ExternalId": external_id} if external_id else None,
    )
    return {"Credentials": issued.credentials(), "AssumedRoleUser": issued.assumed_role_user()}


def get_caller_identity(cloud: Cloud, call: RpcCall) -> Answer:
    """Answer who signed; nobody needs a permission for that."""
    return state.identity(cloud, call.caller)


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "AssumeRole": assume_role,
    "GetCallerIdentity": get_caller_identity,
}

REFUSED: dict[str, str] = {
    "AssumeRoleWithOIDC": "RAM has no identity providers here",
    "AssumeRoleWithSAML": "RAM has no identity providers here",
}
