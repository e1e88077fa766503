"""How functions grow: requests an instance serves, instances, sessions, layers (fc.md 1.2 to 1.4, 3)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STREAMING = ("chat", "process")
FUNCTIONS = (*STREAMING, "callback", "tool")
CONCURRENCY = 100
"""Requests at once of an instance that mostly waits for the model; built-in runtimes serve one."""
MOST_CONCURRENCY = 200
SESSION_HEADER = "x-agentscope-runtime-session-id"
"""With which clients of AgentScope Runtime name a session; `chat` sends its conversation's id."""
SESSION_IDLE_S = 60
"""Short, since whoever names no session begins one with each request, and an instance holds 200 at most."""
SESSION_TTL_S = 21_600
MOST_LAYERS = 5
MOST_INSTANCES = 300
"""Of a region, by default."""


@dataclass(frozen=True)
class Scale:
    """What a stack says of it; every map is by function."""

    instance_concurrency: Mapping[str, int] = field(default_factory=dict)
    session_affinity: bool = False
    max_instances: Mapping[str, int] = field(default_factory=dict)
    warm_instances: Mapping[str, int] = field(default_factory=dict)
    layers: tuple[str, ...] = ()

    def checks(self) -> dict[str, bool]:
        """Return what must hold, as sentences, and whether it does."""
        concurrency, most, warm = self.instance_concurrency, self.max_instances, self.warm_instances
        return {
            f"instance_concurrency is 1 to {MOST_CONCURRENCY}, of {' and '.join(STREAMING)}": set(concurrency)
            <= set(STREAMING)
            and all(1 <= each <= MOST_CONCURRENCY for each in concurrency.values()),
            f"max_instances is 1 to {MOST_INSTANCES}, of {', '.join(FUNCTIONS)}": set(most) <= set(FUNCTIONS)
            and all(1 <= each <= MOST_INSTANCES for each in most.values()),
            f"warm_instances is 1 or more, of {', '.join(FUNCTIONS)}": set(warm) <= set(FUNCTIONS)
            and all(each >= 1 for each in warm.values()),
            "warm_instances are at most max_instances": all(
                each <= most.get(function, MOST_INSTANCES) for function, each in warm.items()
            ),
            f"layers are at most {MOST_LAYERS} ARNs": len(self.layers) <= MOST_LAYERS
            and all(each.startswith("acs:fc:") for each in self.layers),
        }

    def serves(self, function: str) -> int:
        """Return how many requests one instance of the function serves at once."""
        return self.instance_concurrency.get(function, CONCURRENCY) if function in STREAMING else 1

    def affinity(self, function: str) -> "Affinity | None":
        """Return the function's session affinity, None where it has none."""
        if not self.session_affinity or function not in STREAMING:
            return None
        return Affinity(SESSION_HEADER if function == "process" else "", self.serves(function))


@dataclass(frozen=True)
class Affinity:
    """By which header a client names its session ("": by the platform's cookie), and how many share an instance.

    What is invoked asynchronously has no session: it reaches any instance, and state lives outside of them.
    """

    header: str
    sessions_per_instance: int

    @property
    def kind(self) -> str:
        """Function Compute's word for it."""
        return "HEADER_FIELD" if self.header else "GENERATED_COOKIE"

    def document(self) -> str:
        """Return Function Compute's own document, JSON."""
        named: dict[str, Any] = {"affinityHeaderFieldName": self.header} if self.header else {}
        return json.dumps(
            named
            | {
                "sessionConcurrencyPerInstance": self.sessions_per_instance,
                "sessionTTLInSeconds": SESSION_TTL_S,
                "sessionIdleTimeoutInSeconds": SESSION_IDLE_S,
            }
        )
