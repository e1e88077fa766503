"""STS's refusals in STS's words."""

from fujie_emulator.core.errors import CloudError


def role_not_found(role_arn: str) -> CloudError:
    """EntityNotExist.Role 404."""
    return CloudError("EntityNotExist.Role", 404, f"The specified Role does not exist: {role_arn[:256]}.")


def wrong_role_arn() -> CloudError:
    """InvalidParameter.RoleArn 400."""
    return CloudError(
        "InvalidParameter.RoleArn",
        400,
        "The parameter RoleArn is wrongly formed: acs:ram::{account}:role/{name} is right.",
    )


def provider_not_found(name: str) -> CloudError:
    """EntityNotExist.OIDCProvider 404."""
    return CloudError("EntityNotExist.OIDCProvider", 404, f"The OIDC provider does not exist: {name[:128]}.")


def token_expired(problem: str) -> CloudError:
    """AuthenticationFail.OIDCToken.Expired 400 (the status is inferred)."""
    return CloudError("AuthenticationFail.OIDCToken.Expired", 400, f"This JsonWebToken is expired: {problem}.")


def token_refused(problem: str) -> CloudError:
    """AuthenticationFail.OIDCToken.Invalid 400 (the status is inferred); `problem` never holds the token."""
    return CloudError("AuthenticationFail.OIDCToken.Invalid", 400, f"The OIDC token is refused: {problem}.")
