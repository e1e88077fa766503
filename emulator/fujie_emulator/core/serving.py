"""Serves the cloud on one loopback port, in a program's foreground or in a test's thread."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fujie_emulator.core.app import TRANSPORT, create_app, running_services
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.core.opening import open_cloud
from fujie_emulator.core.services import load_services
from fujie_emulator.llm.script import NO_SCRIPT, read_script
from fujie_emulator.llm.script import PART as SCRIPT_PART

HOST = "127.0.0.1"
ADDRESS_FILE = "running.json"  # in the state directory, while the cloud serves: where it answers
_GRACE_S = 2  # how long open answers may take to end when the cloud stops
_BACKLOG = 512
_TICK_S = 0.5


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 that lets the application cut its connection."""

    def on_headers_complete(self) -> None:
        """Hand the transport on before the application starts."""
        self.scope.setdefault("extensions", {})[TRANSPORT] = {"transport": self.transport}
        super().on_headers_complete()


class Server(uvicorn.Server):
    """A server that says when it answers, stops when told, and leaves signals to the program."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None], stop: asyncio.Event) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """Tick until told to stop, and then at once."""
        tick = 0
        while not (self._stop.is_set() or await self.on_tick(tick)):
            tick += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone: uvicorn would raise them again after a clean stop."""
        yield


def bound(port: int) -> socket.socket:
    """Return a listening loopback socket; raise EmulatorError when the port is taken."""
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise EmulatorError(f"Port {port} on {HOST} cannot be used: {error.strerror}.") from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address under which the cloud answers on this socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


async def serve(cloud: Cloud, listener: socket.socket, on_started: Callable[[], None], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; services that need the cloud's life (function host, queues) live inside."""
    services = load_services()
    config = uvicorn.Config(
        create_app(cloud, services),
        http=Protocol,
        ws="websockets-sansio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # the cloud's own date is told, see core/app.py
        timeout_graceful_shutdown=_GRACE_S,
    )
    address = cloud.store.directory / ADDRESS_FILE

    def tell() -> None:
        _write_json(address, {"url": cloud.base_url, "pid": os.getpid()})
        on_started()

    try:
        async with running_services(cloud, services):
            await Server(config, tell, stop).serve(sockets=[listener])
    finally:
        address.unlink(missing_ok=True)


def start(
    port: int,
    state: Path,
    ready_file: Path | None,
    host_base_port: int | None,
    *,
    admin: bool = True,
    llm_script: Path | None = None,
) -> None:
    """Run the cloud in the foreground until SIGTERM or SIGINT; raise EmulatorError when it cannot start."""
    if ready_file is not None:
        _remove(ready_file)
    script = read_script(llm_script) if llm_script is not None else NO_SCRIPT
    with contextlib.closing(bound(port)) as listener:
        cloud = open_cloud(state, url_of(listener), host_base_port=host_base_port, admin=admin)
        cloud.parts[SCRIPT_PART] = script
        with contextlib.closing(cloud.store):
            asyncio.run(_until_signal(cloud, listener, ready_file))


async def _until_signal(cloud: Cloud, listener: socket.socket, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def tell() -> None:
        if ready_file is not None:
            write_ready(ready_file, cloud)
        if ready_file is None or sys.stdout.isatty():
            sys.stdout.write(_welcome(cloud))
            sys.stdout.flush()

    await serve(cloud, listener, tell, stop)


def _welcome(cloud: Cloud) -> str:
    """Return what a person at the terminal needs to know; the key's secret goes into files only."""
    look = f"  Look       {cloud.base_url}/_fujie/\n" if cloud.admin_token is not None else ""
    users = ", ".join(user.name for user in cloud.users)
    return (
        f"\n  The emulated cloud answers at  {cloud.base_url}\n\n"
        f"  Account    {cloud.account_id}, region {cloud.region}, users {users}\n"
        f"  Key        {cloud.account.access_key_id}; start with --ready-file FILE to have its secret written there\n"
        f"{look}  State      {cloud.store.directory}\n  Stop       Ctrl-C\n\n"
    )


def write_ready(path: Path, cloud: Cloud) -> None:
    """Write what a program needs to use this cloud, whole or not at all, readable by this user only."""
    ready: dict[str, Any] = {
        "url": cloud.base_url,
        "account_id": cloud.account_id,
        "region": cloud.region,
        "access_key_id": cloud.account.access_key_id,
        "access_key_secret": cloud.account.access_key_secret,
        "users": [user.name for user in cloud.users],
    }
    if cloud.admin_token is not None:
        ready["admin_token"] = cloud.admin_token
    _write_json(path, ready)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    unfinished.replace(path)


def _remove(ready_file: Path) -> None:
    try:
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        ready_file.unlink(missing_ok=True)
    except OSError as error:
        raise EmulatorError(f"The ready file {ready_file} cannot be written: {error.strerror}.") from error
