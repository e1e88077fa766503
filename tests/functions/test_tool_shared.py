"""Two instances of tool over one store, with and without a key for the credentials that they share."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from fujie.errors import FujieError
from fujie.fc.handler import fc_handler
from fujie.identity.keys import new_wrapping_key
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from functions.tool.app import create_app
from functions.tool.manifest import TOOLS
from functions.tool.parts import parts_from_settings
from tests.functions.test_tool import WEATHER, event
from tests.functions.tool_world import ALICE, Loopback, add_person, settings_for, token_for

ARGUMENTS = {"city": "Hangzhou"}


@pytest.fixture
def asked_of_the_cloud(monkeypatch):
    """Return a function that has two new instances answer one question each, and says what each asked the cloud."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.tool")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "role-secret")
    store = MemoryStore()
    asyncio.run(add_person(store, ALICE, "alice"))

    def asked(**changes):
        found = []
        for _ in range(2):
            with Loopback() as world:
                world.pages[WEATHER] = (200, {}, {"condition": "sunny"})
                handler = fc_handler(
                    create_app(parts_from_settings(settings_for(world, **changes), TOOLS, store=store))
                )
                body = {"call_id": "call-1", "arguments": ARGUMENTS, "language": "en"}
                path, token = "/tools/get_weather/call", token_for("get_weather", ARGUMENTS)
                answer = handler(event("POST", path, json.dumps(body), token), SimpleNamespace())
                handler.close()
                assert answer["statusCode"] == 200
                [(_, _, headers, _)] = world.requests
                assert "canary-api-key" in str(headers)
                found.append([action for action, _ in world.actions])
        return found

    return asked


def test_by_default_each_instance_asks_for_itself(asked_of_the_cloud):
    both = ["GetWorkloadAccessTokenForJWT", "GetResourceAPIKey"]
    assert asked_of_the_cloud() == [both, both]


def test_with_a_key_the_second_asks_only_whom_the_users_token_names(asked_of_the_cloud):
    first, second = asked_of_the_cloud(shared_cache_key=new_wrapping_key())
    assert first == ["GetWorkloadAccessTokenForJWT", "GetResourceAPIKey"]
    assert second == ["GetWorkloadAccessTokenForJWT"]


def test_a_key_that_is_none_is_refused_at_the_start():
    with Loopback() as world, pytest.raises(FujieError, match="FUJIE_SHARED_CACHE_KEY"):
        parts_from_settings(settings_for(world, shared_cache_key=Secret("hunter2")), TOOLS, store=MemoryStore())


def test_a_key_in_kms_is_taken_by_its_id():
    with Loopback() as world:
        settings = settings_for(world, shared_cache_kms_key="key-1", kms_endpoint=world.url)
        assert parts_from_settings(settings, TOOLS, store=MemoryStore()).caller
