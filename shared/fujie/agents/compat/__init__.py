"""Names under which agents know other runtimes: change where they are imported from, and keep the rest.

Each is imported when it is first asked for, so that none of the frameworks is needed for another's names.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "AgentApp": "agentscope_runtime",
    "AgentRequest": "agentscope_runtime",
    "InMemoryStateService": "services",
    "InMemorySessionHistoryService": "services",
    "AgentScopeSessionHistoryMemory": "agentscope_memory",
    "BedrockAgentCoreApp": "agentcore",
    "PPIOAgentRuntimeApp": "ppio",
    "AgentRuntimeApp": "ppio",
    "PingStatus": "ping_status",
    "RequestContext": "ping_status",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
