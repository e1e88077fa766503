"""RAM roles with their one policy each, through the official RAM client."""

import json
from typing import Any

from infra.declaration import Role
from infra.providers.clients import CloudClients, missing


def ensure_role(clients: CloudClients, role: Role) -> None:
    """Make the role exist with its trust and its policy as declared."""
    _ensure_trust(clients.ram, role)
    if role.statements:
        _ensure_policy(clients.ram, role)


def _ensure_trust(ram: Any, role: Role) -> None:
    from alibabacloud_ram20150501 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    trust = role.trust_document()
    try:
        found = ram.get_role(models.GetRoleRequest(role_name=role.name)).body.role
    except ClientException as error:
        if not missing(error):
            raise
        request = models.CreateRoleRequest(
            role_name=role.name, assume_role_policy_document=json.dumps(trust), description=role.description
        )
        ram.create_role(request)
        return
    if json.loads(found.assume_role_policy_document) != trust:
        ram.update_role(
            models.UpdateRoleRequest(role_name=role.name, new_assume_role_policy_document=json.dumps(trust))
        )


def _ensure_policy(ram: Any, role: Role) -> None:
    from alibabacloud_ram20150501 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    name, document = f"{role.name}-policy", role.policy_document()
    try:
        found = ram.get_policy(models.GetPolicyRequest(policy_name=name, policy_type="Custom")).body
    except ClientException as error:
        if not missing(error):
            raise
        request = models.CreatePolicyRequest(policy_name=name, policy_document=json.dumps(document))
        ram.create_policy(request)
    else:
        if json.loads(found.default_policy_version.policy_document) != document:
            ram.create_policy_version(
                models.CreatePolicyVersionRequest(
                    policy_name=name,
                    policy_document=json.dumps(document),
                    set_as_default=True,
                    rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
                )
            )
    _ensure_attached(ram, role.name, name)


def _ensure_attached(ram: Any, role_name: str, policy_name: str) -> None:
    from alibabacloud_ram20150501 import models

    attached = ram.list_policies_for_role(models.ListPoliciesForRoleRequest(role_name=role_name)).body.policies.policy
    if not any(policy.policy_name == policy_name for policy in attached or ()):
        ram.attach_policy_to_role(
            models.AttachPolicyToRoleRequest(policy_name=policy_name, policy_type="Custom", role_name=role_name)
        )
