"""What the log service refuses, in the cloud's words."""

from fujie_emulator.core.errors import CloudError


def not_there(kind: str, name: str) -> CloudError:
    """ProjectNotExist, LogStoreNotExist or IndexConfigNotExist 404."""
    return CloudError(f"{kind}NotExist", 404, f"{kind} {name[:128]} does not exist")


def there_already(kind: str, name: str) -> CloudError:
    """ProjectAlreadyExist or LogStoreAlreadyExist 400."""
    return CloudError(f"{kind}AlreadyExist", 400, f"{kind} {name[:128]} already exists")


def invalid(what: str) -> CloudError:
    """ParameterInvalid 400."""
    return CloudError("ParameterInvalid", 400, what)


def unauthorized(what: str) -> CloudError:
    """SignatureNotMatch 401: nobody whom the cloud knows signed the request."""
    return CloudError("SignatureNotMatch", 401, what)
