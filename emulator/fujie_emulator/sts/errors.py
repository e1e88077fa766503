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
