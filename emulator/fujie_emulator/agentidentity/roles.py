"""`CreateRAMRole`: the role that the service makes for a workload identity, with the rights its agent needs."""

import json
import re
from typing import TYPE_CHECKING, Any

from fujie_emulator.agentidentity.entities import API_KEY_PROVIDER, OAUTH2_PROVIDER, WORKLOAD_IDENTITY
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.ram.state import Ram

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

# The service-linked role of the product may only make roles and policies of these names.
ROLE_PREFIX, POLICY_PREFIX = "AgentRole-", "AgentRolePolicy-"
_ROLE_NAME = re.compile(r"[A-Za-z0-9.-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
_SESSION_S = 3600


def create_role(cloud: "Cloud", identity: str) -> str:
    """Make role and policy for a workload identity that is about to be created, and return the role's ARN.

    The role trusts this identity alone and may read every credential provider of the default vault.
    Errors: InvalidParameter.WorkloadIdentityName, EntityAlreadyExists.Role or .Policy (CloudError).
    """
    role, policy = ROLE_PREFIX + identity, POLICY_PREFIX + identity
    if not _ROLE_NAME.fullmatch(role) or not _POLICY_NAME.fullmatch(policy):
        longest = 64 - len(ROLE_PREFIX)
        raise invalid_parameter(
            WORKLOAD_IDENTITY.name_field,
            f"with CreateRAMRole use up to {longest} letters, digits and hyphens, of which a role's name can be made.",
        )
    ram = Ram(cloud.account, cloud.store, cloud.clock)
    arn = WORKLOAD_IDENTITY.arn(cloud, identity)
    with cloud.store.transaction():
        ram.create_role(role, json.dumps(_trust(arn)), f"Created by Agent Identity for {identity}", _SESSION_S, [])
        ram.create_policy(policy, json.dumps(_permissions(cloud, arn)), f"Created by Agent Identity for {identity}")
        ram.attach("Custom", policy, role)
    return ram.role_arn(role)


def _trust(identity_arn: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "workload.agentidentity.aliyuncs.com"},
        "Action": ["sts:AssumeRole", "sts:SetContext"],
        "Condition": {"StringEquals": {"sts:RequestContext/agentidentity:WorkloadIdentityArn": identity_arn}},
    }
    return {"Version": "1", "Statement": [statement]}


def _permissions(cloud: "Cloud", identity_arn: str) -> dict[str, Any]:
    allowed = {
        "agentidentitydata:GetResourceOAuth2Token": OAUTH2_PROVIDER.arn(cloud, "*"),
        "agentidentitydata:GetResourceAPIKey": API_KEY_PROVIDER.arn(cloud, "*"),
    }
    statements = [
        {"Effect": "Allow", "Action": [action], "Resource": [identity_arn, providers]}
        for action, providers in allowed.items()
    ]
    return {"Version": "1", "Statement": statements}
