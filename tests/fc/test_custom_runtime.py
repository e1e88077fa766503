"""Where a custom runtime listens, and its whole main program in a process."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx2
import pytest

from fujie.errors import SettingsError
from fujie.fc.custom_runtime import ThenLoads
from fujie.settings import listen_from_environ

APP = """
from fastapi import FastAPI
from fujie.fc.custom_runtime import serve
app = FastAPI()
@app.get("/")
async def root():
    return {"hello": "there"}
serve(app)
"""


@pytest.mark.parametrize(
    ("environ", "host", "port"),
    [
        ({"FC_FUNCTION_NAME": "chat"}, "0.0.0.0", 9000),
        ({"FC_FUNCTION_NAME": "chat", "FC_CUSTOM_LISTEN_PORT": "8080"}, "0.0.0.0", 8080),
        ({"FC_FUNCTION_NAME": "chat", "FUJIE_LISTEN_HOST": "127.0.0.1"}, "127.0.0.1", 9000),
        ({}, "127.0.0.1", 9000),
    ],
)
def test_it_listens_everywhere_only_in_fc(environ, host, port):
    assert (listen_from_environ(environ).host, listen_from_environ(environ).port) == (host, port)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "９０００"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(SettingsError, match="FC_CUSTOM_LISTEN_PORT"):
        listen_from_environ({"FC_CUSTOM_LISTEN_PORT": port})


@contextmanager
def served(program):
    """Run a program that serves, and give its process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {"PATH": os.environ["PATH"], "FC_CUSTOM_LISTEN_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_an_app_is_served_until_sigterm():
    with served(APP) as (process, url):
        answer = _first_answer(f"{url}/", process)
        assert answer.json() == {"hello": "there"}
        assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)
        assert process.stdout.read() == b""


DROPPING = """
import asyncio
from fujie.fc.custom_runtime import serve
closed = asyncio.Event()

async def words():
    try:
        yield b"one"
        yield b"two"
    finally:
        await asyncio.sleep(0)
        closed.set()

async def first():
    async for word in words():
        return word

async def app(scope, receive, send):
    if scope["type"] == "http":
        word = await first()
        await asyncio.wait_for(closed.wait(), 5)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": word})
serve(app)
"""


def test_a_generator_that_was_dropped_half_read_is_closed():
    with served(DROPPING) as (process, url):
        assert _first_answer(f"{url}/", process).content == b"one"


def _first_answer(url, process):
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            return httpx2.get(url, trust_env=False)
        except httpx2.ConnectError:
            time.sleep(0.05)
    pytest.fail(f"no answer; the process said {process.stdout.read() if process.poll() is not None else 'nothing'}")


async def test_modules_are_loaded_once_the_first_answer_is_out_and_a_missing_one_harms_nobody(monkeypatch):
    told = []
    monkeypatch.setattr("fujie.fc.custom_runtime.import_module", lambda name: told.append(name) or missing(name))

    async def app(scope, receive, send):
        told.append(f"answer to {scope['type']}")

    loads = ThenLoads(app, ("no_such_module", "json"))
    for kind in ("lifespan", "http", "http"):
        await loads({"type": kind}, None, None)
        for thread in threading.enumerate():
            if thread.name == "then-loads":
                thread.join()
    assert told == ["answer to lifespan", "answer to http", "no_such_module", "json", "answer to http"]


def missing(name):
    if name == "no_such_module":
        raise ModuleNotFoundError(name)


@pytest.mark.parametrize("function", ["chat", "process"])
def test_what_the_functions_load_later_is_there(function):
    code = (
        f"import importlib, functions.{function}.main as main;"
        "[importlib.import_module(name) for name in main.THEN_LOAD]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
