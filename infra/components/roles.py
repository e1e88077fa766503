"""RAM roles with their one policy each: what every function, and every tool with temporary credentials, may do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import Role


@dataclass(frozen=True)
class RolesArgs:
    """The roles, and the tags that say whose they are."""

    roles: Sequence[Role]
    tags: Mapping[str, str]


class Roles(Part):
    """The roles; `arns` maps a role's name to its ARN once it may do what it should."""

    def __init__(self, name: str, args: RolesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.arns: dict[str, Output[str]] = {role.name: self._role(role, args.tags) for role in args.roles}
        self.register_outputs({"arns": self.arns})

    def _role(self, role: Role, tags: Mapping[str, str]) -> Output[str]:
        made = alicloud.ram.Role(
            role.name,
            role_name=role.name,
            description=role.description,
            assume_role_policy_document=json.dumps(role.trust_document()),
            tags=tags,
            opts=self.inside(),
        )
        arn: Output[str] = made.arn
        if not role.statements:
            return arn
        policy = alicloud.ram.Policy(
            f"{role.name}-policy",
            policy_name=f"{role.name}-policy",
            policy_document=json.dumps(role.policy_document()),
            rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
            tags=tags,
            opts=self.inside(),
        )
        attached = alicloud.ram.RolePolicyAttachment(
            f"{role.name}-policy",
            policy_name=policy.policy_name,
            policy_type="Custom",
            role_name=made.role_name,
            opts=self.inside(),
        )
        return Output.all(arn, attached.id).apply(lambda both: str(both[0]))
