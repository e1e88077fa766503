"""An agent that is served alone and keeps its runs: a store, and no tools but the agent's own."""

from collections.abc import Sequence

from fujie.agents.app import AgentApp
from fujie.agents.execution import Timing
from fujie.agents.port import Changed, Runs
from fujie.agents.runner import AgentRunner, ToolCall, ToolSpec
from fujie.agents.runs import RunService
from fujie.agents.tool_client import OnBehalf, ToolOutcome, Tools, failure
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings


class NoTools(Tools):
    """No stack, no tool function."""

    async def manifest(self) -> Sequence[ToolSpec]:
        return ()

    async def call(self, call: ToolCall, behalf: OnBehalf) -> ToolOutcome:  # noqa: ARG002 - whatever is called
        return failure("unknown_tool", f"there is no tool named {call.name}")


def durable_runs(app: AgentApp, runner: AgentRunner, changed: Changed) -> tuple[Runs, Store]:
    """Return the runs over the database that the app names, and its store, to be closed at the end."""
    store = store_from_settings(Settings(database_url=app.config.database_url))
    timing = Timing(deadline_s=app.config.timeout_s)
    return RunService(store, runner, NoTools(), agent=app.app_name, timing=timing, changed=changed), store
