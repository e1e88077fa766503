"""Signed calls per second, start and memory of the emulated cloud beside moto's server, both answering as STS."""

import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from benchmarks.harness import START_DEADLINE_S, Question, Row, Started, free_port, main, medians, row, start_and_ask
from benchmarks.peers import ROOT, peer_python

PEER = "moto server"
CALLS_FLOOR = 1.5
CONNECTIONS = 4
STARTS, QUICK_STARTS = 5, 2
TURNS, QUICK_TURNS = 5, 2
CALLS, QUICK_CALLS = 1200, 200
ROLE = "bench"
Sign = Callable[[str, Mapping[str, str]], "Request"]


@dataclass(frozen=True)
class Request:
    """One signed request, ready to be sent: signing is no part of what is measured."""

    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Server:
    """A server that runs, and how a call to its STS is signed."""

    port: int
    sign: Sign
    calls: Mapping[str, Mapping[str, str]]


def measure(quick: bool) -> list[Row]:  # noqa: FBT001 - the harness passes it
    """Return the rates of two calls, then start and memory."""
    with tempfile.TemporaryDirectory() as directory:
        rates = _rates(Path(directory), quick=quick)
        ours, peer = _starts(Path(directory), QUICK_STARTS if quick else STARTS)
    rows = [
        row(f"signed {action}", "calls/s", mine, theirs, PEER, CALLS_FLOOR, more_is_better=True)
        for action, (mine, theirs) in rates.items()
    ]
    rows.append(row("start of the emulator", "ms", ours.milliseconds, peer.milliseconds, PEER, None))
    return [*rows, row("memory of the emulator after start", "MiB", ours.mebibytes, peer.mebibytes, PEER, None)]


