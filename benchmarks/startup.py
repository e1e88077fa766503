"""Cold start and memory of each function beside an empty agent of ppio-agent-runtime, and the journey's first token."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import Question, Row, Started, free_port, main, medians, row, start_and_ask
from benchmarks.peers import ROOT, peer_python
from infra.config import StackConfig
from infra.environment import Resolved, function_environment
from infra.stack_secrets import load_or_create

PEER = "ppio-agent-runtime"
PATHS = {"chat": "/api/me", "process": "/health", "callback": "/connect/none", "tool": "/tools"}
COLD_FLOOR = 2.0
RUNS, QUICK_RUNS = 7, 2


def measure(quick: bool) -> list[Row]:  # noqa: FBT001 - the harness passes it
    """Return cold start and memory of the four functions, then first tokens."""
    runs = QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as directory:
        starts = _starts(Path(directory), runs)
    peer = starts.pop(PEER)
    rows = [
        row(f"cold start of {name}", "ms", start.milliseconds, peer.milliseconds, PEER, COLD_FLOOR)
        for name, start in starts.items()
    ]
    rows += [
        row(f"memory of {name} after start", "MiB", start.mebibytes, peer.mebibytes, PEER, None)
        for name, start in starts.items()
    ]
    return [*rows, *_first_tokens(runs)]


def _starts(directory: Path, runs: int) -> dict[str, Started]:
    """Return medians by name; peer and functions take turns, so that a slow moment of the machine hits all."""
    environments = _environments(directory)
    found: dict[str, list[Started]] = {name: [] for name in (PEER, *environments)}
    for turn in range(runs + 1):
        for name, collected in found.items():
            started = _start_peer() if name == PEER else _start_function(name, environments[name])
            if turn:  # the first turn warms the disk's cache
                collected.append(started)
    return {name: medians(collected) for name, collected in found.items()}


def _start_peer() -> Started:
    port = free_port()
    command = [str(peer_python()), str(ROOT / "benchmarks" / "ppio_app.py"), str(port)]
    return start_and_ask(command, {}, port, Question("/ping"), ROOT)


def _start_function(name: str, environment: dict[str, str]) -> Started:
    port = free_port()
    module = f"functions.{name}.main"
    built_in = name in {"callback", "tool"}
    command = [sys.executable, "-m", "benchmarks.built_in", module] if built_in else [sys.executable, "-m", module]
    env = environment | {"FC_CUSTOM_LISTEN_PORT": str(port), "FUJIE_LISTEN_HOST": "127.0.0.1", "FC_FUNCTION_NAME": name}
    return start_and_ask(command, env, port, Question(PATHS[name]), ROOT)


def _environments(directory: Path) -> dict[str, dict[str, str]]:
    import asyncio

    from fujie.sessions.migrate import migrate

    database_url = f"sqlite+aiosqlite:///{directory / 'fujie.db'}"
    asyncio.run(migrate(database_url))
    nowhere = "http://127.0.0.1:9"
    config = StackConfig("bench", "1", "cn-beijing", nowhere, "bucket", cloud_url=nowhere, issuer=f"{nowhere}/oauth")
    resolved = Resolved(
        config, load_or_create(directory / "keys.json", []), "app", "agent", database_url, nowhere, nowhere, "", {}, {}
    )
    return {name: function_environment(name, resolved) for name in PATHS}


def _first_tokens(runs: int) -> list[Row]:
    """Return how long a question takes to its first token, beside the model asked directly for the same answer.

    The first question of a stack stands alone: what it needs is loaded for the first time.
    """
    with stack() as ready:
        person = signed_in(ready)
        ours, peer = [], []
        for _ in range(runs + 1):
            ours.append(ask(person, ready["url"]))
            peer.append(_ask_model(ready["cloud"]))
    name, beside = "first token of an answer without tools", "the scripted model alone"
    direct = statistics.median(peer[1:])
    return [
        row(f"{name}, first question of a stack", "ms", ours[0], peer[0], beside, None),
        row(name, "ms", statistics.median(ours[1:]), direct, beside, None),
    ]


@contextmanager
def stack() -> Iterator[dict[str, Any]]:
    from tests.e2e.running import RunningStack

    with tempfile.TemporaryDirectory() as directory:
        running = RunningStack(directory).start()
        try:
            yield running.ready
        finally:
            running.stop()


def signed_in(ready: dict[str, Any]) -> httpx2.Client:
    from types import SimpleNamespace

    from tests.e2e.person import Person

    person: httpx2.Client = Person(SimpleNamespace(**ready), "alice").sign_in().http
    return person


def ask(person: httpx2.Client, url: str) -> float:
    headers = {"x-csrf-token": person.get(f"{url}/api/me").json()["csrf_token"], "origin": url}
    body = {"conversation_id": None, "message": "Who are you?", "language": "en"}
    began = time.perf_counter()
    with person.stream("POST", f"{url}/api/chat", json=body, headers=headers) as answer:
        for line in answer.iter_lines():
            if '"delta":true' in line:
                return (time.perf_counter() - began) * 1000
    raise RuntimeError("the answer had no text")


def _ask_model(cloud: str) -> float:
    body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "Who are you?"}]}
    url, headers = f"{cloud}/llm/v1/chat/completions", {"authorization": "Bearer scripted"}
    began = time.perf_counter()
    with httpx2.stream("POST", url, json=body, headers=headers, timeout=30, trust_env=False) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                return (time.perf_counter() - began) * 1000
    raise RuntimeError("the model said nothing")


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", measure))
