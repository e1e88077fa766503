"""The agent runtime beside its peers: cold start, memory, answers and streamed chunks per second, each with its floor.

Every server echoes, or streams 200 chunks; ours sends AgentScope's nine-key events (seven for an echo, 206 for a
stream), ppio and bedrock bare values. All run in one Python, one worker, 16 connections of one wrk, and take many short
turns, so that a slow moment of the machine hits all; figures are medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.first_answers import first_answers
from benchmarks.harness import Question, Row, free_port, main, medians, row, start_and_ask
from benchmarks.peers import ROOT, peer_python
from benchmarks.startup import ask, signed_in, stack

CONNECTIONS = 16
CHUNKS = 200
LOAD_S = 1
LOAD = ROOT / "benchmarks" / "load.lua"
OUR_ENV = {"PYTHONPATH": str(ROOT / "shared")}
PPIO, BEDROCK, AGENTRUN, AGENTSCOPE = "ppio-agent-runtime", "bedrock-agentcore", "agentrun-sdk", "agentscope-runtime"
AGENTSCOPE_MESSAGES = f"{AGENTSCOPE} with AgentScope"
PROCESS = "functions.process.main"
OURS, WAITING, PPIO_WAITING, DURABLE = "ours", "ours, waiting", f"{PPIO}, waiting", "ours, with a store"


@dataclass(frozen=True)
class Protocol:
    """How a question is put, and what shows that it was answered."""

    health: str
    path: str
    body: Mapping[str, Any]
    """The question, with the word TEXT where its text goes."""
    done: str = "hello world"

    def question(self, text: str) -> Question:
        """Return what is asked; wrk makes a session of its own for each request of it."""
        body = json.dumps(self.body, separators=(",", ":"))
        return Question(self.path, body.replace("TEXT", text).replace("__SID__", f"{uuid.uuid4()}-__SID__"), self.done)


AGENTSCOPE_PROCESS = Protocol(
    "/health",
    "/process",
    {
        "input": [{"role": "user", "type": "message", "content": [{"type": "text", "text": "TEXT"}]}],
        "session_id": "__SID__",
    },
    '"object":"response","status":"completed"',
)
INVOCATIONS = Protocol("/ping", "/invocations", {"prompt": "TEXT"})
CHAT = Protocol(
    "/health",
    "/openai/v1/chat/completions",
    {"model": "m", "stream": True, "messages": [{"role": "user", "content": "TEXT"}]},
)


@dataclass(frozen=True)
class Contender:
    """One server: its program, and how it is asked."""

    program: str
    protocol: Protocol
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    environment: str = ".venv-peers-runtime"

    def command(self, port: int) -> list[str]:
        """Return the command that serves at a port."""
        return [str(peer_python(self.environment)), str(ROOT / "benchmarks" / self.program), str(port), *self.options]


def contenders(database: Path) -> dict[str, Contender]:
    """Return all of them by name."""
    ours = Contender("runtime_app.py", AGENTSCOPE_PROCESS, (), OUR_ENV, ".venv-peers-ours")
    return {
        OURS: ours,
        PPIO: Contender("runtime_peers/ppio_app.py", INVOCATIONS),
        BEDROCK: Contender("runtime_peers/bedrock_app.py", INVOCATIONS),
        AGENTRUN: Contender("runtime_peers/agentrun_app.py", CHAT),
        AGENTSCOPE: Contender("runtime_peers/agentscope_app.py", AGENTSCOPE_PROCESS),
        WAITING: Contender("runtime_app.py", AGENTSCOPE_PROCESS, ("waits",), OUR_ENV, ".venv-peers-ours"),
        PPIO_WAITING: Contender("runtime_peers/ppio_app.py", INVOCATIONS, ("waits",)),
        DURABLE: Contender(
            "runtime_app.py", AGENTSCOPE_PROCESS, (f"sqlite+aiosqlite:///{database}",), OUR_ENV, ".venv-peers-ours"
        ),
    }


@dataclass
class Speed:
    """What one server did, turn by turn."""

    echoes: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    chunks: list[float] = field(default_factory=list)
    echo_cpu_us: list[float] = field(default_factory=list)
    """Of the server's own process, which other work on the machine changes less than its rate."""
    chunk_cpu_us: list[float] = field(default_factory=list)


def measure(quick: bool) -> list[Row]:  # noqa: FBT001 - the harness passes it
    """Return all rows."""
    with tempfile.TemporaryDirectory() as directory:
        named = contenders(Path(directory) / "runs.db")
        rows = _cold(named, turns=1 if quick else 11)
        rows += first_answers(turns=1 if quick else 5)
        rows += _speeds(named, turns=1 if quick else 11)
        rows += _memory_of_process(named)
    return rows


def _cold(named: Mapping[str, Contender], turns: int) -> list[Row]:
    """Return cold start to the first answered question, and resident memory then."""
    names = (OURS, PPIO, BEDROCK, AGENTRUN, AGENTSCOPE)
    found: dict[str, list[Any]] = {name: [] for name in names}
    for turn in range(turns + 1):
        for name in names:
            port, contender = free_port(), named[name]
            env = {**os.environ, **contender.env}
            question = contender.protocol.question("hello world")
            started = start_and_ask(contender.command(port), env, port, question, ROOT)
            if turn:  # the first turn warms the disk's cache
                found[name].append(started)
    start = {name: medians(runs) for name, runs in found.items()}
    floors = {PPIO: 0.8, BEDROCK: 0.3, AGENTRUN: None, AGENTSCOPE: 0.1}
    return [
        *(
            row("cold start of an agent", "ms", start[OURS].milliseconds, start[peer].milliseconds, peer, floor)
            for peer, floor in floors.items()
        ),
        row("memory after start", "MiB", start[OURS].mebibytes, start[PPIO].mebibytes, PPIO, 0.9),
        row("memory after start", "MiB", start[OURS].mebibytes, start[AGENTSCOPE].mebibytes, AGENTSCOPE, None),
    ]


def _speeds(named: Mapping[str, Contender], turns: int) -> list[Row]:
    speeds = {name: Speed() for name in named}
    with ExitStack() as stack_:
        servers = {name: stack_.enter_context(_serving(contender)) for name, contender in named.items()}
        for turn in range(turns + 1):
            for name, contender in named.items():
                begun = _cpu_s(servers[name])
                echo = _load(contender, servers[name].port, "hello world")
                between = _cpu_s(servers[name])
                stream = _load(contender, servers[name].port, "stream")
                ended = _cpu_s(servers[name])
                if turn:  # the first turn warms what is loaded late
                    speeds[name].echoes.append(echo["requests"] / echo["duration_us"] * 1e6)
                    speeds[name].p99_ms.append(echo["p99_us"] / 1e3)
                    speeds[name].chunks.append(stream["requests"] * CHUNKS / stream["duration_us"] * 1e6)
                    speeds[name].echo_cpu_us.append((between - begun) / max(1, echo["requests"]) * 1e6)
                    speeds[name].chunk_cpu_us.append((ended - between) / max(1, stream["requests"]) / CHUNKS * 1e6)
    return _speed_rows(speeds)


def _speed_rows(speeds: Mapping[str, Speed]) -> list[Row]:
    echo = {name: statistics.median(speed.echoes) for name, speed in speeds.items()}
    chunks = {name: statistics.median(speed.chunks) for name, speed in speeds.items()}
    floors = {PPIO: (2.5, 6.0), BEDROCK: (None, None), AGENTRUN: (None, None), AGENTSCOPE: (30.0, 25.0)}
    rows = []
    for peer, (echo_floor, chunk_floor) in floors.items():
        rows.append(row("echo, all events", "1/s", echo[OURS], echo[peer], peer, echo_floor, more_is_better=True))
        rows.append(row("streamed chunks", "1/s", chunks[OURS], chunks[peer], peer, chunk_floor, more_is_better=True))
    return [
        *rows,
        row(
            "streamed chunks, agents that wait",
            "1/s",
            chunks[WAITING],
            chunks[PPIO_WAITING],
            PPIO,
            1.2,
            more_is_better=True,
        ),
        *_cpu_rows(speeds),
        row("p99 of echo", "ms", statistics.median(speeds[OURS].p99_ms), 5.0, "the limit", 1.0),
        row("echo with a store", "1/s", echo[DURABLE], echo[OURS], "without", None, more_is_better=True),
        row("streamed chunks with a store", "1/s", chunks[DURABLE], chunks[OURS], "without", None, more_is_better=True),
    ]


