"""What goes wrong at the model's door, in OpenAI's form.

LlmError                        message, status, type, code, param
"""


class LlmError(Exception):
    """A request that the model does not answer."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param

    def as_dict(self) -> dict[str, dict[str, str | None]]:
        """Return the body that OpenAI's clients read."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}
