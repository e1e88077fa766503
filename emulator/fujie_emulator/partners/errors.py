"""How partners say no.

PartnerError            an API's refusal: status, code, message
├── OAuthError          in OAuth's own words (RFC 6749 5.2, RFC 6750 3.1)
"""

from typing import Any


class PartnerError(Exception):
    """A partner's API refuses; `headers` go onto the answer."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON body of an API's refusal."""
        return {"error": {"code": self.code, "message": self.message}}


class OAuthError(PartnerError):
    """An authorization server refuses; `code` is one of OAuth's error codes."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON body of a token endpoint's refusal."""
        return {"error": self.code, "error_description": self.message}


def not_found(what: str) -> PartnerError:
    """There is no such thing; `what` names it."""
    return PartnerError(404, "not_found", f"There is no {what}.")


def unauthorized(message: str) -> PartnerError:
    """The request carries no credential that this partner issued and that still counts."""
    return PartnerError(
        401,
        "invalid_token",
        message,
        {"www-authenticate": f'Bearer error="invalid_token", error_description="{message}"'},
    )


def insufficient_scope(scope: str) -> PartnerError:
    """The token is good, but the user did not allow this with it."""
    return PartnerError(
        403,
        "insufficient_scope",
        f"The token lacks the scope {scope}.",
        {"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )
