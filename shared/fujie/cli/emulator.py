"""`fujie emulator ...`: what a person asks of a running emulated cloud, through its admin routes."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fujie.cli.errors import CliError, NotStartedError
from fujie.secret import Secret

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 60.0
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MOVE = re.compile(r"(?P<sign>[+-]?)(?P<parts>(?:[0-9]{1,9}[dhms])+)")


@dataclass(frozen=True)
class RunningCloud:
    """An emulated cloud that runs, and a client that its admin routes let in."""

    url: str
    http: "httpx2.Client"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON answer of an admin route; raise CliError with its words when it refuses."""
        answer = self.send(self.http.build_request(method, f"{self.url}/_fujie/{path}", **options))
        return answer.json()

    def send(self, request: "httpx2.Request", *, stream: bool = False) -> "httpx2.Response":
        """Return a successful answer; raise NotStartedError when nothing answers, CliError when it refuses."""
        import httpx2

        try:
            answer = self.http.send(request, stream=stream)
            if not answer.is_success:
                answer.read()
                raise CliError(_words(answer), repair=_repair(answer.status_code))
        except httpx2.HTTPError as error:
            raise NotStartedError(
                f"nothing answers at {self.url}", repair="start it with `fujie emulator start` or `fujie dev`"
            ) from error
        return answer


@contextmanager
def connected(state: Path, url: str | None) -> Iterator[RunningCloud]:
    """Yield the cloud that runs on that state directory, at that address when one is given.

    Raises NotStartedError when the directory does not say that one runs there.
    """
    import httpx2

    headers = {"x-fujie-admin": _token(state).reveal()}
    with httpx2.Client(headers=headers, trust_env=False, timeout=TIMEOUT_S) as http:
        yield RunningCloud((url or _address(state)).rstrip("/"), http)


def status(cloud: RunningCloud) -> str:
    """Return some lines on where the cloud is and what it holds."""
    health, counts = cloud.ask("GET", "health"), cloud.ask("GET", "inventory")["counts"]
    held = [
        f"{service} {', '.join(f'{number} {kind}' for kind, number in sorted(kinds.items()))}"
        for service, kinds in sorted(counts.items())
        if service != "core"
    ]
    return "\n".join(
        (
            f"Cloud      {cloud.url}  account {health['account_id']}, region {health['region']}",
            f"Look       {cloud.url}/_fujie/",
            f"Clock      {clock(cloud, '')}",
            f"Holds      {'; '.join(held)}",
            f"Faults     {faults(cloud, clear=False)}",
        )
    )


def reset(cloud: RunningCloud) -> str:
    """Forget the resources; return what stayed."""
    stayed = cloud.ask("POST", "reset")
    return f"forgotten; account {stayed['account_id']} and key {stayed['access_key_id']} stay"


def clock(cloud: RunningCloud, move: str) -> str:
    """Move the clock when asked, and return what it shows."""
    now = cloud.ask("GET", "clock")
    if move:
        seconds = -now["offset_s"] if move == "real" else seconds_of(move)
        now = cloud.ask("POST", "clock", json={"advance_s": seconds})
    offset = now["offset_s"]
    ahead = f"{timedelta(seconds=round(abs(offset)))} {'ahead of' if offset > 0 else 'behind'} real time"
    return f"{now['now']}  ({ahead if offset else 'real time'})"


def seconds_of(move: str) -> int:
    """Return the seconds of `+1h`, `1d12h` or `-90s`; raise CliError."""
    found = _MOVE.fullmatch(move)
    if found is None:
        raise CliError(f"{move!r} is not a length of time", repair="write +1h, +1d12h, -90s, or `real`")
    parts = re.findall(r"([0-9]+)([dhms])", found["parts"])
    return sum(int(number) * _UNITS[unit] for number, unit in parts) * (-1 if found["sign"] == "-" else 1)


def fault(cloud: RunningCloud, wanted: Mapping[str, Any]) -> str:
    """Arm a fault and return it in words."""
    return f"armed: {_fault_words(cloud.ask('POST', 'faults', json=dict(wanted)))}"


def faults(cloud: RunningCloud, *, clear: bool) -> str:
    """Return the armed faults in words, after disarming them when asked."""
    armed = cloud.ask("DELETE" if clear else "GET", "faults")["faults"]
    return "; ".join(_fault_words(each) for each in armed) or "none armed"


def snapshot(cloud: RunningCloud, file: Path) -> str:
    """Write the state into the file, whole or not at all."""
    part = file.with_name(f"{file.name}.part")
    answer = cloud.send(cloud.http.build_request("GET", f"{cloud.url}/_fujie/snapshot"), stream=True)
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as opened:
            for chunk in answer.iter_bytes():
                opened.write(chunk)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CliError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        answer.close()
    return f"wrote {file} ({file.stat().st_size} bytes); it holds secrets"


def restore(cloud: RunningCloud, file: Path) -> str:
    """Put the file's state in place of the present one."""
    try:
        with file.open("rb") as opened:
            size = str(file.stat().st_size)
            account = cloud.ask("PUT", "snapshot", content=opened, headers={"content-length": size})
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error
    return f"restored {file}; the operator's key is {account['access_key_id']}"


def import_file(cloud: RunningCloud, file: Path) -> str:
    """Make the file's resources; return how many were made and how many were there."""
    try:
        document = json.loads(file.read_text())
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CliError(f"{file} is not JSON: {error}") from error
    results = [each["result"] for each in cloud.ask("POST", "import", json=document)["imported"]]
    return f"{results.count('made')} made, {results.count('was there')} were there"


def _address(state: Path) -> str:
    try:
        return str(json.loads((state / "running.json").read_text())["url"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotStartedError(
            f"no emulated cloud runs on {state}", repair="start it with `fujie emulator start`, or name its --state DIR"
        ) from error


def _token(state: Path) -> Secret:
    try:
        return Secret((state / "admin-token").read_text().strip())
    except OSError as error:
        raise NotStartedError(
            f"no emulated cloud has its state in {state}",
            repair="start one with `fujie emulator start`, or name its state with --state DIR",
        ) from error


def _words(answer: "httpx2.Response") -> str:
    try:
        return str(answer.json()["Message"])
    except (ValueError, KeyError, TypeError):
        return f"the cloud answered {answer.status_code}"


def _repair(status: int) -> str:
    if status == 403:
        return "another emulator answers there: name the --state DIR of that one"
    return "it was started with --no-admin" if status == 404 else ""


def _fault_words(armed: Mapping[str, Any]) -> str:
    detail = {"latency": f" of {armed['latency_s']:g} s", "status": f" {armed['status']}"}.get(armed["kind"], "")
    where = f"{armed['service']} {armed['action']}".strip()
    return f"{armed['kind']}{detail} for the next {armed['count']} of {where}"
