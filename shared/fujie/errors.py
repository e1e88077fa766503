"""The root of every error that Fujie raises on purpose.

FujieError                      code, message, repair
├── SettingsError               a setting is missing or malformed
├── InputError                  a value from outside was refused
│   └── TooLargeError           it was longer than its limit
└── (one small tree per package: identity.errors, tools.errors, sessions.errors, llm.errors, ...)
"""


class FujieError(Exception):
    """Something went wrong that has a name.

    `code` is stable and machine-readable, `status` the HTTP status a function answers with,
    `repair` says what to do about it, or is empty.
    """

    code = "internal"
    status = 500

    def __init__(self, message: str, *, repair: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.repair = repair
        if repair:
            self.add_note(repair)  # a traceback says it, too

    def as_dict(self) -> dict[str, str]:
        """Return what a caller may see: code, message and, where there is one, the repair."""
        seen = {"code": self.code, "message": self.message}
        return seen | {"repair": self.repair} if self.repair else seen


class SettingsError(FujieError):
    """A setting is missing or malformed; the message names it."""

    code = "settings"


class InputError(FujieError):
    """A value from outside was refused; the message says which, where, and what would be right."""

    code = "invalid_input"
    status = 400


class TooLargeError(InputError):
    """A value from outside is longer than its limit."""

    code = "too_large"
    status = 413
