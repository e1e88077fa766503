"""`fujie dev`: the emulated cloud and the four functions in one terminal, under one address."""

import json
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fujie.cli.errors import NotStartedError
from fujie.cli.processes import Child, check_ports, emulator_command, wait_for_file
from fujie.cli.state import state_directory, write_json

PORTS = 6
START_DEADLINE_S = 60.0
FUNCTION_DEADLINE_S = 30.0
ANSWER_DEADLINE_S = 10.0
READY_PATHS = {"chat": "/api/me", "process": "/health", "callback": "/connect/ready", "tool": "/tools"}


@dataclass(frozen=True)
class DevOptions:
    """The command line of `fujie dev`."""

    base_port: int
    state: Path
    ready_file: Path | None
    open_browser: bool
    agent: Path | None
    reset: bool

    @property
    def url(self) -> str:
        return f"http://localhost:{self.base_port}"

    @property
    def cloud_url(self) -> str:
        return f"http://127.0.0.1:{self.base_port + 1}"


def run_dev(options: DevOptions) -> None:
    """Start everything, say where it is, keep it current with the code, and stop everything on Ctrl-C.

    Raises CliError in one sentence when a port is taken, the state cannot be used, or a part does not start.
    """
    root = project_root()
    if options.agent and not options.agent.is_file():
        raise NotStartedError(f"there is no agent file {options.agent}")
    with _stop_event() as stop, state_directory(options.state, reset=options.reset) as state:
        check_ports(range(options.base_port, options.base_port + PORTS))
        began = time.monotonic()
        with _started(options, root, state) as (cloud, ready):
            _announce(options, ready, time.monotonic() - began)
            _keep_current(options, root, state, cloud, stop)


def project_root() -> Path:
    """Return the checkout that holds the functions; `fujie dev` runs them from their source.

    Raises NotStartedError outside a checkout.
    """
    try:
        import infra
    except ModuleNotFoundError as error:
        raise NotStartedError("`fujie dev` needs a checkout of Fujie", repair="clone it, and run `make dev`") from error
    return Path(infra.__path__[0]).resolve().parent


@contextmanager
def _started(options: DevOptions, root: Path, state: Path) -> Iterator[tuple[Child, dict[str, Any]]]:
    run = state / "run"
    emulator_file, ready_copy = run / "emulator.json", run / "dev.json"
    for stale in (emulator_file, ready_copy):
        stale.unlink(missing_ok=True)
    cloud = Child(emulator_command(options.base_port + 1, state / "cloud", emulator_file), root)
    try:
        applying = _apply(options, root, state)
        wait_for_file(emulator_file, cloud, "the emulated cloud", START_DEADLINE_S)
        functions = json.loads(applying.result("applying the stack", START_DEADLINE_S))["functions"]
        _wait_for_functions(functions, state / "cloud" / "logs")
        ready = _ready(options, json.loads(emulator_file.read_text()), functions)
        for file in filter(None, (ready_copy, options.ready_file)):
            write_json(file, ready)
        yield cloud, ready
    finally:
        cloud.stop()


def _apply(options: DevOptions, root: Path, state: Path) -> Child:
    command = [sys.executable, "-m", "infra.local", "--emulator-file", str(state / "run" / "emulator.json")]
    command += ["--state", str(state), "--base-port", str(options.base_port)]
    if options.agent:
        command += ["--agent", str(options.agent)]
    return Child(command, root, capture=True)


def _ready(options: DevOptions, emulator: dict[str, Any], functions: dict[str, str]) -> dict[str, Any]:
    names = ("account_id", "region", "access_key_id", "access_key_secret", "users")
    return {"url": options.url, "functions": functions, "cloud": emulator["url"]} | {n: emulator[n] for n in names}


def _wait_for_functions(functions: dict[str, str], logs: Path) -> None:
    deadline = time.monotonic() + FUNCTION_DEADLINE_S
    for name, url in functions.items():
        while not _answers(url + READY_PATHS[name]):
            if time.monotonic() > deadline:
                log = logs / f"{name}.log"
                raise NotStartedError(f"the function {name} does not answer", repair=f"its log says why: {log}")
            time.sleep(0.02)


def _answers(url: str) -> bool:
    asked = urlsplit(url)
    connection = HTTPConnection(str(asked.hostname), asked.port, timeout=ANSWER_DEADLINE_S)
    try:
        connection.request("GET", asked.path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _announce(options: DevOptions, ready: dict[str, Any], took_s: float) -> None:
    users = " and ".join(ready["users"])
    print(f"\n  Fujie 符节 is ready at  {ready['url']}   ({took_s:.1f} s)\n")
    print(f"  Demo users   {users} (no password)")
    print(f"  Cloud        {ready['cloud']} (emulated; no account, nothing leaves this machine)")
    print(f"  Logs         {options.state / 'cloud' / 'logs'}")
    print("  Stop         Ctrl-C\n", flush=True)
    if options.open_browser and sys.stdout.isatty():
        webbrowser.open(ready["url"])


def _keep_current(options: DevOptions, root: Path, state: Path, cloud: Child, stop: threading.Event) -> None:
    """Restart what a change of the code concerns, until asked to stop. Raises NotStartedError when the cloud ends."""
    from watchfiles import PythonFilter, watch

    watched = [root / "shared" / "fujie", root / "functions"]
    if options.agent:
        watched.append(options.agent.parent)
    changes = watch(
        *watched,
        watch_filter=PythonFilter(),
        stop_event=stop,
        debounce=150,
        step=50,
        rust_timeout=500,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for changed in changes:
        if cloud.exit_code() is not None:
            raise NotStartedError("the emulated cloud stopped; its message is above")
        paths = [Path(path) for _, path in changed]
        if paths:
            _refresh(options, root, state, concerned(paths, root, options.agent), paths)


def concerned(paths: list[Path], root: Path, agent: Path | None) -> list[str]:
    """Return the functions that a change of these files concerns: shared code concerns all four."""
    from infra.local import FUNCTION_PORTS

    own = {path.relative_to(root / "functions").parts[0] for path in paths if path.is_relative_to(root / "functions")}
    if any(path.is_relative_to(root / "shared") for path in paths):
        return list(FUNCTION_PORTS)
    if agent and any(path.is_relative_to(agent.parent) for path in paths):
        own |= {"process", "tool", "chat"}
    return [name for name in FUNCTION_PORTS if name in own]


def _refresh(options: DevOptions, root: Path, state: Path, functions: list[str], paths: list[Path]) -> None:
    import httpx2

    admin = {"x-fujie-admin": (state / "cloud" / "admin-token").read_text().strip()}
    with httpx2.Client(base_url=options.cloud_url, headers=admin, trust_env=False, timeout=20) as http:
        for name in functions:
            http.post(f"/_fujie/functions/{name}/restart").raise_for_status()
    print(
        f"  changed: {', '.join(sorted({path.name for path in paths}))}; restarted {', '.join(functions)}", flush=True
    )
    if "tool" in functions:
        try:
            _apply(options, root, state).result("applying the stack", START_DEADLINE_S)
        except NotStartedError as error:
            print(f"  the stack was not applied: {error.message}", file=sys.stderr, flush=True)


@contextmanager
def _stop_event() -> Iterator[threading.Event]:
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
