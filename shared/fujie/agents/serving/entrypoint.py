"""Which function is given the body of an invocation as it came."""

from fujie.agents.function_runner import FunctionRunner
from fujie.agents.serving.served import Served


def entrypoint_of(served: Served) -> FunctionRunner | None:
    """Return the entrypoint function that answers, if one does."""
    runner = served.app.own.runner if served.app is not None else None
    return runner if isinstance(runner, FunctionRunner) and runner.takes_payload else None
