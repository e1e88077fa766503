"""What COVERAGE.md says of the data plane beside its action table."""

from fujie_emulator.core.coverage import Coverage, Note, captured

COVERAGE = Coverage(
    title="agentidentitydata 2025-11-27",
    source="documented",
    client="alibabacloud_agentidentitydata20251127",
    done=lambda: ("AuthorizeInBrowser", "ReturnInBrowser"),
    notes=captured(
        "GetWorkloadAccessToken GetWorkloadAccessTokenForJWT GetWorkloadAccessTokenForUserId GetResourceAPIKey "
        "AssumeRoleForWorkloadIdentity GetResourceOAuth2Token CompleteResourceTokenAuth"
    )
    | {"AuthorizeInBrowser": Note(source="inferred"), "ReturnInBrowser": Note(source="inferred")},
    inventions=(
        "The codes `InvalidParameter.SessionURI` and `Forbidden.UserIdentifierMismatch`.",
        "A return URL that is given is always checked against the allow-list, also with session binding off.",
        "A consent session lives 10 minutes, its completion included; a failed redemption ends it as FAILED.",
        "PKCE is S256 only; a refresh token is asked for and kept unless `access_type=online`.",
        "GetWorkloadAccessToken* and CompleteResourceTokenAuth are authorized on resource `*` (documented).",
    ),
)
