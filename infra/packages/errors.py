"""Errors of packaging.

PackagingError: a package cannot be made; the message says of which function and why, `repair` what to do
"""

from fujie.errors import FujieError


class PackagingError(FujieError):
    """A code package cannot be made."""

    code = "packaging"
