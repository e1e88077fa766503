"""Errors of tools.

ToolError                       a tool's own refusal, told to the model; tool authors raise it too
├── ToolDeclarationError        the function cannot be a tool; raised when it is declared
├── UnknownToolError            404 there is no tool of this name
├── ArgumentsInvalidError       the model's arguments do not fit
│   └── ScopeWideningError      an argument would widen what the credential may do
├── ToolMisconfiguredError      the stack lacks a setting that the tool needs
├── HostNotDeclaredError        the tool asked a host that it does not declare
├── OutputInvalidError          what it returned is not JSON
│   └── OutputTooLargeError     or is more than a model should be given
└── ProviderError               the provider's fault; effect unknown where the tool writes
    ├── ProviderUnreachableError
    ├── ProviderTimeoutError
    ├── ProviderDeniedError     it refused the credential
    ├── ProviderRefusedError    it refused the request
    └── ProviderFailedError     it is out of order
        └── AnswerTooLargeError it answered more than a tool may read
"""

from fujie.errors import FujieError


class ToolError(FujieError):
    """The tool cannot do what was asked; the message is for the model and the user."""

    code = "tool_failed"
    status = 502


class ToolDeclarationError(ToolError):
    """The function cannot be a tool; the message names it and what is missing."""

    code = "tool_declaration"
    status = 500


class UnknownToolError(ToolError):
    """There is no tool of this name."""

    code = "unknown_tool"
    status = 404


class ArgumentsInvalidError(ToolError):
    """The arguments do not fit the tool's schema; the message says where."""

    code = "invalid_arguments"
    status = 422


class ScopeWideningError(ArgumentsInvalidError):
    """An argument would make the credential reach more than the one thing that was asked for."""

    code = "argument_widens_scope"


class ToolMisconfiguredError(ToolError):
    """The stack lacks a setting that the tool needs; the repair names it."""

    code = "tool_misconfigured"
    status = 500


class HostNotDeclaredError(ToolError):
    """The tool asked a host that its declaration does not name; nothing was sent."""

    code = "host_not_declared"
    status = 500


class OutputInvalidError(ToolError):
    """The tool returned something that is not JSON."""

    code = "invalid_output"


class OutputTooLargeError(OutputInvalidError):
    """The tool returned more than a model should be given."""

    code = "output_too_large"


class ProviderError(ToolError):
    """The provider's fault."""

    code = "provider_error"


class ProviderUnreachableError(ProviderError):
    """The provider could not be reached, or the connection broke."""

    code = "provider_unreachable"


class ProviderTimeoutError(ProviderError):
    """The provider did not answer in time."""

    code = "provider_timeout"
    status = 504


class ProviderDeniedError(ProviderError):
    """The provider refused the credential (401, 403)."""

    code = "provider_denied"


class ProviderRefusedError(ProviderError):
    """The provider refused the request (another 4xx)."""

    code = "provider_refused"


class ProviderFailedError(ProviderError):
    """The provider is out of order (5xx), or answered something it should not."""

    code = "provider_failed"


class AnswerTooLargeError(ProviderFailedError):
    """The provider answered more than a tool may read."""

    code = "provider_answer_too_large"
