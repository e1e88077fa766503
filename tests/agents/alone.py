"""An agent alone, asked once over plain ASGI, without a client library: run by the test of what that imports."""

import asyncio
import json

from fujie import AgentApp
from fujie.agents.config import AgentConfig

app = AgentApp("Friday", config=AgentConfig(open_access=True))


@app.query(framework="text")
async def answer(self, msgs, request):
    yield "hello"


async def ask():
    """Return the whole answer to one question."""
    body = json.dumps({"input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}).encode()
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message.get("body", b""))

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/process", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return b"".join(sent).decode()


assert '"status":"completed"' in asyncio.run(ask())
