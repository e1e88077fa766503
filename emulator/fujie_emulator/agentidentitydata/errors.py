"""How the data plane says no.

InvalidParameter.WorkloadAccessToken        400  not ours, altered, expired, or without the user that the flow needs
InvalidParameter.JsonWebToken               400  the user's token fails a check of the bound identity provider
InvalidOAuthDiscoveryURL                    400  a provider's metadata or keys cannot be had
MissingParameter.ResourceOAuth2ReturnURL    400  session binding is on and no URL was given
Missmatch.ResourceOAuth2ReturnURL           400  (sic) the URL is not on the workload identity's list
Forbidden.InboundCredentialMissing          403  on behalf of: no sign-in of this user and session is hosted
Forbidden.IdaasRsNotAuthorized              403  on behalf of: the audience is no resource server of the provider's
Forbidden.ScopeNotGranted                   403  on behalf of: a scope was not granted there
MissingRoleArn                              400  the workload identity has no role to assume
ServiceUnavailable.UpstreamTokenEndpoint    503  the provider's token endpoint failed or refused
InvalidParameter.SessionURI                 400  the emulator's own: unknown, used, expired, or another's session
Forbidden.UserIdentifierMismatch            403  the emulator's own: someone else completes the session
UpstreamError                               internal: what happened at the provider, before it is worded as above
"""

from fujie_emulator.core.errors import CloudError


class UpstreamError(Exception):
    """A provider did not answer as it should; `refused` when it answered with a definite OAuth error (4xx)."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


def bad_workload_access_token(problem: str) -> CloudError:
    """The WAT cannot be used; `problem` completes the sentence."""
    return CloudError("InvalidParameter.WorkloadAccessToken", 400, f"Workload access token {problem}.")


def bad_user_token(problem: str) -> CloudError:
    """The user's JWT fails a check; `problem` names it, never the token."""
    return CloudError("InvalidParameter.JsonWebToken", 400, f"The JSON web token is refused: {problem}.")


def discovery_unreachable(url: str, problem: str) -> CloudError:
    """A provider's metadata cannot be had."""
    return CloudError("InvalidOAuthDiscoveryURL", 400, f"Unreachable: {url} ({problem}).")


def bad_session() -> CloudError:
    """The session cannot be used; the words do not tell an unknown one from another's."""
    return CloudError(
        "InvalidParameter.SessionURI", 400, "The session is unknown, already used, expired, or not this user's."
    )


def wrong_user() -> CloudError:
    """The session belongs to another user than the one who completes it."""
    return CloudError("Forbidden.UserIdentifierMismatch", 403, "The user is not the one the session was started for.")


def return_url_mismatch() -> CloudError:
    """The return URL is not on the list; the code is spelt as the cloud spells it."""
    return CloudError(
        "Missmatch.ResourceOAuth2ReturnURL",
        400,
        "ResourceOAuth2ReturnURL is not in the workload identity's AllowedResourceOAuth2ReturnURLs.",
    )


def inbound_missing() -> CloudError:
    """Nobody signed in at a user pool in the session that the user's token names, or sessions are not bound."""
    return CloudError(
        "Forbidden.InboundCredentialMissing", 403, "No inbound credential is hosted for the user and session."
    )


def resource_server_not_authorized(audience: str) -> CloudError:
    """The provider may not act at the resource server of that audience."""
    return CloudError("Forbidden.IdaasRsNotAuthorized", 403, f"The audience {audience[:128]!r} is not authorized.")


def scope_not_granted(scope: str) -> CloudError:
    """The provider may act at the resource server, but not with this scope."""
    return CloudError("Forbidden.ScopeNotGranted", 403, f"The scope {scope} is not granted.")


def missing_role(name: str) -> CloudError:
    """The workload identity has no role."""
    return CloudError("MissingRoleArn", 400, f"The workload identity {name} has no RoleArn.")


def upstream_failed(error: UpstreamError) -> CloudError:
    """The provider's token endpoint failed; its own words are not passed on, they may hold secrets."""
    return CloudError(
        "ServiceUnavailable.UpstreamTokenEndpoint", 503, f"The provider's token endpoint cannot be used: {error}."
    )
