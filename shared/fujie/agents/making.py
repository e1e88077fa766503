"""Who thinks for an agent: its developer's function, or the configured model with the agent's instructions."""

from fujie.agents.app import AgentApp
from fujie.agents.runner import AgentRunner
from fujie.settings import LlmSettings


def runner_for(app: AgentApp, llm: LlmSettings | None) -> AgentRunner:
    """Return the runner; a model that is not configured is an LlmNotConfiguredError of the first run."""
    if app.own.runner is not None:
        return app.own.runner
    from fujie.agents.pydantic_runner import PydanticRunner
    from fujie.llm.model import model_from_settings

    return PydanticRunner(app.app_name, app.instructions, lambda: model_from_settings(llm, app.model))