def _cpu_rows(speeds: Mapping[str, Speed]) -> list[Row]:
    """Return what an answer costs, without floors: those are for rates, which a client sees."""
    rows = []
    for ours, peer, name, unit in (
        (OURS, PPIO, "an echo", "echo_cpu_us"),
        (OURS, PPIO, "a chunk", "chunk_cpu_us"),
        (WAITING, PPIO_WAITING, "a chunk, agents that wait", "chunk_cpu_us"),
        (DURABLE, PPIO, "an echo with a store", "echo_cpu_us"),
        (DURABLE, PPIO, "a chunk with a store", "chunk_cpu_us"),
    ):
        cost, theirs = (statistics.median(getattr(speeds[one], unit)) for one in (ours, peer))
        rows.append(row(f"CPU of {name}", "us", cost, theirs, peer, None))
    return rows


@dataclass(frozen=True)
class Serving:
    """A server that answers."""

    port: int
    process: psutil.Process


def _cpu_s(server: Serving) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _serving(contender: Contender) -> Iterator[Serving]:
    port = free_port()
    process = subprocess.Popen(
        contender.command(port), cwd=ROOT, env={**os.environ, **contender.env}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}{contender.protocol.health}")
        yield Serving(port, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 60
    with httpx2.Client(trust_env=False) as http:
        while time.monotonic() < end:
            try:
                if http.get(url).status_code == 200:
                    return
            except httpx2.HTTPError:
                time.sleep(0.01)
    raise RuntimeError(f"no answer from {url}")


def _load(contender: Contender, port: int, text: str) -> dict[str, Any]:
    """Return wrk's counts. Raises RuntimeError when an answer was not what it has to be."""
    protocol = contender.protocol
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        body.write(protocol.question(text).body)
        body.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_S}s", "--timeout", "30s", "-s", str(LOAD)]
        marker = protocol.done if text != "stream" else f"tok{CHUNKS - 1:04d}"
        where = [f"http://127.0.0.1:{port}", "--", protocol.path, body.name, marker]
        told = subprocess.run([*command, *where], capture_output=True, text=True, check=True).stdout
    counts: dict[str, Any] = json.loads(next(line for line in told.splitlines() if line.startswith("JSON "))[5:])
    if counts["bad"] or counts["sock"]:
        raise RuntimeError(
            f"{contender.program} answered {counts['bad']} times wrongly, and broke {counts['sock']} times"
        )
    return counts


def _memory_of_process(named: Mapping[str, Contender]) -> list[Row]:
    """Return the memory of the real function after a signed-in person's first answer.

    It holds an agent's framework and a model's client by then; so the floor is beside the peer with its framework.
    """
    framed = Contender(
        "runtime_peers/agentscope_messages_app.py", AGENTSCOPE_PROCESS, environment=".venv-peers-agentscope1"
    )
    with stack() as ready:
        person = signed_in(ready)
        ask(person, ready["url"])
        ours = max(_resident([PROCESS]))
    return [
        row("memory of `process` after a run", "MiB", ours, _memory_of_peer(peer), name, floor)
        for name, peer, floor in ((AGENTSCOPE_MESSAGES, framed, 0.7), (AGENTSCOPE, named[AGENTSCOPE], None))
    ]


def _memory_of_peer(peer: Contender) -> float:
    with _serving(peer) as server:
        _load(peer, server.port, "hello world")
        return max(_resident([str(server.port)]))


def _resident(words: Sequence[str]) -> Iterator[float]:
    for process in psutil.process_iter(["cmdline"]):
        if all(any(word in part for part in process.info["cmdline"] or []) for word in words):
            yield process.memory_info().rss / 2**20


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", measure))
