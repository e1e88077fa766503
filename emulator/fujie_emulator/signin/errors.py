"""How the OAuth server says no.

OAuthError        an `error` code of RFC 6749 or OIDC, rendered as JSON or as a redirect
RequestRefused    the authorize request cannot even be answered by a redirect: unknown client or redirect URI
"""


class OAuthError(Exception):
    """An error that the client is told: `error` is the protocol's code, `description` says what would be right."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class RequestRefused(Exception):
    """Nobody may be sent anywhere on behalf of this request; the message is for the person at the browser."""


def invalid_request(description: str) -> OAuthError:
    """A parameter is missing, repeated or malformed."""
    return OAuthError("invalid_request", description)


def invalid_grant(description: str) -> OAuthError:
    """The code or refresh token is unknown, used, expired, or someone else's."""
    return OAuthError("invalid_grant", description)


def invalid_client() -> OAuthError:
    """The client is unknown or did not prove itself."""
    return OAuthError("invalid_client", "The client is unknown or its secret is wrong or missing.", status=401)
