"""What the control plane openly does not do, and why: action -> reason."""

_NO_USER_POOLS = "user pools and what hangs on them are not emulated; bind an IdentityProvider"
_NO_CEDAR = "policy sets and gateways are not emulated"
REFUSED = {
    **dict.fromkeys(
        (
            f"{verb}{noun}"
            for noun in ("UserPool", "User", "UserPoolClient", "Role")
            for verb in ("Create", "Get", "Update", "Delete")
        ),
        _NO_USER_POOLS,
    ),
    **dict.fromkeys(
        [
            "ListUserPools",
            "ListUsers",
            "ListUserPoolClients",
            "ListRoles",
            "ListRoleAssignments",
            "CreateRoleAssignment",
            "DeleteRoleAssignment",
            "SetUserPassword",
            "CreateClientSecret",
            "ListClientSecrets",
            "DeleteClientSecret",
            "GetLoginPreference",
            "UpdateLoginPreference",
            "AddSAMLIdentityProviderCertificate",
            "DeleteSAMLIdentityProviderCertificate",
            "ListSAMLIdentityProviderCertificates",
            "SetSAMLIdentityProvider",
            "GetSAMLIdentityProvider",
            "GetSAMLServiceProviderInfo",
            "SetSpecificIdentityProvider",
            "GetSpecificIdentityProvider",
            "GetIdentityProviderSyncScope",
            "ListIdentityProviderDepartments",
            "RunUserPoolSyncJob",
            "GetUserPoolSyncJob",
            "ListUserPoolSyncJobs",
        ],
        _NO_USER_POOLS,
    ),
    **dict.fromkeys(
        [
            "CreatePolicySet",
            "GetPolicySet",
            "ListPolicySets",
            "UpdatePolicySet",
            "DeletePolicySet",
            "CreatePolicy",
            "GetPolicy",
            "ListPolicies",
            "UpdatePolicy",
            "DeletePolicy",
            "AttachPolicySetToGateway",
            "DetachPolicySetFromGateway",
            "ListPolicySetAttachedGateways",
            "GetGatewayPolicyConfig",
            "UpdateGatewayPolicyConfig",
        ],
        _NO_CEDAR,
    ),
}
