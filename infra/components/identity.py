"""Who people are and who the agent is: identity providers, and workload identities bound to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import Stack
from infra.properties import identity_provider, workload_identity
from infra.providers.resources import IdentityProvider, WorkloadIdentity


@dataclass(frozen=True)
class IdentityArgs:
    """The stack, its applications' ids, and its roles' ARNs."""

    stack: Stack
    app_ids: Mapping[str, Output[str]]
    role_arns: Mapping[str, Output[str]]


class Identity(Part):
    """Identity providers and workload identities; `names` are the identities', once they are there."""

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        config = args.stack.config
        providers = {
            idp.name: IdentityProvider(
                idp.name, identity_provider(config, idp, args.app_ids[idp.application]), self.inside()
            )
            for idp in args.stack.identity_providers
        }
        self.names: list[Output[str]] = []
        for identity in args.stack.workload_identities:
            properties = workload_identity(config, identity) | {
                "role_arn": args.role_arns[identity.role],
                "identity_provider": providers[identity.identity_provider].name,
            }
            self.names.append(WorkloadIdentity(identity.name, properties, self.inside()).name)
        self.register_outputs({"names": self.names})
