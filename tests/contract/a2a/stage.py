"""One socket on loopback; behind it the world of each test, before it both lines of the official client."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import uvicorn

from fujie.agents.pushes.late import LatePushes
from fujie.agents.runs import RunService
from fujie.identity.keys import new_signing_key
from functions.process.app import create_app
from tests.contract.a2a import client_1_0
from tests.frameworks.environments import python_of
from tests.functions.process_world import ID_TOKEN

CARD_KEY, PUBLIC_CARD_KEY = new_signing_key()
BEARER = {"authorization": f"Bearer {ID_TOKEN}"}


class FailedError(Exception):
    """The client raised; `what` is how it says it: a code, or a status."""

    def __init__(self, what):
        super().__init__(str(what))
        self.what = what


class Here:
    """The client of line 1.x, in this process."""

    line = "1.0"

    async def do(self, job):
        """Yield what a job sees."""
        try:
            async for what in client_1_0.do(job):
                yield what
        except Exception as error:
            raise FailedError(client_1_0.failure(error)) from error


class There:
    """The client of line 0.3, in a process of its own environment that serves every test."""

    line = "0.3"

    def __init__(self):
        self._process = None
        self._reading = None
        self._told = {}
        self._last = 0

    async def start(self):
        program = Path(__file__).parent / "client_0_3.py"
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            str(python_of("a2a_0_3")), str(program), stdin=pipe, stdout=pipe, limit=2**20
        )
        self._reading = asyncio.create_task(self._read())

    async def close(self):
        if self._process is not None:
            self._process.stdin.close()
            await self._process.wait()
            self._reading.cancel()

    async def do(self, job):
        """Yield what a job sees."""
        if self._process is None:
            await self.start()
        self._last += 1
        told = self._told[self._last] = asyncio.Queue()
        self._process.stdin.write(json.dumps(job | {"id": self._last}).encode() + b"\n")
        while True:
            line = await told.get()
            if "failed" in line:
                raise FailedError(line["failed"])
            if "done" in line:
                return
            yield line["seen"]

    async def _read(self):
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            self._told[told["id"]].put_nowait(told)


@dataclass
class Stage:
    """`base` is where the world is served that was put on last."""

    base: str = ""
    app: object = None
    lines: dict = field(default_factory=lambda: {"1.0": Here(), "0.3": There()})

    _shown: list = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

    async def clear(self):
        """End what the worlds that were shown have under way."""
        while self._shown:
            made = self._shown.pop()
            await made.runs.close()
            await made.pushes.close()

    def show(self, made):
        """Serve a world, with push notifications and a signed card."""
        pushes = LatePushes(self.base, made.store, made_key())
        runs = RunService(made.store, made.mind, made.tools, agent="test", changed=pushes.changed)
        made.runs, made.pushes = runs, pushes
        self._shown.append(made)
        own = {"runs": runs, "pushes": pushes, "tools": made.tools, "public_url": self.base, "card_key": CARD_KEY}
        made.parts = replace(made.parts, **own)
        self.app = made.app = create_app(made.parts)
        made.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(made.app), base_url=self.base)
        return made


def made_key():
    return new_signing_key()[0]


@dataclass(frozen=True)
class Caller:
    """One client over one transport."""

    stage: Stage
    line: str
    transport: str

    async def tell(self, op, *, headers=BEARER, **job):
        """Yield what the client sees."""
        whole = {"op": op, "base": self.stage.base, "transport": self.transport, "headers": headers} | job
        async for what in self.stage.lines[self.line].do(whole):
            yield what

    async def see(self, op, **job):
        """Return all that the client sees."""
        return [what async for what in self.tell(op, **job)]

    async def one(self, op, **job):
        """Return the one thing that the client sees."""
        (what,) = await self.see(op, **job)
        return what

    async def fails(self, op, **job):
        """Return how the client says that it was refused."""
        try:
            seen = await self.see(op, **job)
        except FailedError as failed:
            return failed.what
        raise AssertionError(seen)

    def error(self, code, status_0_3):
        """Return an error of the specifications as this client says it."""
        return {"status": status_0_3} if (self.line, self.transport) == ("0.3", "HTTP+JSON") else {"code": code}


@asynccontextmanager
async def served():
    """Serve a stage on loopback."""
    stage = Stage()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        stage.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(stage, log_config=None, lifespan="off"))
        server.install_signal_handlers = lambda: None
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield stage
        finally:
            await stage.lines["0.3"].close()
            server.should_exit = True
            server.force_exit = True
            await serving
