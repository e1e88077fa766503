"""The secret of a sign-in application, as the engine has it made, exchanged and taken away."""

import pytest
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from fujie_emulator.ims import state
from fujie_emulator.testing import running
from infra.providers.application_secret import ApplicationSecretProvider


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def provider(cloud, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloud.access_key_id)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloud.access_key_secret)
    made = ApplicationSecretProvider()
    made.configure(ConfigureRequest(Config({"fujie:region": cloud.region, "fujie:cloud_url": cloud.url}, "fujie")))
    return made


@pytest.fixture
def app_id(cloud, request):
    name = request.node.name[:60].replace("[", "-").replace("]", "")
    wanted = state.Application(
        "", name, name, "WebApp", "2.1", False, False, ("https://a.example/cb",), ("openid",), ("openid",), 3600, 7200
    )
    return state.create(cloud.cloud, wanted).app_id


def test_a_secret_is_made_read_and_taken_away(provider, cloud, app_id):
    made = provider.create({"app_id": app_id, "generation": 1})
    assert state.secret_matches(cloud.cloud, app_id, made.outs["value"])
    assert provider.read(made.id, made.outs).outs == made.outs
    provider.delete(made.id, made.outs)
    assert provider.read(made.id, made.outs).id == ""
    provider.delete(made.id, made.outs)


def test_another_generation_is_another_secret_while_the_old_one_still_serves(provider, cloud, app_id):
    old = provider.create({"app_id": app_id, "generation": 1})
    assert provider.diff(old.id, old.outs, {"app_id": app_id, "generation": 2}).replaces == ["generation"]
    new = provider.create({"app_id": app_id, "generation": 2})
    assert all(state.secret_matches(cloud.cloud, app_id, each.outs["value"]) for each in (old, new))


def test_what_an_interrupted_create_left_makes_room_and_not_the_one_in_use(provider, cloud, app_id):
    used = provider.create({"app_id": app_id, "generation": 1})
    cloud.cloud.clock.advance(2)
    lost = state.create_secret(cloud.cloud, app_id)
    made = provider.create({"app_id": app_id, "generation": 2})
    assert state.secret_matches(cloud.cloud, app_id, used.outs["value"])
    assert state.secret_matches(cloud.cloud, app_id, made.outs["value"])
    assert not state.secret_matches(cloud.cloud, app_id, lost["AppSecretValue"])


def test_the_first_secret_is_the_only_one(provider, cloud, app_id):
    lost = state.create_secret(cloud.cloud, app_id)
    made = provider.create({"app_id": app_id, "generation": 1})
    assert [each["AppSecretId"] for each in state.app_secrets(cloud.cloud, app_id)] == [made.id]
    assert not state.secret_matches(cloud.cloud, app_id, lost["AppSecretValue"])


def test_the_secret_of_an_application_that_is_gone_is_gone(provider, cloud, app_id):
    made = provider.create({"app_id": app_id, "generation": 1})
    state.delete(cloud.cloud, app_id)
    assert provider.read(made.id, made.outs).id == ""
    provider.delete(made.id, made.outs)
