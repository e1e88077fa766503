"""Errors of the command line.

CliError
├── PortInUseError       another program listens there
├── StateError           the state directory cannot be used
└── NotStartedError      a part did not start, or stopped
"""

from fujie.errors import FujieError


class CliError(FujieError):
    """A command cannot do what it was asked."""

    code = "cli"


class PortInUseError(CliError):
    """Another program listens on a port that is needed."""


class StateError(CliError):
    """The state directory cannot be used as it is."""


class NotStartedError(CliError):
    """A part did not start, or stopped."""
