"""A host of its own for every test, and functions written to disk."""

import asyncio
import json
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.functionhost.function import HostedFunction
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.functionhost.specification import spec_from_document

CUSTOM_APP = """
import asyncio, json, os, sys, time

async def app(scope, receive, send):
    path, seen = scope["path"], dict(scope["headers"])
    body = b""
    if scope["method"] in ("POST", "PUT"):
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
    if path == "/sse":
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream"), (b"x-fc-status", b"1")]})
        gone = asyncio.create_task(until_gone(receive))
        for number in range(1000):
            if gone.done():
                print("client gone", flush=True)
                return
            await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
            await asyncio.sleep(0.05)
        return
    if path == "/slow":
        await asyncio.sleep(float(scope["query_string"] or b"1"))
    if path == "/exit":
        print("going down with status 7", flush=True)
        os._exit(7)
    if path == "/cut":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        os._exit(8)
    if path == "/invoke":
        with open(os.environ["DELIVERED"], "a") as file:
            file.write(json.dumps({"body": body.decode(), "pid": os.getpid(),
                "headers": {name.decode(): value.decode() for name, value in scope["headers"]}}) + "\\n")
        failing = int(os.environ.get("FAILURES", "0"))
        with open(os.environ["DELIVERED"]) as file:
            status = b"404" if len(file.readlines()) <= failing else b"200"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-fc-status", status)]})
        await send({"type": "http.response.body", "body": b"taken"})
        return
    answer = {"method": scope["method"], "path": path, "raw_path": scope["raw_path"].decode(), "query":
        scope["query_string"].decode(), "headers": [[n.decode(), v.decode()] for n, v in scope["headers"]],
        "body": len(body), "pid": os.getpid(), "env": dict(os.environ), "cwd": os.getcwd(), "time": time.time()}
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"x-fc-secret", b"no"), (b"connection", b"keep-alive"),
        (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

async def until_gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass

if __name__ == "__main__":
    import uvicorn
    assert os.environ["FUJIE_LISTEN_HOST"] == "127.0.0.1"
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["FC_CUSTOM_LISTEN_PORT"]), lifespan="off", log_level="error")
"""

Declare = Callable[..., Any]


@pytest.fixture
async def host(cloud: Cloud) -> AsyncIterator[FunctionHost]:
    """The account's function host."""
    running = FunctionHost(cloud)
    yield running
    await running.close()


@pytest.fixture
def write_code(tmp_path: Path) -> Callable[..., Path]:
    """Write a function's files and give their directory."""

    def write(name: str = "f", **files: str) -> Path:
        directory = tmp_path / "code" / name
        directory.mkdir(parents=True, exist_ok=True)
        for stem, text in files.items():
            (directory / f"{stem}.py").write_text(textwrap.dedent(text))
        return directory

    return write


@pytest.fixture
def custom(host: FunctionHost, write_code: Callable[..., Path], tmp_path: Path) -> Declare:
    """Declare a custom-runtime function that runs CUSTOM_APP."""

    async def declare(name: str = "web", **changes: Any) -> HostedFunction:
        directory = write_code(name, app=CUSTOM_APP)
        document = {
            "runtime": "custom.debian11",
            "command": ["python", "app.py"],
            "code_dir": str(directory),
            "instance_concurrency": 100,
            "trigger_port": 0,
            "env": {"DELIVERED": str(tmp_path / "delivered")},
        } | changes
        return await host.declare(spec_from_document(name, document))

    return declare


@pytest.fixture
def builtin(host: FunctionHost, write_code: Callable[..., Path]) -> Declare:
    """Declare a built-in function whose module is the text given."""

    async def declare(text: str, name: str = "f", **changes: Any) -> HostedFunction:
        directory = write_code(name, main=text)
        document = {
            "runtime": "python3.12",
            "handler": "main.handler",
            "code_dir": str(directory),
            "trigger_port": 0,
        } | changes
        return await host.declare(spec_from_document(name, document))

    return declare


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A client that follows nothing and trusts no environment."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


def url(function: HostedFunction, path: str = "/") -> str:
    """The address of a function's trigger."""
    return f"http://127.0.0.1:{function.spec.trigger_port}{path}"


async def until(condition: Callable[[], Any], deadline_s: float = 10.0) -> Any:
    """Wait for something true; the test fails when it does not come."""
    async with asyncio.timeout(deadline_s):
        while not (value := condition()):
            await asyncio.sleep(0.02)
    return value


def delivered(path: Path) -> list[dict[str, Any]]:
    """What CUSTOM_APP wrote down for each event."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
