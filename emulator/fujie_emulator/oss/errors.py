"""How the object store says no, in its own codes.

OssError                        code, status, message; rendered as XML
"""

from fujie_emulator.core.errors import CloudError


class OssError(Exception):
    """A refusal of the object store; `extra` are further elements of the XML, `headers` go onto the answer."""

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        extra: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.extra = extra or {}
        self.headers = headers or {}


_OF_KEYS = {
    "InvalidAccessKeyId.NotFound": ("InvalidAccessKeyId", 403),
    "MissingSecurityToken": ("InvalidSecurityToken", 403),
    "InvalidSecurityToken.MismatchWithAccessKey": ("InvalidSecurityToken", 403),
    "InvalidSecurityToken.Expired": ("SecurityTokenExpired", 403),
    "RequestEntityTooLarge": ("EntityTooLarge", 400),
}


def in_oss_words(error: CloudError) -> OssError:
    """Return the core's error as the object store words it."""
    if error.code == "NoPermission":
        detail = error.extra.get("AccessDeniedDetail", {})
        return OssError("AccessDenied", 403, "You have no right to access this object.", dict(detail))
    code, status = _OF_KEYS.get(error.code, (error.code, error.status))
    return OssError(code, status, error.message, headers=error.headers)


def no_such_bucket(name: str) -> OssError:
    return OssError("NoSuchBucket", 404, "The specified bucket does not exist.", {"BucketName": name})


def no_such_key(key: str) -> OssError:
    return OssError("NoSuchKey", 404, "The specified key does not exist.", {"Key": key})


def invalid_argument(name: str, value: str, message: str) -> OssError:
    return OssError("InvalidArgument", 400, message, {"ArgumentName": name, "ArgumentValue": value[:256]})


def malformed_xml(what: str) -> OssError:
    return OssError("MalformedXML", 400, f"The XML you provided was not valid: {what}.")


def not_implemented(what: str) -> OssError:
    return OssError("NotImplemented", 501, f"The emulator does not do {what}.")
