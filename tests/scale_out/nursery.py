"""Forks instances of the functions from a process that has loaded what all of them need: a start in a few milliseconds.

`python -m tests.scale_out.nursery FD ODOMETER`. Each instance is a process of its own, in a session of its own, with
the environment that the function host gave it; nothing of the functions' entries is loaded before the fork.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback

from tests.scale_out.odometer import Odometer, install

LOADED = (
    "asyncpg",
    "fujie.agents.pushes.service",
    "fujie.llm.chat_model",
    "fujie.sessions.sql",
    "fujie.tools.door",
    "fujie.tools.faults",
    "fujie_emulator.functionhost.runtime",
    "functions.callback.app",
    "functions.callback.parts",
    "functions.chat.app",
    "functions.chat.parts",
    "functions.process.app",
    "functions.process.parts",
    "functions.tool.app",
    "functions.tool.events",
    "functions.tool.manifest",
    "functions.tool.parts",
    "joserfc.jwe",
    "joserfc.jwt",
    "mangum",
    "uvicorn.lifespan.on",
    "uvloop",
)


def main(descriptor, odometer):
    """Fork as told until the other side closes."""
    for name in LOADED:
        importlib.import_module(name)
    install(Odometer(odometer))
    assert threading.active_count() == 1, "a fork would lose the other threads"
    connection = socket.socket(fileno=descriptor)
    ends, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    say(connection, ready=True)
    while True:
        readable, _, _ = select.select([connection, ends], [], [])
        if ends in readable:
            os.read(ends, 4096)
            bury(connection)
        if connection in readable:
            message, descriptors, _, _ = socket.recv_fds(connection, 1 << 17, 4)
            if not message:
                return
            begin(connection, json.loads(message), descriptors)


def begin(connection, asked, descriptors):
    pid = os.fork()
    if pid:
        for each in descriptors:
            os.close(each)
        say(connection, started=pid)
        return
    status = 1
    try:
        status = live(connection, asked, descriptors)
    except Exception:  # noqa: BLE001 - the instance's last words
        traceback.print_exc()
    finally:
        os._exit(status)


def live(connection, asked, descriptors):
    """Be the instance."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.close()
    os.setsid()
    output, *handed = descriptors
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    _, dash_m, module, *arguments = asked["command"]
    assert dash_m == "-m"
    if handed:
        arguments = [str(handed[0])]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def bury(connection):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        say(connection, exited=pid, status=os.waitstatus_to_exitcode(status))


def say(connection, **words):
    connection.send(json.dumps(words).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
