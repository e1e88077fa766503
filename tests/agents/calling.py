"""An AgentApp asked over ASGI, in this process."""

import contextlib

import httpx2

from fujie.protocols.agentscope.decode import Decoder


def client(app, host="127.0.0.1", port=8080, peer="127.0.0.1", **headers):
    transport = httpx2.ASGITransport(app, client=(peer, 4711))
    return httpx2.AsyncClient(transport=transport, base_url=f"http://{host}:{port}", headers=headers)


def question(text="hi", **fields):
    return {"input": [{"role": "user", "content": [{"type": "text", "text": text}]}]} | fields


async def said(app, text="hi", **fields):
    """Return the text of the answer to a question at `/process`."""
    async with client(app) as http:
        answer = await http.post("/process", json=question(text, **fields))
    assert answer.status_code == 200, answer.text
    last = Decoder().feed(answer.text)[-1]
    assert last["status"] == "completed", last
    parts = [part for message in last["output"] or [] for part in message["content"]]
    return "".join(part.get("text") or str(part.get("data")) for part in parts)


@contextlib.asynccontextmanager
async def alive(app):
    """Start the app as a server would, and stop it in the end."""
    import asyncio

    inbox, outbox = asyncio.Queue(), asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    inbox.put_nowait({"type": "lifespan.startup"})
    told = await outbox.get()
    try:
        assert told["type"] == "lifespan.startup.complete", told
        yield
        inbox.put_nowait({"type": "lifespan.shutdown"})
        assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
    finally:
        life.cancel()
        await asyncio.wait([life])