def _rates(directory: Path, *, quick: bool) -> dict[str, tuple[float, float]]:
    """Return calls per second of both, by action; they take turns, so that a slow moment hits both."""
    calls, turns = (QUICK_CALLS, QUICK_TURNS) if quick else (CALLS, TURNS)
    rates: dict[str, tuple[float, float]] = {}
    with _emulator(directory) as ours, _moto() as peer:
        for action in ours.calls:
            _rate(ours, action, calls // 4)  # both are warm before it counts
            _rate(peer, action, calls // 4)
            taken = [(_rate(ours, action, calls), _rate(peer, action, calls)) for _ in range(turns)]
            mine, theirs = zip(*taken, strict=True)
            rates[action] = (statistics.median(mine), statistics.median(theirs))
    return rates


def _rate(server: Server, action: str, calls: int) -> float:
    """Return how many calls per second are answered over a few connections."""
    shares = [
        [server.sign(action, server.calls[action]) for _ in range(calls // CONNECTIONS)] for _ in range(CONNECTIONS)
    ]
    ready = threading.Barrier(CONNECTIONS + 1)
    failures: list[str] = []
    threads = [threading.Thread(target=_send, args=(server.port, share, ready, failures)) for share in shares]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if failures:
        raise RuntimeError(f"{action} failed: {failures[0]}")
    return sum(map(len, shares)) / took


def _send(port: int, requests: Sequence[Request], ready: threading.Barrier, failures: list[str]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_DEADLINE_S)  # opened again where the server closes it
    ready.wait()
    for request in requests:
        connection.request("POST", "/", request.body, request.headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status} {body[:300]!r}")
            return
    connection.close()


@contextmanager
def _emulator(directory: Path) -> Iterator[Server]:
    ready_file = directory / "ready.json"
    port = free_port()
    with _running(_emulator_command(port, directory / "state", ready_file), f"http://127.0.0.1:{port}/_fujie/health"):
        ready = json.loads(ready_file.read_text())
        signer = _Acs3(f"127.0.0.1:{port}", ready["access_key_id"], ready["access_key_secret"])
        principal = {"RAM": [f"acs:ram::{ready['account_id']}:root"]}
        trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}], "Version": "1"}
        document = {"RoleName": ROLE, "AssumeRolePolicyDocument": json.dumps(trust)}
        made = signer.sign("CreateRole", document, version="2015-05-01")
        httpx2.post(ready["url"] + "/", headers=made.headers, content=made.body, trust_env=False).raise_for_status()
        arn = f"acs:ram::{ready['account_id']}:role/{ROLE}"
        yield Server(port, signer.sign, _calls(arn))


@contextmanager
def _moto() -> Iterator[Server]:
    port = free_port()
    with _running(_moto_command(port), f"http://127.0.0.1:{port}/moto-api/"):
        signer = _SigV4(f"127.0.0.1:{port}", "AKIABENCH00000000000", "secret")
        yield Server(port, signer.sign, _calls(f"arn:aws:iam::123456789012:role/{ROLE}"))


def _calls(role_arn: str) -> dict[str, dict[str, str]]:
    return {"GetCallerIdentity": {}, "AssumeRole": {"RoleArn": role_arn, "RoleSessionName": "bench"}}


def _emulator_command(port: int, state: Path, ready_file: Path) -> list[str]:
    where = ["--port", str(port), "--state", str(state), "--ready-file", str(ready_file)]
    return [sys.executable, "-m", "fujie_emulator", "start", *where]


def _moto_command(port: int) -> list[str]:
    return [str(peer_python().with_name("moto_server")), "--host", "127.0.0.1", "--port", str(port)]


@contextmanager
def _running(command: Sequence[str], url: str) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(url)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    with httpx2.Client(trust_env=False) as http:
        while time.monotonic() < deadline:
            try:
                http.get(url)
            except httpx2.HTTPError:
                time.sleep(0.02)
            else:
                return
    raise RuntimeError(f"no answer from {url}")


def _starts(directory: Path, runs: int) -> tuple[Started, Started]:
    ours, peer = [], []
    for turn in range(runs + 1):
        state = directory / f"start-{turn}"
        port = free_port()
        mine = start_and_ask(
            _emulator_command(port, state, directory / "r"), {}, port, Question("/_fujie/health"), ROOT
        )
        port = free_port()
        theirs = start_and_ask(_moto_command(port), {}, port, Question("/moto-api/"), ROOT)
        if turn:  # the first turn warms the disk's cache
            ours.append(mine)
            peer.append(theirs)
    return medians(ours), medians(peer)


@dataclass(frozen=True)
class _Acs3:
    """Alibaba Cloud's ACS3-HMAC-SHA256, for RPC."""

    host: str
    key_id: str
    secret: str = field(repr=False)

    def sign(self, action: str, form: Mapping[str, str], *, version: str = "2015-04-01") -> Request:
        body = urlencode(form).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "host": self.host,
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": version,
        }
        names = ";".join(headers)
        lines = [f"{name}:{value}" for name, value in headers.items()]
        canonical = "\n".join(["POST", "/", "", *lines, "", names, headers["x-acs-content-sha256"]])
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.key_id},SignedHeaders={names},Signature={signature}"
        return Request(headers | {"authorization": f"ACS3-HMAC-SHA256 {credential}"}, body)


@dataclass(frozen=True)
class _SigV4:
    """The peer's signature, AWS4-HMAC-SHA256, for STS in us-east-1."""

    host: str
    key_id: str
    secret: str = field(repr=False)

    def sign(self, action: str, form: Mapping[str, str]) -> Request:
        body = urlencode({"Action": action, "Version": "2011-06-15", **form}).encode()
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "host": self.host,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        }
        names, scope = ";".join(headers), [now.strftime("%Y%m%d"), "us-east-1", "sts", "aws4_request"]
        lines = [f"{name}:{value}" for name, value in headers.items()]
        canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope), digest])
        key = f"AWS4{self.secret}".encode()
        for part in [*scope, to_sign]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        credential = f"Credential={self.key_id}/{'/'.join(scope)}, SignedHeaders={names}, Signature={key.hex()}"
        return Request(headers | {"authorization": f"AWS4-HMAC-SHA256 {credential}"}, body)


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", measure))
