"""What IMS openly does not do, and why: action -> reason."""

from fujie_emulator.core.coverage import refused_but

_SECRETS = "a secret is shown once, when it is made"
_PROVISION = "only the account's own OAuth applications are emulated"
_USERS = "users and their keys are RAM's; the demo users have no password to change"
_FEDERATION = "people do not sign in through SAML or a domain of their own here"
_REPORTS = "nothing is reported about this account"
REFUSED = {
    "GetAppSecret": _SECRETS,
    **refused_but(
        (),
        _PROVISION,
        """
        ListPredefinedScopes ProvisionApplication DeprovisionApplication GetApplicationProvisionInfo
        ListApplicationProvisionInfos ProvisionExternalApplication DeprovisionExternalApplication
        GetExternalApplication ListExternalApplications
    """,
    ),
    **refused_but(
        (),
        _USERS,
        """
        CreateUser GetUser UpdateUser DeleteUser ListUsers ListUserBasicInfos GetUserInRecycleBin
        ListUsersInRecycleBin DeleteUserInRecycleBin RestoreUserFromRecycleBin CreateAccessKey ListAccessKeys
        UpdateAccessKey DeleteAccessKey GetAccessKeyLastUsed GetAccessKeyInfoInRecycleBin ListAccessKeysInRecycleBin
        DeleteAccessKeyInRecycleBin RestoreAccessKeyFromRecycleBin GetAccessKeyPolicy SetAccessKeyPolicy
        GetAccessKeyPolicyForAccount SetAccessKeyPolicyForAccount CreateServiceCredential GetServiceCredential
        ListServiceCredentials UpdateServiceCredential DeleteServiceCredential CreateGroup GetGroup UpdateGroup
        DeleteGroup ListGroups AddUserToGroup RemoveUserFromGroup ListGroupsForUser ListUsersForGroup
        CreateLoginProfile GetLoginProfile UpdateLoginProfile DeleteLoginProfile ChangePassword GetPasswordPolicy
        SetPasswordPolicy CreateVirtualMFADevice DeleteVirtualMFADevice ListVirtualMFADevices DisableVirtualMFA
        BindMFADevice UnbindMFADevice GetUserMFAInfo GetAccountMFAInfo ListPasskeys UpdatePasskey DeletePasskey
        GetVerificationInfo SetVerificationInfo UnbindVerification GetSecurityPreference SetSecurityPreference
        TagResources UntagResources ListTagResources
    """,
    ),
    **refused_but(
        (),
        _FEDERATION,
        """
        CreateSAMLProvider GetSAMLProvider UpdateSAMLProvider DeleteSAMLProvider ListSAMLProviders
        GetUserSsoSettings SetUserSsoSettings GetDefaultDomain SetDefaultDomain
    """,
    ),
    **refused_but(
        (),
        _REPORTS,
        """
        GenerateCredentialReport GetCredentialReport GenerateGovernanceReport GetGovernanceReportStatus
        GetGovernanceItemReport ListRecentGovernanceMetrics GetAccountSecurityPracticeReport GetAccountSummary
    """,
    ),
}
