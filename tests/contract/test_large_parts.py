"""A picture inside a request is as long as the body may be, in each protocol that has pictures."""

import json

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from tests.agents.calling import client

PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 60_000
"""Some 650 KB, below the body's limit of a megabyte."""
RAW = "iVBORw0KGgoA" * 50_000
TEXT = {"type": "text", "text": "look"}
HEADERS = {"a2a-version": "1.0"}


def a2a(*parts):
    return {"message": {"messageId": "q", "role": "ROLE_USER", "parts": [{"text": "look"}, *parts]}}


def ag_ui(*parts):
    said = {"id": "m", "role": "user", "content": [TEXT, *parts]}
    return {
        "threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {},
        "messages": [said],
    }  # fmt: skip


ASKS = {
    "AgentScope": (
        "/process",
        {"input": [{"role": "user", "content": [TEXT, {"type": "image", "image_url": PICTURE}]}]},
    ),
    "OpenAI chat": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [TEXT, {"type": "image_url", "image_url": {"url": PICTURE}}]}]},
    ),
    "OpenAI Responses": (
        "/v1/responses",
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]}]},
    ),
    "A2A, an address": ("/a2a/message:send", a2a({"url": PICTURE, "mediaType": "image/png"})),
    "A2A, the content": ("/a2a/message:send", a2a({"raw": RAW, "mediaType": "application/pdf"})),
    "AG-UI": ("/ag-ui", ag_ui({"type": "image", "source": {"type": "url", "value": PICTURE}})),
}


@pytest.mark.parametrize("protocol", ASKS)
async def test_a_picture_arrives_whole(protocol):
    app, seen = AgentApp("Friday", config=AgentConfig(open_access=True)), []

    @app.query
    async def answer(request):
        seen.append(request.as_json())
        yield "seen"

    path, body = ASKS[protocol]
    async with client(app, **HEADERS) as http:
        answered = await http.post(path, json=body)
        assert answered.status_code == 200, answered.text[:500]
        assert PICTURE in seen[0] or RAW in seen[0]
        large = json.dumps(body).replace("iVBORw0KGgo", "iVBORw0KGgo" * 2)
        refused = await http.post(path, content=large, headers={"content-type": "application/json"})
    assert refused.status_code == 413
    assert "1048576" in refused.text
