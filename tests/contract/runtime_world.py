"""The process function over a store in memory, for official clients of the protocols it speaks."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx2
from msgspec import structs

from fujie import clock
from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.runner import Step, StepDone, StepItem, ToolCall
from fujie.agents.tool_client import ToolWaits
from fujie.identity.rows import Consent
from functions.process.app import create_app
from tests.agents.doubles import NOON, FakeTools, ScriptedMind, consent_request
from tests.functions.process_world import ALICE, ProcessWorld

EXPIRES_AT = "2036-11-21T12:00:00Z"


class EventMind(ScriptedMind):
    """Also plays events as they are, what is awaited between them, and calls, which end the step."""

    async def step(self, step: Step) -> AsyncGenerator[StepItem, None]:
        if not (self.script and isinstance(self.script[0], tuple)):
            async for item in super().step(step):
                yield item
            return
        self.seen.append(step)
        items = self.script.pop(0)
        for item in items:
            if isinstance(item, Exception):
                raise item
            if callable(item):
                await item()
            elif not isinstance(item, ToolCall):
                yield item
        calls = tuple(item for item in items if isinstance(item, ToolCall))
        yield StepDone(f"{step.history}+{len(self.seen)}", calls, {"input_tokens": 10, "output_tokens": 1})


def world(*script, issuer="", public_url="", patience_s=None, **tools) -> ProcessWorld:
    made = ProcessWorld(EventMind(*script), FakeTools(**tools))
    if issuer or public_url or patience_s is not None:
        agent = AgentApp("Fujie", config=AgentConfig(timeout_s=patience_s) if patience_s else None)
        made.app = create_app(replace(made.parts, agent=agent, issuer=issuer, public_url=public_url))
        made.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(made.app), base_url="http://process")
    return made


@dataclass
class Waiting:
    """A world whose tool asks for consent once; the person answers with `settle`."""

    made: ProcessWorld
    run_id: str = ""

    async def settle(self, status: str) -> None:
        """Write the answer, as `callback` does before it wakes the run."""
        assert await self.made.store.move_consent("c1", ("requested", "bound", "returned"), status)

    async def wake(self) -> None:
        """Resume the run as the event does that `callback` sends: nobody listens."""
        async for _ in self.made.runs.resume(self.run_id):
            pass


def waiting_world(*after, **options) -> Waiting:
    """Return a world in which the first step calls `get_time`, which waits for the consent `c1`."""
    waiting = Waiting(world([("get_time", {})], *after, **options))
    request = structs.replace(consent_request("c1"), reason="To tell the time.", expires_at=EXPIRES_AT)

    async def get_time(call, behalf):
        if waiting.run_id:
            return NOON
        waiting.run_id = behalf.run.id
        await waiting.made.store.add_consent(consent_row(behalf.run, call.call_id))
        return ToolWaits(request)

    waiting.made.tools.answers["get_time"] = get_time
    return waiting


def consent_row(run, call_id):
    now = clock.now()
    return Consent(
        "c1", ALICE, run.id, call_id, run.delegation_id, "time", ("time.read",), "get_time", "", "state", "", "",
        "requested", now, now + timedelta(minutes=10),
    )  # fmt: skip
