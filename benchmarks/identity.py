"""Credentials by decorator beside the official agent-identity-python-sdk, on one emulated cloud that takes its time."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.consent import Waited, waits_of_ours, waits_of_theirs
from benchmarks.harness import Row, main, row
from benchmarks.peers import ROOT, peer_python

PEER = "agent-identity-python-sdk"
FOREIGN = ROOT / "tests" / "contract" / "foreign"
LATENCY_S = 0.5
STALL_BUDGET_MS, IMPORT_BUDGET_MS, OVERHEAD_BUDGET_US = 20.0, 120.0, 30.0
CONSENT_BUDGET_MS = 200.0
RUNS, QUICK_RUNS = 3, 1
CONSENTS, QUICK_CONSENTS = 9, 2
WARM_CALLS, PEER_WARM_CALLS = 5000, 20


@dataclass(frozen=True)
class Found:
    """What one round of calls took, and how many requests the cloud saw of it."""

    milliseconds: float
    stall_ms: float
    requests: int


class Cloud:
    """The emulated cloud with a workload identity whose user has already allowed one provider."""

    def __init__(self, running: Any) -> None:
        from tests.contract.identity_stack import Stack, consent, query_of, sign_in

        self.running = running
        self.stack = stack = Stack(running)
        stack.create_api_key_provider("weather", "key-1")
        self.token: str = sign_in(running, stack.app_id, "alice")
        asked = stack.ask(stack.clients.data, stack.wat_for(self.token))
        stack.complete(query_of(consent(asked.authorization_url))["session_uri"], self.token)

    def slow(self, latency_s: float) -> None:
        """Answer each call of the data plane this late from now on."""
        faults = self.running.cloud.faults
        faults.clear()
        if latency_s:
            wanted = {"service": "agentidentitydata", "kind": "latency", "latency_s": latency_s, "count": 1_000_000}
            faults.arm(wanted)

    def requests(self) -> int:
        """Return how many calls the data plane has seen."""
        rows = self.running.cloud.journal.after(0)
        return sum(seen["service"] == "agentidentitydata" for seen in rows)


class Agent:
    """One agent process, told call by call."""

    def __init__(self, cloud: Cloud, which: str, home: Path) -> None:
        self._cloud = cloud
        running = cloud.running
        env = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": running.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": running.access_key_secret,
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        }
        env |= _ours(running) if which == "ours" else _official(running)
        python = sys.executable if which == "ours" else str(peer_python())
        self._process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / "identity_agent.py"), which],
            cwd=home,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._write(cloud.token)
        self.import_ms: float = self.hear()["import_ms"]

    def call(self, tool: str, callers: int = 1, rounds: int = 1) -> Found:
        """Call a tool, by so many callers at once, so many times."""
        before = self._cloud.requests()
        self._write(json.dumps({"tool": tool, "callers": callers, "rounds": rounds}))
        found = self.hear()
        return Found(found["ms"], found["stall_ms"], self._cloud.requests() - before)

    def begin(self, tool: str) -> dict[str, Any]:
        """Call a tool that says something before it is done, and return that."""
        self._write(json.dumps({"tool": tool}))
        return self.hear()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def _write(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return what the agent says next."""
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("FOUND "):
                found: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
                return found
        raise RuntimeError("the agent ended")


def measure(quick: bool) -> list[Row]:  # noqa: FBT001 - the harness passes it
    """Return requests, waits, stalls, import time and overhead."""
    runs = QUICK_RUNS if quick else RUNS
    with _cloud() as cloud, tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        measured = [*_requests(cloud, home), *_waits(cloud, home, runs), *_weights(cloud, home, runs)]
        return [*measured, *_consents(cloud, home, QUICK_CONSENTS if quick else CONSENTS)]


def _requests(cloud: Cloud, home: Path) -> list[Row]:
    cloud.slow(0)
    rows = []
    for tool in ("api_key", "oauth", "sts"):
        with _agents(cloud, home) as (mine, theirs):
            cold = mine.call(tool).requests, theirs.call(tool).requests
            warm = mine.call(tool).requests, theirs.call(tool).requests
        rows.append(_within(row(f"requests of a cold {tool} call", "count", *cold, PEER, 1.0), 2))
        rows.append(row(f"requests of a warm {tool} call", "count", *warm, PEER, 0.0))
    for callers in (4, 100):
        with _agents(cloud, home) as (mine, theirs):
            seen = mine.call("oauth", callers).requests, theirs.call("oauth", callers).requests
        rows.append(_within(row(f"requests of {callers} cold callers at once", "count", *seen, PEER, 0.2), 2))
    return rows


