"""The function host's instances come from the nursery, two of each function, and requests are dealt to them in turn."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import fujie
import fujie_emulator
from fujie_emulator.functionhost import function
from fujie_emulator.functionhost.environment import TIMESHIFT
from fujie_emulator.functionhost.pool import Pool
from fujie_emulator.functionhost.processes import ChildProcess

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [str(TIMESHIFT), *(str(Path(package.__file__).parents[1]) for package in (fujie, fujie_emulator)), str(ROOT)]


class Nursery:
    """The process that forks, seen from the function host's loop."""

    def __init__(self, odometer, clock_file, log):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES), "FUJIE_EMULATOR_CLOCK": str(clock_file)}
        command = [sys.executable, "-m", "tests.scale_out.nursery", str(theirs.fileno()), str(odometer.path)]
        with log.open("a") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=env, pass_fds=[theirs.fileno()], stdout=output, stderr=output
            )
        theirs.close()
        self._connection = ours
        self._told, self._ready = threading.Condition(), False
        self._started, self._exits = [], {}
        self._waiting = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_ready(self):
        with self._told:
            assert self._told.wait_for(lambda: self._ready, 60), "the nursery did not load"

    def close(self):
        self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._process.wait(20)

    async def start(self, command, cwd, env, inherit):
        """Return a new instance, which looks like a process of asyncio's."""
        reading, writing = os.pipe()
        asked = json.dumps({"command": list(command), "cwd": str(cwd), "env": dict(env)}).encode()
        pid = await asyncio.to_thread(self._begin, asked, [writing, *inherit])
        os.close(writing)
        stdout = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(stdout)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(reading, "rb"))
        return Forked(pid, stdout, self)

    async def exit_of(self, pid):
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        with self._told:
            if pid in self._exits:
                return self._exits[pid]
            self._waiting.setdefault(pid, []).append((loop, ended))
        return await ended

    def returncode(self, pid):
        return self._exits.get(pid)

    def _begin(self, asked, descriptors):
        with self._told:
            socket.send_fds(self._connection, [asked], descriptors)
            assert self._told.wait_for(lambda: self._started, 20), "the nursery does not fork"
            return self._started.pop()

    def _listen(self):
        while message := self._heard():
            said = json.loads(message)
            with self._told:
                self._ready = self._ready or "ready" in said
                if "started" in said:
                    self._started.append(said["started"])
                if "exited" in said:
                    pid, status = said["exited"], said["status"]
                    self._exits[pid] = status
                    for loop, ended in self._waiting.pop(pid, []):
                        loop.call_soon_threadsafe(end, ended, status)
                self._told.notify_all()

    def _heard(self):
        try:
            return self._connection.recv(1 << 16)
        except OSError:
            return b""


def end(ended, status):
    if not ended.done():
        ended.set_result(status)


class Forked:
    """What `ChildProcess` asks of a process."""

    def __init__(self, pid, stdout, nursery):
        self.pid = pid
        self.stdout = stdout
        self._nursery = nursery

    @property
    def returncode(self):
        return self._nursery.returncode(self.pid)

    async def wait(self):
        return await self._nursery.exit_of(self.pid)


class Dealing(Pool):
    """Keeps as many instances as there may be, and gives each request to the one that had none for longest."""

    def warm(self):
        while not self._closed and self._has_place():
            self._start_another(self._key())

    async def _take(self, end, session):
        instance = await super()._take(end, session)
        self.warm()
        return instance

    def _free(self, session):
        """Nobody has an instance of his own here, so none may count on one."""
        for instance in self._instances:
            if instance.in_flight < self._spec.instance_concurrency:
                self._instances.remove(instance)
                self._instances.append(instance)
                return instance
        return None


def install(monkeypatch, nursery):
    """Have the function host of this process work so."""

    async def start(cls, command, *, cwd, env, log, reaper_process, crashed, inherit=()):
        process = await nursery.start(command, cwd, env, inherit)
        reaper_process.watch(process.pid)
        return cls(process, log, reaper_process, crashed)

    monkeypatch.setattr(ChildProcess, "start", classmethod(start))
    monkeypatch.setattr(function, "Pool", Dealing)
