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
    | {
        "GetResourceOAuth2Token": Note(
            source="captured",
            partly="ON_BEHALF_OF works for sign-ins hosted by `PUT /_fujie/idaas`, as there are no user pools",
        ),
        "AuthorizeInBrowser": Note(source="inferred"),
        "ReturnInBrowser": Note(source="inferred"),
    },
    inventions=(
        "The codes `InvalidParameter.SessionURI` and `Forbidden.UserIdentifierMismatch`.",
        "A return URL that is given is always checked against the allow-list, also with session binding off.",
        "A machine token is kept per custom parameters, too, so that one audience's is not given out for another.",
        "On behalf of: a resource server that was not set up is `Forbidden.IdaasRsNotAuthorized`; tokens are not kept.",
        "A consent session lives 10 minutes, its completion included; a failed redemption ends it as FAILED.",
        "PKCE is S256 only; a refresh token is asked for and kept unless `access_type=online`.",
        "GetWorkloadAccessToken* and CompleteResourceTokenAuth are authorized on resource `*` (documented).",
    ),
)
