"""OpenAI's official clients, unmodified, before the process function: the asynchronous one over ASGI, the blocking
one over a socket."""

import asyncio
import socket
from contextlib import asynccontextmanager

import httpx2
import openai
import uvicorn

from tests.functions.process_world import ID_TOKEN


def client(made, *, token=ID_TOKEN, path="/v1", **options):
    """Return the asynchronous client."""
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(made.app))
    return openai.AsyncOpenAI(api_key=token, base_url=f"http://process{path}", http_client=http, **options)


async def blocking(made, work, *, path="/v1"):
    """Return what `work` gives that is handed the blocking client."""

    def run(url):
        with openai.OpenAI(api_key=ID_TOKEN, base_url=f"{url}{path}") as sync:
            return work(sync)

    async with served(made.app) as url:
        return await asyncio.to_thread(run, url)


@asynccontextmanager
async def served(app, *, lifespan="off"):
    """Serve an app at the address that this gives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan=lifespan))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def ours(thing):
    """Return what is ours in an answer's object."""
    return (thing.model_extra or {}).get("fujie") or {}