def _waits(cloud: Cloud, home: Path, runs: int) -> list[Row]:
    cloud.slow(LATENCY_S)
    found = []
    for _ in range(runs):
        with _agents(cloud, home) as (mine, theirs):
            found.append((mine.call("api_key", 4), theirs.call("api_key", 4)))
    cloud.slow(0)
    waits = _each(statistics.median, [(ours.milliseconds, theirs.milliseconds) for ours, theirs in found])
    stalls = _each(statistics.median, [(ours.stall_ms, theirs.stall_ms) for ours, theirs in found])
    stall = row("longest stall of the event loop meanwhile", "ms", *stalls, PEER, 0.01)
    return [
        row("4 cold callers at once, 0.5 s latency", "ms", *waits, PEER, 0.5),
        _within(stall, STALL_BUDGET_MS),
    ]


def _weights(cloud: Cloud, home: Path, runs: int) -> list[Row]:
    imports, overheads = [], []
    for _ in range(runs):
        with _agents(cloud, home) as (mine, theirs):
            imports.append((mine.import_ms, theirs.import_ms))
            mine.call("api_key")
            theirs.call("api_key")
            overheads.append(
                (
                    mine.call("api_key", rounds=WARM_CALLS).milliseconds * 1000 / WARM_CALLS,
                    theirs.call("api_key", rounds=PEER_WARM_CALLS).milliseconds * 1000 / PEER_WARM_CALLS,
                )
            )
    importing, overhead = _each(min, imports), _each(min, overheads)
    return [
        _within(row("import, for ours on top of httpx2", "ms", *importing, PEER, 0.5), IMPORT_BUDGET_MS),
        _within(row("a warm call, without latency", "us", *overhead, PEER, 0.02), OVERHEAD_BUDGET_US),
    ]


def _consents(cloud: Cloud, home: Path, runs: int) -> list[Row]:
    mine = waits_of_ours(runs)
    with _agents(cloud, home) as (_, agent):
        theirs = waits_of_theirs(cloud, agent, runs)

    def found(name: str, since: Callable[[Waited], float]) -> Row:
        ours, peer = (statistics.median(map(since, waits)) for waits in (mine, theirs))
        return row(name, "ms", ours, peer, PEER, 0.2)

    granted = found("consent granted to run going on", lambda waited: waited.since_answer)
    sent = found("the same from the return, the provider's code redeemed in it", lambda waited: waited.since_sent)
    return [_within(granted, CONSENT_BUDGET_MS), sent]


def _each(figure: Callable[[Sequence[float]], float], pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the figure of ours and of theirs."""
    ours, theirs = zip(*pairs, strict=True)
    return figure(ours), figure(theirs)


def _within(found: Row, budget: float) -> Row:
    """Return the row, which also has to keep a budget of its own."""
    return replace(found, name=f"{found.name} (budget {budget:g})", holds=found.holds and found.ours <= budget)


def _ours(running: Any) -> dict[str, str]:
    return {
        "FUJIE_WORKLOAD_IDENTITY": "demo",
        "FUJIE_AGENTIDENTITYDATA_ENDPOINT": running.url,
        "FUJIE_PUBLIC_URL": "http://localhost:8090",
    }


def _official(running: Any) -> dict[str, str]:
    return {
        "PYTHONPATH": str(FOREIGN),
        "EMULATED_CLOUD": running.url,
        "AGENT_IDENTITY_WORKLOAD_IDENTITY_NAME": "demo",
    }


@contextmanager
def _cloud() -> Iterator[Cloud]:
    from fujie_emulator.testing import running

    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as found:
        yield Cloud(found)


@contextmanager
def _agents(cloud: Cloud, home: Path) -> Iterator[tuple[Agent, Agent]]:
    """Two fresh agents, ours and theirs: nothing is warm."""
    agents = Agent(cloud, "ours", home), Agent(cloud, "official", home)
    try:
        yield agents
    finally:
        for agent in agents:
            agent.close()


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", measure))
