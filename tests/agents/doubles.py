"""A world for runs: a store in memory, tools and a mind that do what the test says, a clock that stands still."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fujie.agents.execution import Timing
from fujie.agents.runner import AgentRunner, Step, StepDone, StepItem, ToolCall, ToolSpec
from fujie.agents.runs import Principal, RunService
from fujie.agents.tool_client import OnBehalf, ToolOutcome, ToolWaits
from fujie.identity.rows import Consent, User
from fujie.permission import ConsentRequest, Scope
from fujie.protocols.agentscope.request import AgentRequest
from fujie.protocols.events import TextDelta, TextEnded, TextStarted, event_from_json
from fujie.sessions.memory import MemoryStore

ALICE = User("default", "100000000000000001", "alice")
BOB = User("default", "100000000000000002", "bob")


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **kwargs) -> None:
        self.time += timedelta(**kwargs)


class AnswersLate:
    """Beside a store: it takes each write at once, as a group does that is being committed, and says so when it may."""

    def __init__(self):
        super().__init__()
        self.sent, self.answers = asyncio.Event(), asyncio.Event()

    async def append_events(self, *args):
        await super().append_events(*args)
        self.sent.set()
        await self.answers.wait()


class ScriptedMind(AgentRunner):
    """A runner that plays steps: a string is said, a tuple of (tool, arguments) is called, a callable is awaited."""

    def __init__(self, *script) -> None:
        self.script = list(script)
        self.seen: list[Step] = []

    async def step(self, step: Step) -> AsyncGenerator[StepItem, None]:
        self.seen.append(step)
        move = self.script.pop(0)
        history = f"{step.history}+{len(self.seen)}"
        usage = {"input_tokens": 10, "output_tokens": 1}
        if callable(move):
            await move()
        elif isinstance(move, Exception):
            raise move
        elif isinstance(move, str):
            yield TextStarted(f"m{len(self.seen)}")
            for word in move.split(" "):
                yield TextDelta(f"m{len(self.seen)}", word)
            yield TextEnded(f"m{len(self.seen)}")
            yield StepDone(history, usage=usage)
        else:
            calls = tuple(ToolCall(f"call_{len(self.seen)}_{i}", *call) for i, call in enumerate(move))
            yield StepDone(history, calls, usage)


class FakeTools:
    """Tools that answer `answers[name]`: an outcome, an error, or a function of call and behalf."""

    def __init__(self, **answers) -> None:
        self.answers = answers
        self.calls: list[tuple[ToolCall, OnBehalf]] = []

    async def manifest(self):
        return [ToolSpec(name, name, {"type": "object", "properties": {}}) for name in self.answers]

    async def call(self, call: ToolCall, behalf: OnBehalf) -> ToolOutcome | ToolWaits:
        self.calls.append((call, behalf))
        answer = self.answers[call.name]
        if callable(answer):
            answer = await answer(call, behalf)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class World:
    mind: ScriptedMind
    tools: FakeTools
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    deadline_s: float = 10.0
    renewal_s: float = 0.02

    def service(self) -> RunService:
        timing = Timing(timedelta(seconds=15), self.renewal_s, self.deadline_s, self.clock)
        return RunService(self.store, self.mind, self.tools, agent="test", timing=timing)

    def consenting_tool(self, name: str = "c1", then: ToolOutcome | None = None) -> Callable:
        """Return a tool that asks for consent once and answers `then` afterwards."""

        async def call(call: ToolCall, behalf: OnBehalf) -> ToolOutcome | ToolWaits:
            consent = await self.store.consent(name)
            if consent is not None and consent.status == "completed":
                return then or ToolOutcome("it is noon", ok=True)
            await self.add_consent(name, behalf.run.id, call.call_id)
            return ToolWaits(consent_request(name))

        return call

    async def add_consent(self, name: str, run_id: str, call_id: str) -> None:
        now = self.clock()
        await self.store.add_consent(
            Consent(
                name, ALICE, run_id, call_id, "dlg", "time", ("time.read",), "get_time", "", f"state-{name}", "", "",
                "requested", now, now + timedelta(minutes=10),
            )
        )  # fmt: skip

    async def settle(self, name: str, status: str) -> None:
        assert await self.store.move_consent(name, ("requested", "bound", "returned"), status)

    async def log(self, run_id: str):
        rows = await self.store.events(run_id)
        assert [seq for seq, _ in rows] == list(range(len(rows)))
        return [event_from_json(body) for _, body in rows]


def consent_request(name: str) -> ConsentRequest:
    scopes = (Scope("time.read", {"en": "read the time"}),)
    return ConsentRequest(name, "time", "Time", scopes, "get_time", "why", f"http://localhost/connect/{name}", "2026")


def asked(text: str, **fields) -> AgentRequest:
    message = {"role": "user", "content": [{"type": "text", "text": text}]}
    return AgentRequest.from_value({"input": [message]} | fields)


def alice() -> Principal:
    return Principal(ALICE, "dlg", {"sub": "chat"})


def kinds(events) -> list[str]:
    return [type(event).__name__ for event in events]


async def collect(events) -> list:
    return [event async for event in events]


async def eventually(check, timeout_s: float = 3.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await check():
            await asyncio.sleep(0.01)


NOON = ToolOutcome("it is noon", ok=True, duration_ms=3)
SUNNY = ToolOutcome("sunny", ok=True, duration_ms=5)
