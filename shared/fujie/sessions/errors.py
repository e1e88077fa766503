"""Errors of the store.

StoreError
├── ConflictError    the row exists, or the conversation is busy
├── FencedError      somebody else has taken the run since
└── StoreUnavailableError
"""

from fujie.errors import FujieError


class StoreError(FujieError):
    """The store refused or failed."""

    code = "store"


class ConflictError(StoreError):
    """The row exists already, or the conversation has a run that is not finished."""

    code = "conflict"
    status = 409


class FencedError(StoreError):
    """Another worker has taken the run since: stop writing."""

    code = "fenced"
    status = 409


class StoreUnavailableError(StoreError):
    """The database does not answer; try again."""

    code = "store_unavailable"
    status = 503
