"""Services for the tests of a model: values in, no socket."""

import json

import httpx2

from fujie.llm.chat_model import ChatModel
from fujie.llm.service import ChatService
from fujie.secret import Secret

URL = "http://127.0.0.1:9/v1"


def sse(*chunks):
    """Return the bytes of a stream of chunks."""
    texts = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {text}\n\n" for text in [*texts, "[DONE]"]).encode()


def chunk(finish_reason=None, **delta):
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "small",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def answering(content):
    """Return a transport that answers each request with the same stream, and the bodies it was asked with."""
    asked = []

    def answer(request):
        asked.append(json.loads(request.content))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    return httpx2.MockTransport(answer), asked


def model_at(transport, name="small"):
    return ChatModel(name, ChatService(URL, Secret("k"), http=httpx2.AsyncClient(transport=transport)))
