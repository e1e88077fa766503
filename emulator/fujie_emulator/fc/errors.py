"""What Function Compute refuses, in the cloud's words."""

from fujie_emulator.core.errors import CloudError
from fujie_emulator.functionhost.errors import InvocationError


def wrong_type(name: str, value: str, right: str) -> CloudError:
    """A header has a value that InvokeFunction does not know."""
    return CloudError("InvalidArgument", 400, f"{name} must be {right}, not {value[:64]!r}")


def from_host(error: InvocationError) -> CloudError:
    """The host could not invoke the function."""
    return CloudError(error.code, error.status, error.message, headers={"x-fc-error-type": error.error_type})


def invalid(name: str, right: str) -> CloudError:
    """InvalidArgument 400: a field cannot be what it should be."""
    return CloudError("InvalidArgument", 400, f"{name} is invalid: {right}.")


def not_found(kind: str, name: str) -> CloudError:
    """{Function or Trigger}NotFound 404."""
    return CloudError(f"{kind}NotFound", 404, f"The {kind.lower()} {name[:128]!r} does not exist.")


def already_exists(kind: str, name: str) -> CloudError:
    """{Function or Trigger}AlreadyExists 409."""
    return CloudError(f"{kind}AlreadyExists", 409, f"The {kind.lower()} {name!r} already exists.")


def unsupported(what: str) -> CloudError:
    """UnsupportedOperation 400: the emulator's own no, by name."""
    return CloudError("UnsupportedOperation", 400, f"The emulator does not do {what}.")
