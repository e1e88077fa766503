"""Errors of object storage.

ObjectError
├── ObjectNotFoundError         404 there is no object of this key
├── ObjectAccessDeniedError     403 the credential does not reach this object
├── ObjectTooLargeError         413 it is longer than the caller takes
├── ObjectKeyInvalidError       400 no object can have this key
└── ObjectStoreUnavailableError 503 the store is out of order, unreachable or too slow
"""

from fujie.errors import FujieError


class ObjectError(FujieError):
    """Object storage did not do what was asked."""

    code = "object_storage"
    status = 502


class ObjectNotFoundError(ObjectError):
    """There is no object of this key."""

    code = "object_not_found"
    status = 404


class ObjectAccessDeniedError(ObjectError):
    """The credential does not reach this object, or has ended."""

    code = "object_access_denied"
    status = 403


class ObjectTooLargeError(ObjectError):
    """The object is longer than the caller takes."""

    code = "object_too_large"
    status = 413


class ObjectKeyInvalidError(ObjectError):
    """No object can have this key."""

    code = "object_key_invalid"
    status = 400


class ObjectStoreUnavailableError(ObjectError):
    """The store is out of order, unreachable or too slow."""

    code = "object_store_unavailable"
    status = 503
