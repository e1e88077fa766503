"""The model that the settings name."""

import pytest
from pydantic_ai import Agent

from fujie.llm.chat_model import ChatModel
from fujie.llm.errors import LlmNotConfiguredError
from fujie.llm.model import model_from_settings
from fujie.secret import Secret
from fujie.settings import LlmSettings
from tests.llm.services import answering, chunk, model_at, sse

SETTINGS = LlmSettings("http://127.0.0.1:9/v1", Secret("k"), "small")


def test_the_configured_model_is_meant_unless_another_is_named():
    assert model_from_settings(SETTINGS).model_name == "small"
    assert model_from_settings(SETTINGS, "large").model_name == "large"
    assert isinstance(model_from_settings(SETTINGS), ChatModel)


async def test_an_agent_speaks_through_it():
    transport, asked = answering(sse(chunk(content="hello"), chunk("stop")))
    assert (await Agent(model_at(transport, "large")).run("hi")).output == "hello"
    assert asked[0]["model"] == "large"


def test_without_a_model_the_error_says_how_to_set_one():
    with pytest.raises(LlmNotConfiguredError) as caught:
        model_from_settings(None)
    assert "FUJIE_LLM_BASE_URL" in caught.value.repair
