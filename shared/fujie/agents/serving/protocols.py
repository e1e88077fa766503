"""The one table of the protocols: which module answers which paths. Each is imported by its first request."""

PROTOCOLS: tuple[tuple[str, str], ...] = (
    ("/health", "fujie.agents.serving.about"),
    ("/metadata", "fujie.agents.serving.about"),
    ("/process/task", "fujie.agents.serving.tasks"),
    ("/process", "fujie.agents.serving.agentscope"),
    ("/openai/v1/chat/completions", "fujie.agents.serving.openai_chat"),
    ("/openai/v1/models", "fujie.agents.serving.openai_chat"),
    ("/v1/chat/completions", "fujie.agents.serving.openai_chat"),
    ("/v1/models", "fujie.agents.serving.openai_chat"),
    ("/openai/v1/responses", "fujie.agents.serving.openai_responses"),
    ("/v1/responses", "fujie.agents.serving.openai_responses"),
    ("/compatible-mode/v1/responses", "fujie.agents.serving.openai_responses"),
    ("/ag-ui", "fujie.agents.serving.ag_ui"),
    ("/.well-known/agent-card.json", "fujie.agents.serving.a2a"),
    ("/a2a", "fujie.agents.serving.a2a"),
    ("/mcp", "fujie.agents.serving.mcp"),
    ("/.well-known/oauth-protected-resource", "fujie.agents.serving.mcp"),
    ("/invocations", "fujie.agents.serving.invocations"),
    ("/ping", "fujie.agents.serving.invocations"),
    ("/ws", "fujie.agents.serving.invocations"),
)
"""Path, also of everything below it, and a module with `routes(served: Served) -> list[Route]`. The first that fits."""


def module_for(path: str) -> str | None:
    """Return the module that answers a path."""
    for prefix, module in PROTOCOLS:
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}:
            return module
    return None
