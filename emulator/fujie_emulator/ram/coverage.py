"""What COVERAGE.md says of RAM beside its action tables."""

from fujie_emulator.core.coverage import Coverage, captured

COVERAGE = Coverage(
    title="ram 2015-05-01",
    source="documented",
    client="alibabacloud_ram20150501",
    notes=captured(
        "CreateRole GetRole DeleteRole CreatePolicy GetPolicy DeletePolicy CreatePolicyVersion AttachPolicyToRole "
        "DetachPolicyFromRole ListPoliciesForRole ListTagResources"
    ),
    inventions=(
        "`IpAddress` and `IpAddressIncludeBorder` both count a network's first and last address in (inferred).",
        "The key of a deleted role answers `InvalidSecurityToken.Expired`, also when its name is given again.",
        "The two demo users can be neither renamed nor deleted: the sign-in page offers them.",
        "For a missing condition key, an operator fails and its negation holds (inferred from AWS).",
        "The bodies of `AliyunAgentIdentityFullAccess` and of system policies of other products.",
        "The exact codes of some conflicts; a session policy has at most 2048 characters.",
        "Every request has the condition keys `acs:SourceIp` 127.0.0.1 and `acs:SecureTransport` false.",
    ),
)
