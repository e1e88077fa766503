"""An agent as a server of its own: real sockets, real signals, a client that does not read."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import uvicorn

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.protocols.agentscope.decode import Decoder
from tests.agents.calling import question

SLOW = """
import asyncio, sys
from fujie import AgentApp
from fujie.agents.config import AgentConfig

app = AgentApp("slow", config=AgentConfig(open_access=True, shutdown_s=2))

@app.query
async def answer(msgs):
    yield "begun"
    try:
        await asyncio.Event().wait()
    finally:
        print("closed", flush=True)

@app.shutdown
def stop():
    print("stopped", flush=True)

app.run(port=int(sys.argv[1]))
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def asked(port, body):
    """Return a connection on which a question was sent."""
    payload = json.dumps(body).encode()
    head = f"POST /process HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: {len(payload)}\r\n\r\n"
    end = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)
    connection.sendall(head.encode() + payload)
    return connection


def test_sigterm_lets_open_streams_say_that_they_were_canceled():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(port)], env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        with asked(port, question()) as connection:
            heard = b""
            while b"begun" not in heard:
                heard += connection.recv(65536)
            process.send_signal(signal.SIGTERM)
            while piece := connection.recv(65536):
                heard += piece
        assert heard.endswith(b"0\r\n\r\n")
        events = Decoder().feed(heard.partition(b"\r\n\r\n")[2])
        assert (events[-1]["object"], events[-1]["status"]) == ("response", "canceled")
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)
        told = process.stdout.read().decode()
        assert told.index("closed") < told.index("stopped")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("is_kept", [False, True], ids=["transient", "durable"])
async def test_a_client_that_reads_nothing_costs_no_memory_while_the_agent_would_say_100_mb(is_kept, tmp_path):
    """Hurt: everybody else on the instance."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}" if is_kept else ""
    app = AgentApp("flood", config=AgentConfig(open_access=True, database_url=url))
    told = 0

    @app.query
    async def flood():
        nonlocal told
        while told < 100_000:
            told += 1
            yield "x" * 1000

    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        warm = await asyncio.to_thread(asked, listener.getsockname()[1], question())
        warm.close()
        told = 0
        before = psutil.Process().memory_info().rss
        silent = await asyncio.to_thread(asked, listener.getsockname()[1], question(session_id="s"))
        seen = -1
        while seen != told:
            seen = told
            await asyncio.sleep(0.2)
        grown = psutil.Process().memory_info().rss - before
        silent.close()
        server.should_exit = True
        await serving
    assert 0 < told < 20_000
    assert grown < 20 * 2**20


FAILING = """
import sys
from fujie import AgentApp
app = AgentApp("failing")

@app.query
async def answer(msgs):
    raise LookupError("the words of a fault")
    yield

app.run(port=int(sys.argv[1]), open_access=True)
"""


@pytest.mark.parametrize("at_a_terminal", [True, False])
def test_the_words_of_a_fault_are_told_to_a_developer_at_his_terminal_alone(at_a_terminal):
    ours, theirs = os.openpty() if at_a_terminal else os.pipe()
    port = free_port()
    agent = subprocess.Popen(
        [sys.executable, "-c", FAILING, str(port)], stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    try:
        with asked(port, question("hi")) as connection:
            answered = b""
            while b"0\r\n\r\n" not in answered:
                answered += connection.recv(65536)
        agent.terminate()
        logged, _ = agent.communicate(timeout=20)
        told = os.read(ours, 65536) if at_a_terminal else b""
    finally:
        agent.kill()
        os.close(ours)
    assert "LookupError at " in logged
    assert b"the words" not in answered
    assert "the words" not in logged
    assert (b"LookupError: the words of a fault" in told) is at_a_terminal
