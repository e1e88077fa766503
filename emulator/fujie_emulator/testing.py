"""The cloud for tests: on a loopback port, in a thread of the test's own process."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fujie_emulator.core.admin_token import HEADER
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import EmulatorError
from fujie_emulator.core.opening import open_cloud
from fujie_emulator.core.serving import bound, serve, url_of

_START_S = 20.0
_STOP_S = 20.0


@dataclass(frozen=True)
class Running:
    """A cloud that answers at `url`, and the operator's key."""

    url: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    account_id: str
    region: str
    cloud: Cloud

    @property
    def admin_headers(self) -> dict[str, str]:
        """The header that opens the admin routes."""
        return {HEADER: self.cloud.admin_token} if self.cloud.admin_token else {}


@contextmanager
def running(
    state_dir: Path, port: int = 0, *, host_base_port: int | None = None, admin: bool = True
) -> Iterator[Running]:
    """Serve the cloud of `state_dir` until the block ends; raise EmulatorError when it cannot start."""
    with contextlib.closing(bound(port)) as listener:
        cloud = open_cloud(state_dir, url_of(listener), host_base_port=host_base_port, admin=admin)
        with contextlib.closing(cloud.store):
            background = _Background(cloud, listener)
            background.start()
            try:
                background.wait_started()
                account = cloud.account
                yield Running(
                    url=cloud.base_url,
                    access_key_id=account.access_key_id,
                    access_key_secret=account.access_key_secret,
                    account_id=account.account_id,
                    region=account.region,
                    cloud=cloud,
                )
            finally:
                background.stop()


class _Background:
    """The server's own event loop."""

    def __init__(self, cloud: Cloud, listener: socket.socket) -> None:
        self._thread = threading.Thread(target=self._run, name="fujie-emulator", daemon=True)
        self._cloud = cloud
        self._listener = listener
        self._begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._answers = False

    def start(self) -> None:
        """Begin; `wait_started` says when it answers."""
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  the test's thread raises it
            self._failure = error
        finally:
            self._begun.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await serve(self._cloud, self._listener, self._started, self._stop)

    def _started(self) -> None:
        self._answers = True
        self._begun.set()

    def wait_started(self) -> None:
        """Return once the cloud answers; raise what kept it from doing so."""
        if not self._begun.wait(_START_S) or not self._answers:
            raise EmulatorError("The emulated cloud did not start.") from self._failure

    def stop(self) -> None:
        """End the server and its thread; raise what went wrong in it."""
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop may close in between
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            raise EmulatorError("The emulated cloud did not stop.")
        if self._answers and self._failure is not None:
            raise self._failure
