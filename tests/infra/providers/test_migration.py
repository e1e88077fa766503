"""The event that prepares a store: sent for each new migration, and refused in one sentence where nobody takes it."""

import json

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from infra.providers.errors import CloudRefusal
from infra.providers.migration import MigrationProvider

PROPS = {"function": "fujie-dev-process", "revision": "0006", "store": "a"}


@pytest.fixture
def provider(cloud, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloud.access_key_id)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloud.access_key_secret)
    made = MigrationProvider()
    made.configure(ConfigureRequest(Config({"fujie:region": cloud.region, "fujie:cloud_url": cloud.url}, "fujie")))
    return made


@pytest.fixture
def sent(provider):
    """Return what Function Compute was sent; its client alone stands in."""
    calls = []

    class Client:
        def invoke_function_with_options(self, function, request, headers, _):
            calls.append((function, json.loads(request.body.read()), headers.x_fc_invocation_type))

    provider.clients.__dict__["fc"] = Client()
    return calls


def test_a_new_stack_sends_the_event_asynchronously(provider, sent):
    made = provider.create(PROPS)
    assert sent == [("fujie-dev-process", {"type": "migrate"}, "Async")]
    assert made.outs == PROPS


@pytest.mark.parametrize("change", [{"revision": "0007"}, {"store": "b"}, {"function": "fujie-dev-other"}])
def test_another_migration_store_or_function_sends_it_again_in_place(provider, sent, change):
    told = provider.diff("id", PROPS, PROPS | change)
    assert told.changes
    assert not told.replaces
    provider.update("id", PROPS, PROPS | change)
    assert len(sent) == 1


def test_nothing_new_sends_nothing(provider):
    assert not provider.diff("id", PROPS, dict(PROPS)).changes


def test_a_function_that_is_not_there_is_a_refusal_in_one_sentence(provider):
    with pytest.raises(CloudRefusal, match="migration by fujie-dev-process: FunctionNotFound"):
        provider.create(PROPS)


def test_a_revision_is_needed(provider):
    assert [each.property for each in provider.check({}, PROPS | {"revision": ""}).failures] == ["revision"]
