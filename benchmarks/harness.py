"""Rows, tables, and how a process's start is measured."""

import argparse
import json
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
import psutil

START_DEADLINE_S = 120.0
LOOK_S = 0.001


@dataclass(frozen=True)
class Row:
    """One figure beside a peer's; `floor` is the ratio that design.md demands, or None where it sets none.

    It is the highest ratio allowed, or the lowest where `more_is_better`.
    """

    name: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    floor: float | None
    holds: bool
    more_is_better: bool = False


def row(
    name: str, unit: str, ours: float, peer: float, peer_name: str, floor: float | None, *, more_is_better: bool = False
) -> Row:
    """Return the row, with its ratio and whether it is on the right side of the floor."""
    ratio = round(ours / peer, 3)
    holds = floor is None or (ratio >= floor if more_is_better else ratio <= floor)
    return Row(name, unit, round(ours, 1), round(peer, 1), peer_name, ratio, floor, holds, more_is_better)


@dataclass(frozen=True)
class Question:
    """What a server is asked as soon as it listens: a path to fetch, or to which a body is posted."""

    path: str
    body: str = ""
    """JSON text."""
    done: str = ""
    """What shows in the answer that it is one."""


@dataclass(frozen=True)
class Started:
    """A process from its start to its first answer."""

    milliseconds: float
    mebibytes: float


def start_and_ask(command: Sequence[str], env: Mapping[str, str], port: int, question: Question, cwd: Path) -> Started:
    """Start the command, wait for its first answer, and end it. Raises RuntimeError at the deadline.

    A process may keep what it compiled, as one that is deployed has it.
    """
    env = {name: value for name, value in (os.environ | env).items() if name != "PYTHONDONTWRITEBYTECODE"}
    with httpx2.Client(trust_env=False, timeout=START_DEADLINE_S) as http:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_it_listens(port, began)
            _first_answer(http, f"http://127.0.0.1:{port}{question.path}", question, began)
            took = (time.perf_counter() - began) * 1000
            return Started(took, psutil.Process(process.pid).memory_info().rss / 2**20)
        finally:
            process.kill()
            process.wait()


def _wait_until_it_listens(port: int, began: float) -> None:
    """Look often, and cheaply: whoever asks shares the machine with the process that starts."""
    while time.perf_counter() - began < START_DEADLINE_S:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(LOOK_S)
        else:
            return


def _first_answer(http: httpx2.Client, url: str, question: Question, began: float) -> None:
    headers = {"content-type": "application/json"}
    while time.perf_counter() - began < START_DEADLINE_S:
        try:
            answer = http.post(url, content=question.body, headers=headers) if question.body else http.get(url)
            if answer.status_code < 500 and question.done in answer.text:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(LOOK_S)
    raise RuntimeError(f"no answer from {url}")


def medians(runs: Sequence[Started]) -> Started:
    """Return the median of each figure."""
    return Started(
        statistics.median(run.milliseconds for run in runs), statistics.median(run.mebibytes for run in runs)
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(description: str, measure: Callable[[bool], list[Row]]) -> int:
    """Run a benchmark from the command line; return 1 when a floor does not hold."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer runs: a smoke test, not a figure to quote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    options = parser.parse_args()
    rows = measure(options.quick)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(found) for found in rows], indent=1))
    return 0 if all(found.holds for found in rows) else 1


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | floor | holds |", "|---|---|---|---|---|---|"]
    for found in rows:
        side = "at least" if found.more_is_better else "at most"
        floor = "" if found.floor is None else f"{side} {found.floor:g}"
        peer = f"{found.peer:g} ({found.peer_name})"
        lines.append(
            f"| {found.name} ({found.unit}) | {found.ours:g} | {peer} | {found.ratio:g} | {floor} "
            f"| {'yes' if found.holds else 'NO'} |"
        )
    return "\n".join(lines)
