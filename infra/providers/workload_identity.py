"""Workload identities of Agent Identity: the agent's own."""

from infra.declaration import WorkloadIdentity
from infra.providers.clients import CloudClients, missing


def ensure(clients: CloudClients, identity: WorkloadIdentity, role_arn: str) -> None:
    """Make the identity exist with session binding on, this role, and only the declared return addresses."""
    from alibabacloud_agentidentity20250901 import models
    from alibabacloud_tea_openapi.exceptions import ClientException

    return_urls = list(identity.return_urls)
    try:
        found = clients.agentidentity.get_workload_identity(
            models.GetWorkloadIdentityRequest(workload_identity_name=identity.name)
        ).body.workload_identity
    except ClientException as error:
        if not missing(error):
            raise
        clients.agentidentity.create_workload_identity(
            models.CreateWorkloadIdentityRequest(
                workload_identity_name=identity.name,
                role_arn=role_arn,
                identity_provider_name=identity.identity_provider,
                allowed_resource_oauth2_return_urls=return_urls,
                session_binding_enabled=True,
                create_ramrole=False,
            )
        )
        return
    if found.role_arn != role_arn or found.allowed_resource_oauth2_return_urls != return_urls:
        clients.agentidentity.update_workload_identity(
            models.UpdateWorkloadIdentityRequest(
                workload_identity_name=identity.name,
                role_arn=role_arn,
                allowed_resource_oauth2_return_urls=return_urls,
            )
        )
