"""Whatever is sent to the routes of AgentScope and OpenAI is answered, and never with a fault of ours."""

import asyncio
import json
from urllib.parse import quote

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from fujie.agents.config import AgentMetadata
from fujie.agents.runner import AgentRunner, StepDone
from fujie.agents.serving.served import Served
from fujie.agents.serving.server import Server
from fujie.agents.transient import TransientRuns
from fujie.protocols.events import TextDelta, TextEnded, TextStarted
from tests.contract.both_worlds import Doorman

POSTS = [
    "/process",
    "/process/task",
    "/process/stop",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/x/cancel",
]
GETS = ["/process/{}/events", "/process/task/{}", "/v1/responses/{}", "/v1/models", "/v1/responses/{}?stream=true"]
ALICE = {"authorization": "Bearer alice"}

words = st.sampled_from(
    [
        *("input", "messages", "role", "user", "assistant", "content", "type", "text", "message", "input_text", "n"),
        *("function_call", "stream", "id", "session_id", "conversation", "metadata", "background", "tools"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
)
asked = st.fixed_dictionaries(
    {},
    optional={
        "input": st.just([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]) | st.just("hi") | values,
        "messages": st.just([{"role": "user", "content": "hi"}]) | values,
        "stream": st.booleans() | values,
        "id": st.just("response_0e974e24-0000-4000-8000-00000000abcd") | values,
        "session_id": values,
        "metadata": values,
        "extra": values,
    },
)
bodies = st.binary() | (asked | values).map(lambda value: json.dumps(value).encode())
headers = st.fixed_dictionaries(
    {}, optional={"last-event-id": st.sampled_from(["", "0", "-1", "x", "9" * 30, "\u00b2"])}
)


class Parrot(AgentRunner):
    """A runner that always says the same."""

    async def step(self, step):
        yield TextStarted("m")
        yield TextDelta("m", "hello")
        yield TextEnded("m")
        yield StepDone("")


async def sent(method, path, body=b"", **more):
    runs = TransientRuns(Parrot(), agent="Fujie", timeout_s=10.0)
    app = Server(Served(runs, Doorman(), AgentMetadata("Fujie")))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (ALICE | more).items()]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://agent") as client:
        answer = await client.request(method, path, content=body, headers=raw)
    await runs.close()
    return answer


@given(st.sampled_from(POSTS), bodies, headers)
def test_any_body_is_answered(path, body, more):
    answer = asyncio.run(sent("POST", path, body, **more))
    assert answer.status_code < 500
    assert answer.status_code == 200 or set(answer.json()) & {"error", "detail"}


@given(st.sampled_from(GETS), st.binary(max_size=8), headers)
def test_any_id_is_answered(path, id_, more):
    answer = asyncio.run(sent("GET", path.format(quote(id_, safe="")), **more))
    assert answer.status_code in {200, 400, 404, 405}
