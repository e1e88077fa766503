"""The event that prepares a store: sent for each new migration, and refused in one sentence where nobody takes it."""

import json
from types import SimpleNamespace

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from infra.providers import migration
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
    client = provider.clients.__dict__["fc"] = Client()
    return client.calls


class NotThereError(Exception):
    status_code, code = 404, "AsyncTaskNotFound"


class Client:
    """Says of a task what `states` hold, one after the other; None is that it knows none."""

    def __init__(self, *states, error=""):
        self.calls, self.tasks, self.states, self.error = [], set(), list(states or ["Succeeded"]), error

    def invoke_function_with_options(self, function, request, headers, _):
        self.calls.append((function, json.loads(request.body.read()), headers.x_fc_invocation_type))
        self.tasks.add(headers.x_fc_async_task_id)

    def get_async_task(self, _function, task, _):
        assert task in self.tasks
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise NotThereError
        return SimpleNamespace(body=SimpleNamespace(status=state, task_error_message=self.error))


@pytest.fixture
def clock(monkeypatch):
    """Time passes by sleeping alone."""
    now = [0.0]
    monkeypatch.setattr(migration.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(migration.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_the_deployment_goes_on_once_the_migration_is_done(provider, clock):
    states = [None, "Enqueued", "Running", "Retrying", "Running", "Succeeded"]
    client = provider.clients.__dict__["fc"] = Client(*states)
    provider.create(PROPS)
    assert client.states == ["Succeeded"]


@pytest.mark.parametrize("state", ["Failed", "Expired", "Stopped", "Invalid"])
def test_a_migration_that_ends_otherwise_fails_the_deployment_in_one_sentence(provider, clock, state):
    provider.clients.__dict__["fc"] = Client("Running", state, error="no such\n table: runs")
    with pytest.raises(CloudRefusal) as refused:
        provider.create(PROPS)
    assert str(refused.value) == f"migration by fujie-dev-process {state.lower()}: no such table: runs"


@pytest.mark.parametrize(("state", "words"), [("Running", "it is Running"), (None, "it is not known")])
def test_a_migration_that_does_not_end_fails_the_deployment_too(provider, clock, state, words):
    provider.clients.__dict__["fc"] = Client(state)
    with pytest.raises(CloudRefusal, match=f"did not end within 900 s: {words}"):
        provider.update("id", PROPS, PROPS)
    assert clock[0] < 2 * migration.DEADLINE_S


def test_each_time_is_a_task_of_its_own(provider, sent):
    provider.create(PROPS)
    provider.update("id", PROPS, PROPS)
    assert len(provider.clients.fc.tasks) == 2


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
