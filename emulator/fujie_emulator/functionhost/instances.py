"""Running instances of a function: an HTTP server of its own, or the built-in runtime behind a socket."""

import asyncio
import re
import socket
import ssl
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2

from fujie_emulator.core.iam import StsCredentials
from fujie_emulator.functionhost import sealed
from fujie_emulator.functionhost.environment import Site, instance_environment
from fujie_emulator.functionhost.errors import FunctionFailedError, InitializationFailedError, InstanceStartError
from fujie_emulator.functionhost.frames import HEAD, FrameError, frame, head_from, sizes
from fujie_emulator.functionhost.logs import FunctionLog
from fujie_emulator.functionhost.processes import ChildProcess, Reaper
from fujie_emulator.functionhost.specification import FunctionSpec

CUSTOM_START_S = 120.0  # fc.md 1.3
BUILTIN_START_S = 60.0
_POLL_S = 0.01
_EXIT_S = 0.5  # between the end of a connection and the end of the process, if that is why it ended
_IDLE_CONNECTION_S = 600.0  # below the 900 s that functions keep idle connections open
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # instances speak plain HTTP; reading certificates costs 30 ms each
_RUNTIME = "fujie_emulator.functionhost.runtime"
_PLATFORM_PYTHON = re.compile(r"(/var/fc/lang/python3\.\d+/bin/)?python3?(\.\d+)?")
_BENEATH = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Launch:
    """All that starting an instance of one function needs."""

    spec: FunctionSpec
    site: Site
    log: FunctionLog
    reaper: Reaper
    crashed: Callable[[int], None]
    """Told the exit status of an instance that ended without being asked to."""


class Instance(Protocol):
    """What the pool knows of an instance; `key` is the role's key it was started with."""

    key: StsCredentials | None
    in_flight: int

    @property
    def alive(self) -> bool: ...

    async def stop(self, grace_s: float = ...) -> None: ...


class CustomInstance:
    """An HTTP server on a loopback port, with pooled connections to it."""

    def __init__(self, child: ChildProcess, port: int, key: StsCredentials | None) -> None:
        self.key = key
        self.port = port
        self.in_flight = 0
        self._child = child
        self._lost = False
        self._base = f"http://127.0.0.1:{port}/"
        self._transport = httpx2.AsyncHTTPTransport(
            verify=_NO_TLS,
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=None, keepalive_expiry=_IDLE_CONNECTION_S
            ),
        )

    @classmethod
    async def start(cls, launch: Launch, key: StsCredentials | None) -> "CustomInstance":
        """Start the command and return once its port accepts; InstanceStartError when it exits or takes too long."""
        port = _free_port()
        env = instance_environment(launch.site, launch.spec, key, _instance_id(), port)
        child = await ChildProcess.start(
            _custom_command(launch.spec),
            cwd=launch.spec.code_dir,
            env=env,
            log=launch.log,
            reaper_process=launch.reaper,
            crashed=launch.crashed,
        )
        try:
            async with asyncio.timeout(CUSTOM_START_S):
                await _until_listening(child, port)
        except TimeoutError as error:
            await child.stop(0)
            message = f"the function did not listen on 127.0.0.1:$FC_CUSTOM_LISTEN_PORT within {CUSTOM_START_S:g} s"
            raise InstanceStartError("FunctionNotStarted", message, launch.log.tail()) from error
        except BaseException:
            await child.stop(0)
            raise
        if not child.alive:
            await child.exited
            message = f"the function's process exited with status {child.returncode} before it listened"
            raise InstanceStartError("CAExited", message, launch.log.tail())
        return cls(child, port, key)

    @property
    def alive(self) -> bool:
        """Tell whether the process runs and takes connections."""
        return self._child.alive and not self._lost

    @asynccontextmanager
    async def request(
        self, method: str, target: bytes, headers: Headers, content: AsyncIterator[bytes] | bytes | None
    ) -> AsyncIterator[httpx2.Response]:
        """Send one request and give its streaming response; leaving early closes the connection.

        `target` goes onto the wire as it is. Reading has no deadline of its own: the caller's counts.
        After httpx2.ConnectError nothing was sent, and the instance is not used again.
        """
        request = httpx2.Request(
            method,
            self._base,
            headers=list(headers),
            content=content,
            extensions={"target": target, "timeout": {"connect": 5.0, "read": None, "write": None, "pool": None}},
        )
        try:
            response = await self._transport.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx2.ConnectError:
            self._lost = True
            raise
        except httpx2.TransportError:
            await _exit_of(self._child)  # a crash shows on the connection before it shows as an exit
            raise

    async def stop(self, grace_s: float = 3.0) -> None:
        """End the process; connections to it close."""
        await self._child.stop(grace_s)
        await self._transport.aclose()


