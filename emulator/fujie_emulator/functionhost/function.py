"""One function of the account: its instances, its counters, and how an event reaches it."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.iam import StsCredentials
from fujie_emulator.functionhost.credentials import RoleKey
from fujie_emulator.functionhost.environment import Site
from fujie_emulator.functionhost.errors import FunctionFailedError, InstanceStartError, InvocationError
from fujie_emulator.functionhost.instances import BuiltinInstance, CustomInstance, Launch
from fujie_emulator.functionhost.limits import BODY_LIMIT, Header
from fujie_emulator.functionhost.logs import FunctionLog
from fujie_emulator.functionhost.pool import QUEUE_DEADLINE_S, Pool
from fujie_emulator.functionhost.processes import Reaper
from fujie_emulator.functionhost.specification import FunctionSpec


@dataclass
class Counters:
    """What happened since the function was declared."""

    invocations: int = 0
    errors: int = 0
    restarts: int = 0
    last_error: str = ""


class HostedFunction:
    """A declared function; exactly one of its two pools is used."""

    def __init__(self, cloud: Cloud, spec: FunctionSpec, log: FunctionLog, reaper: Reaper) -> None:
        self.spec = spec
        self.site = Site(cloud.account_id, cloud.region, cloud.clock.offset_path)
        self.counters = Counters()
        self._cloud = cloud
        self._log = log
        self._launch = Launch(spec, self.site, log, reaper, self._crashed)
        self._key = RoleKey(cloud, spec.role, spec.name)
        now = cloud.clock.time
        self.custom = Pool(spec, self._start_custom, self._key.present, self._note, now)
        self.builtin = Pool(spec, self._start_builtin, self._key.present, self._note, now)

    @property
    def pool(self) -> Pool[CustomInstance] | Pool[BuiltinInstance]:
        """The pool of this function's kind."""
        return self.custom if self.spec.is_custom else self.builtin

    @property
    def wait_s(self) -> float:
        """How long (seconds) a request waits for a place; where instances are reserved, not at all."""
        return 0.0 if self.spec.reserved else QUEUE_DEADLINE_S

    def limit(self, spec: FunctionSpec) -> None:
        """Go on with other limits than before."""
        self.spec = spec
        self.pool.limit(spec)
        self.warm()

    def status(self) -> dict[str, Any]:
        """Return the row of the admin route."""
        return {
            "in_flight": self.pool.in_flight,
            "queued": self.pool.queued,
            "instances": self.pool.size,
            "invocations": self.counters.invocations,
            "errors": self.counters.errors,
            "restarts": self.counters.restarts,
            "last_error": self.counters.last_error or None,
            "runtime": self.spec.runtime,
            "trigger_port": self.spec.trigger_port,
        }

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one invocation and its failure, if it fails."""
        self.counters.invocations += 1
        try:
            yield
        except InvocationError as error:
            self.counters.errors += 1
            self._note(error)
            raise

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Cut off what takes longer than the function's timeout, as FC does."""
        try:
            async with asyncio.timeout(self.spec.timeout_s):
                yield
        except TimeoutError as error:
            message = f"Function timed out after {self.spec.timeout_s:g} seconds"
            raise FunctionFailedError("FunctionTimeout", message) from error

    async def invoke(self, event: bytes, request_id: str, *, retries: int = 0, wait_s: float | None = None) -> bytes:
        """Hand over one event that is not an HTTP request and return the function's answer."""
        with self.counted():
            if self.spec.is_custom:
                return await self._post_event(event, request_id, retries, self.wait_s if wait_s is None else wait_s)
            return await self.call_handler(event, request_id, wait_s)

    async def call_handler(self, event: bytes, request_id: str, wait_s: float | None = None) -> bytes:
        """Return what the built-in runtime's handler returned; a timeout kills the instance."""
        async with self.builtin.lease(self.wait_s if wait_s is None else wait_s) as instance, self.limited():
            return await instance.invoke(event, request_id)

    def common_headers(self, key: StsCredentials | None, request_id: str, control_path: str) -> list[Header]:
        """Return the headers that FC adds to every request of a custom runtime (fc.md 1.3)."""
        spec, site = self.spec, self.site
        headers = {
            "x-fc-request-id": request_id,
            "x-fc-control-path": control_path,
            "x-fc-function-name": spec.name,
            "x-fc-function-handler": spec.handler or "index.handler",
            "x-fc-function-memory": str(spec.memory_mb),
            "x-fc-function-timeout": f"{spec.timeout_s:g}",
            "x-fc-region": site.region,
            "x-fc-account-id": site.account_id,
            "x-fc-qualifier": spec.version,
            "x-fc-version-id": spec.version,
        }
        if key is not None:
            headers |= {
                "x-fc-access-key-id": key.access_key_id,
                "x-fc-access-key-secret": key.access_key_secret,
                "x-fc-security-token": key.security_token,
            }
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    def log_tail(self) -> str:
        """Return the end of what the function printed."""
        return self._log.tail()

    def restart(self) -> None:
        """Replace the instances, and the key: new requests go to new ones, the old finish what they have."""
        self.counters.restarts += 1
        self._key.forget()
        self.pool.retire_all()
        self.warm()

    def warm(self) -> None:
        """Begin to start one instance; what goes wrong is in `last_error`."""
        try:
            self.pool.warm()
        except InvocationError as error:
            self._note(error)

    async def leave(self) -> None:
        """Finish what is under way, for a while, then close: another function took the name."""
        try:
            await self.pool.drained()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop all instances and close the log."""
        await self.pool.close()
        self._log.close()

    async def _post_event(self, event: bytes, request_id: str, retries: int, wait_s: float) -> bytes:
        async with self.custom.lease(wait_s) as instance, self.limited():
            headers = [
                (b"host", b"127.0.0.1"),
                (b"content-type", b"application/octet-stream"),
                (b"content-length", str(len(event)).encode()),
                *self.common_headers(instance.key, request_id, "/invoke"),
            ]
            if retries:
                headers.append((b"x-fc-retry-count", str(retries).encode()))
            try:
                async with instance.request("POST", b"/invoke", headers, event) as response:
                    body = await _read_limited(response)
            except httpx2.TransportError as error:
                raise FunctionFailedError("CAExited", "the function did not answer the invocation") from error
        _check_answer(response, body)
        return body

    async def _start_custom(self, key: StsCredentials | None) -> CustomInstance:
        return await CustomInstance.start(self._launch, key)

    async def _start_builtin(self, key: StsCredentials | None) -> BuiltinInstance:
        return await BuiltinInstance.start(self._launch, key)

    def _note(self, error: InvocationError) -> None:
        log = error.log if isinstance(error, InstanceStartError) else ""
        if error.code == "CAExited" and not log:
            log = self._log.tail()
        self.counters.last_error = "\n".join(filter(None, [f"{error.code}: {error.message}", log]))

    def _crashed(self, status: int) -> None:
        self.counters.last_error = f"CAExited: an instance exited with status {status}\n{self._log.tail()}"


def new_request_id() -> str:
    """Return an id in FC's form."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"


async def _read_limited(response: httpx2.Response) -> bytes:
    body = bytearray()
    async with aclosing(response.aiter_raw()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > BODY_LIMIT:
                raise FunctionFailedError("BadResponse", f"the answer may have at most {BODY_LIMIT} bytes")
    return bytes(body)


def _check_answer(response: httpx2.Response, body: bytes) -> None:
    """`x-fc-status` says whether an event succeeded; without it the HTTP status does."""
    said = response.headers.get("x-fc-status", "")
    status = int(said) if said.isascii() and said.isdigit() else response.status_code
    if status >= 400:
        message = f"the function answered the event with status {status}"
        raise FunctionFailedError("UnhandledInvocationError", message, body)
