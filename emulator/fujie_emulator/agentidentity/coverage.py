"""What COVERAGE.md says of the control plane beside its action tables."""

from fujie_emulator.core.coverage import Coverage, Note, captured

COVERAGE = Coverage(
    title="agentidentity 2025-09-01",
    source="documented",
    client="alibabacloud_agentidentity20250901",
    notes=captured(
        "CreateIdentityProvider CreateOAuth2CredentialProvider CreateAPIKeyCredentialProvider "
        "ListWorkloadIdentities DeleteWorkloadIdentity DeleteIdentityProvider DeleteOAuth2CredentialProvider "
        "DeleteAPIKeyCredentialProvider CreateWorkloadIdentity"
    )
    | {
        "UpdateWorkloadIdentity": Note(source="inferred"),
        "CreateTokenVault": Note(partly="a customer's KMS key is remembered, nothing is encrypted with it"),
    },
    inventions=(
        "Names have 1 to 128 characters of `A-Za-z0-9._-` and start with a letter or a digit.",
        "Quotas answer `QuotaExceeded.*`; the quotas themselves are documented, but that of token vaults (50).",
        "Session binding is on unless `SessionBindingEnabled=False`; `AllowedAudience` is mandatory.",
        "Client secrets and API keys are never returned.",
        "`CreateRAMRole` makes `AgentRole-{name}` and `AgentRolePolicy-{name}`, which the linked role may make.",
        "An identity whose `SourcePlatform` is AgentRun cannot be updated (`WorkloadIdentityPlatformMismatch`).",
        "Deleting an identity leaves the role that was made for it.",
        "The codes `DeleteConflict.TokenVault` and `Forbidden.DefaultTokenVault`.",
        "A listing without `TokenVaultName` is of the default vault.",
        "The hosts `oauth` and `signin` of aliyun.com and alibabacloud.com in a provider mean this cloud.",
    ),
)