class BuiltinInstance:
    """The built-in runtime, one event at a time; `broken` once an invocation was cut off."""

    def __init__(
        self,
        child: ChildProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        key: StsCredentials | None,
    ) -> None:
        self.key = key
        self.in_flight = 0
        self._child = child
        self._reader = reader
        self._writer = writer
        self._broken = False

    @classmethod
    async def start(cls, launch: Launch, key: StsCredentials | None) -> "BuiltinInstance":
        """Start the runtime and return once the handler is loaded; InstanceStartError when it cannot be."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        env = instance_environment(launch.site, launch.spec, key, _instance_id(), 0)
        command = _builtin_command(launch.spec, theirs.fileno())
        try:
            child = await ChildProcess.start(
                command,
                cwd=launch.spec.code_dir,
                env=env,
                log=launch.log,
                reaper_process=launch.reaper,
                crashed=launch.crashed,
                inherit=[theirs.fileno()],
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        instance = cls(child, reader, writer, key)
        try:
            async with asyncio.timeout(BUILTIN_START_S):
                await instance._until_ready(launch)
        except TimeoutError as error:
            await instance.stop(0)
            message = f"the function did not finish its initialization within {BUILTIN_START_S:g} s"
            raise InstanceStartError("FunctionNotStarted", message, launch.log.tail()) from error
        except BaseException:
            await instance.stop(0)
            raise
        return instance

    @property
    def alive(self) -> bool:
        """Tell whether the runtime can take another event."""
        return self._child.alive and not self._broken

    async def invoke(self, event: bytes, request_id: str) -> bytes:
        """Return what the handler returned; FunctionFailedError when it raised or its process ended.

        Cancelling leaves an answer under way, so the instance is broken from then on.
        """
        try:
            self._writer.write(frame({"type": "invoke", "request_id": request_id}, event))
            await self._writer.drain()
            head, payload = await self._read()
        except (EOFError, OSError, FrameError) as error:
            self._broken = True
            raise await self._ended() from error
        except BaseException:
            self._broken = True
            raise
        if head["type"] == "error":
            raise FunctionFailedError("UnhandledInvocationError", "the handler raised an exception", payload)
        return payload

    async def stop(self, grace_s: float = 3.0) -> None:
        """End the runtime: closing its socket lets it finish, a broken one is killed."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await self._child.stop(0 if self._broken else grace_s)

    async def _ended(self) -> FunctionFailedError:
        await _exit_of(self._child)
        status = self._child.returncode
        return FunctionFailedError("CAExited", f"the function's process exited with status {status} in mid-invocation")

    async def _until_ready(self, launch: Launch) -> None:
        try:
            head, payload = await self._read()
        except (EOFError, OSError) as error:
            await self._child.exited
            message = f"the runtime exited with status {self._child.returncode} while it started"
            raise InstanceStartError("CAExited", message, launch.log.tail()) from error
        if head["type"] != "ready":
            await _exit_of(self._child)  # its last words reach the log before that
            raise InitializationFailedError(payload, launch.log.tail())

    async def _read(self) -> tuple[dict[str, object], bytes]:
        head_size, payload_size = sizes(await self._reader.readexactly(HEAD.size))
        return head_from(await self._reader.readexactly(head_size)), await self._reader.readexactly(payload_size)


async def _until_listening(child: ChildProcess, port: int) -> None:
    """Return when the port accepts or the child has exited."""
    while child.alive:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(_POLL_S)


async def _exit_of(child: ChildProcess) -> None:
    """Give a process that is ending the time to end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(child.exited), _EXIT_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _instance_id() -> str:
    return f"c-{uuid.uuid4()}"


def _custom_command(spec: FunctionSpec) -> list[str]:
    """Return the command; the platform's Python, which this machine does not have, is the one beneath this one."""
    first, *rest = spec.command
    return [*_sealed(spec), *rest] if spec.sealed and _PLATFORM_PYTHON.fullmatch(first) else [first, *rest]


def _builtin_command(spec: FunctionSpec, descriptor: int) -> list[str]:
    if spec.sealed:
        return [*_sealed(spec), "--built-in", str(descriptor)]
    return [sys.executable, "-m", _RUNTIME, str(descriptor)]


def _sealed(spec: FunctionSpec) -> list[str]:
    return [_BENEATH, "-S", "-E", "-u", sealed.__file__, str(spec.code_dir)]
