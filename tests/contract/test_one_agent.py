"""One function of a developer's, reached by OpenAI's and AgentScope's own clients, with and without a store."""

import asyncio
import hashlib

import openai
import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from tests.contract.openai_world import served
from tests.protocols.agentscope_models import official_client

KEY = "a-key-of-this-test"


def agent(database_url=""):
    key = hashlib.sha256(KEY.encode()).hexdigest()
    app = AgentApp("Friday", config=AgentConfig(api_keys=[key], database_url=database_url))

    @app.query(framework="text")
    async def answer(self, msgs, request=None, **kwargs):
        for word in ("Hel", "lo ", "世界"):
            await asyncio.sleep(0)
            yield word

    return app


@pytest.fixture(params=["kept", "not kept"])
def app(request, tmp_path):
    return agent(f"sqlite+aiosqlite:///{tmp_path}/agent.db" if request.param == "kept" else "")


async def test_every_client_hears_the_same(app):
    agentscope = official_client()
    async with served(app, lifespan="on") as url:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
            assert [model.id async for model in client.models.list()] == ["Friday"]
            chat = await client.chat.completions.create(model="Friday", messages=[{"role": "user", "content": "hi"}])
            response = await client.responses.create(model="Friday", input="hi")
            again = await client.responses.retrieve(response.id)
        asked = agentscope.create_simple_text_request("hi")
        events = [event async for event in agentscope.HTTPAgentAPIClient(f"{url}/process", token=KEY).astream(asked)]
    heard = [chat.choices[0].message.content, response.output_text, again.output_text]
    assert [*heard, events[-1].output[0].content[0].text] == ["Hello 世界"] * 4


async def test_nobody_else_is_let_in(app):
    async with served(app, lifespan="on") as url, openai.AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.responses.create(model="Friday", input="hi")
