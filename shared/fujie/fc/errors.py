"""What goes wrong between a function and Function Compute.

FujieError
├── ForeignRequestError         a path of the platform was asked for by somebody else
├── ForeignEventError           a built-in function got an event it does not know
├── InexpressibleResponseError  FC's response object cannot say what the app answered
└── NotStartedError             the app's lifespan did not begin
"""

from fujie.errors import FujieError, InputError


class ForeignRequestError(FujieError):
    """A path that only the platform may call was called by somebody else; it looks as if it did not exist."""

    code = "not_found"
    status = 404


class ForeignEventError(InputError):
    """The event is neither an HTTP request nor one that the function takes."""


class NotStartedError(FujieError):
    """The app's lifespan did not begin; the cause says why, for the log alone: FC shows messages to callers."""

    code = "not_started"
    status = 503


class InexpressibleResponseError(FujieError):
    """FC's response object cannot say what the app answered."""

    code = "inexpressible_response"
