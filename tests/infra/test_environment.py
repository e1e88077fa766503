"""Which function holds which key: the tables of the threat model."""

from dataclasses import replace

import pytest

from fujie.errors import SettingsError
from fujie.settings import AgentAbout, settings_from_environ
from infra.config import StackConfig
from infra.environment import Resolved, function_environment
from infra.served import _first_sentence
from infra.stack_secrets import load_or_create

FUNCTIONS = ("chat", "process", "callback", "tool")


@pytest.fixture
def resolved(tmp_path):
    return Resolved(
        config=StackConfig("test", "1", "cn-beijing", "https://agent.example", "b", cloud_url="http://127.0.0.1:1"),
        secrets=load_or_create(tmp_path / "keys.json", []),
        sign_in_client_id="4567",
        workload_identity="fujie-test-agent",
        database_url="sqlite+aiosqlite:////tmp/x.db",
        process_url="http://127.0.0.1:2",
        tool_url="http://127.0.0.1:3",
        mcp_server="http://127.0.0.1:1/mcp",
        endpoints={"api.example": "http://127.0.0.1:1/api"},
        llm={"FUJIE_LLM_API_KEY": "k"},
    )


def holders(resolved, variable):
    return {name for name in FUNCTIONS if variable in function_environment(name, resolved)}


def test_only_tool_and_callback_can_open_delegations(resolved):
    assert holders(resolved, "FUJIE_SEALING_PRIVATE_KEY") == {"tool", "callback"}


def test_each_minter_has_its_own_signing_key(resolved):
    keys = {name: function_environment(name, resolved).get("FUJIE_INTERNAL_SIGNING_KEY") for name in FUNCTIONS}
    assert keys.pop("tool") is None
    assert len(set(keys.values())) == 3


def test_only_process_signs_the_agent_card_and_with_a_key_for_nothing_else(resolved):
    assert holders(resolved, "FUJIE_CARD_KEY") == {"process"}
    environment = function_environment("process", resolved)
    assert environment["FUJIE_CARD_KEY"] != environment["FUJIE_INTERNAL_SIGNING_KEY"]


def test_only_process_knows_the_models_key(resolved):
    assert holders(resolved, "FUJIE_LLM_API_KEY") == {"process"}


def test_only_tool_knows_where_partners_are(resolved):
    assert holders(resolved, "FUJIE_ENDPOINTS") == {"tool"}


def test_what_is_said_of_another_agent_reaches_those_who_say_it(resolved):
    about = AgentAbout("Contacts", "找人。", ("Find a contact by name.",))
    other = replace(resolved, agent_about=about)
    assert holders(other, "FUJIE_AGENT_ABOUT") == {"chat", "callback"}
    assert settings_from_environ(function_environment("chat", other)).agent_about == about
    assert settings_from_environ(function_environment("chat", resolved)).agent_about is None


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}'])
def test_words_of_an_agent_that_are_not_whole_are_refused(text):
    with pytest.raises(SettingsError, match="FUJIE_AGENT_ABOUT"):
        settings_from_environ({"FUJIE_AGENT_ABOUT": text})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Find a contact.", "Find a contact."),
        ("Find a contact\nby name. It takes\n\nan hour.", "Find a contact by name."),
        ("查找联系人。只读。", "查找联系人。"),
        ("", ""),
        ("x" * 500, "x" * 120),
    ],
)
def test_people_are_told_the_first_sentence(text, sentence):
    assert _first_sentence(text) == sentence


def test_every_environment_fits_the_platforms_limit(resolved):
    for name in FUNCTIONS:
        environment = function_environment(name, resolved)
        assert sum(len(key) + len(value) for key, value in environment.items()) < 4096
