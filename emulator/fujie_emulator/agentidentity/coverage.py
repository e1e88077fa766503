"""What COVERAGE.md says of the control plane beside its action tables."""

from fujie_emulator.core.coverage import Coverage, captured

COVERAGE = Coverage(
    title="agentidentity 2025-09-01",
    source="documented",
    client="alibabacloud_agentidentity20250901",
    notes=captured(
        "CreateWorkloadIdentity CreateIdentityProvider CreateOAuth2CredentialProvider CreateAPIKeyCredentialProvider "
        "ListWorkloadIdentities DeleteWorkloadIdentity DeleteIdentityProvider DeleteOAuth2CredentialProvider "
        "DeleteAPIKeyCredentialProvider"
    ),
    inventions=(
        "Names have 1 to 128 characters of `A-Za-z0-9._-` and start with a letter or a digit.",
        "Quotas answer `QuotaExceeded.*`; the quotas themselves are documented.",
        "Session binding is on unless `SessionBindingEnabled=False`; `AllowedAudience` is mandatory.",
        "Client secrets and API keys are never returned.",
    ),
)
