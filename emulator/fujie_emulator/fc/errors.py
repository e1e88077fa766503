"""What InvokeFunction refuses, in the cloud's words."""

from fujie_emulator.core.errors import CloudError
from fujie_emulator.functionhost.errors import InvocationError


def wrong_type(name: str, value: str, right: str) -> CloudError:
    """A header has a value that InvokeFunction does not know."""
    return CloudError("InvalidArgument", 400, f"{name} must be {right}, not {value[:64]!r}")


def from_host(error: InvocationError) -> CloudError:
    """The host could not invoke the function."""
    return CloudError(error.code, error.status, error.message, headers={"x-fc-error-type": error.error_type})


def unsupported(method: str, path: str) -> CloudError:
    """Only functions are invoked here; everything else of the API is refused by name."""
    return CloudError(
        "UnsupportedOperation", 400, f"The emulator does not do {method} {path[:128]}; see PUT /_fujie/functions."
    )
