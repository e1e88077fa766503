"""Versions, aliases and layers through the official client: what was published is what runs."""

import json

import httpx2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from fujie_emulator.fc import versions
from fujie_emulator.oss import state
from fujie_emulator.testing import running
from tests.emulator.fc.packing import zipped
from tests.emulator.oss.storing import stored

TELLING = """
import json, os

try:
    from layered import WORD
except ImportError:
    WORD = None

def handler(event, context):
    place = os.environ.get("LD_LIBRARY_PATH", "")
    files = sorted(os.listdir(place)) if place else []
    return {"said": "%s", "layer": WORD, "files": files, "version": os.environ["FC_QUALIFIER"]}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        state.create_bucket(served.cloud, "code")
        for word in ("first", "second"):
            stored(served.cloud, "code", f"{word}.zip", zipped(**{"main.py": TELLING % word}))
            layer = {"python/layered.py": f"WORD = {word!r}", f"lib/{word}": "", "lib/both": word}
            stored(served.cloud, "code", f"layer-{word}.zip", zipped(**layer))
        yield served


@pytest.fixture(scope="module")
def fc(cloud):
    key = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret}
    return Client(Config(endpoint=cloud.url.removeprefix("http://"), protocol="http", **key))


def code(name):
    return models.InputCodeLocation(oss_bucket_name="code", oss_object_name=name)


def create(fc, name, **changes):
    fields = {"function_name": name, "runtime": "python3.12", "handler": "main.handler", "timeout": 20}
    body = models.CreateFunctionInput(**fields | {"code": code("first.zip")} | changes)
    return fc.create_function(models.CreateFunctionRequest(body=body)).body


def update(fc, name, **changes):
    fc.update_function(name, models.UpdateFunctionRequest(body=models.UpdateFunctionInput(**changes)))


def publish(fc, name):
    return fc.publish_function_version(name, models.PublishFunctionVersionRequest()).body.version_id


def alias(fc, name, version, **weights):
    body = models.CreateAliasInput(alias_name="live", version_id=version, additional_version_weight=weights or None)
    return fc.create_alias(name, models.CreateAliasRequest(body=body)).body


def move(fc, name, version, weights):
    body = models.UpdateAliasInput(version_id=version, additional_version_weight=weights)
    fc.update_alias(name, "live", models.UpdateAliasRequest(body=body))


def said(fc, name, qualifier=None):
    answer = fc.invoke_function(name, models.InvokeFunctionRequest(qualifier=qualifier, body=b""))
    return json.loads(answer.body.read())


def refusal(ask, *arguments):
    with pytest.raises(ClientException) as refused:
        ask(*arguments)
    return refused.value.code


def test_a_version_stays_what_it_was_published_as_and_an_alias_says_which_one_is_asked(fc):
    create(fc, "life")
    assert publish(fc, "life") == "1"
    alias(fc, "life", "1")
    update(fc, "life", code=code("second.zip"))
    assert [said(fc, "life", each)["said"] for each in (None, "1", "live")] == ["second", "first", "first"]
    assert said(fc, "life", "live")["version"] == "1"
    assert publish(fc, "life") == "2"
    move(fc, "life", "2", {})
    assert said(fc, "life", "live")["said"] == "second"
    assert refusal(fc.delete_function_version, "life", "2") == "InvalidArgument"
    fc.delete_function_version("life", "1")
    assert refusal(said, fc, "life", "1") == "FunctionNotFound"
    listed = fc.list_function_versions("life", models.ListFunctionVersionsRequest()).body.versions
    assert [each.version_id for each in listed] == ["2"]


def test_what_a_qualifier_stands_for_is_read_back(fc):
    create(fc, "read")
    publish(fc, "read")
    alias(fc, "read", "1")
    update(fc, "read", timeout=30)
    timeouts = [
        fc.get_function("read", models.GetFunctionRequest(qualifier=each)).body.timeout for each in (None, "1", "live")
    ]
    assert timeouts == [30, 20, 20]
    missing = models.GetFunctionRequest(qualifier="7")
    assert refusal(fc.get_function, "read", missing) == "VersionNotFound"
    assert refusal(fc.get_alias, "read", "none") == "AliasNotFound"


def test_an_alias_with_weights_names_one_version_or_the_other(fc, cloud, monkeypatch):
    create(fc, "both")
    publish(fc, "both")
    update(fc, "both", code=code("second.zip"))
    publish(fc, "both")
    alias(fc, "both", "1")
    move(fc, "both", "1", {"2": 0.25})
    drawn = iter((0.2, 0.3))
    monkeypatch.setattr(versions.random, "random", lambda: next(drawn))
    assert [versions.resolve(cloud.cloud, "both:live") for _ in range(2)] == ["both:2", "both:1"]


@pytest.mark.parametrize("weights", [{"1": 2.0}, {"1": 0.6, "2": 0.6}, {"9": 0.1}])
def test_shares_that_cannot_be_are_refused(fc, weights):
    body = models.CreateAliasInput(alias_name="live", version_id="1", additional_version_weight=weights)
    try:
        create(fc, "shares")
        publish(fc, "shares")
        publish(fc, "shares")
        assert refusal(fc.create_alias, "shares", models.CreateAliasRequest(body=body)) in (
            "InvalidArgument",
            "VersionNotFound",
        )
    finally:
        fc.delete_function("shares")


def test_a_trigger_leads_to_the_version_that_its_alias_names(fc):
    create(fc, "hooked")
    publish(fc, "hooked")
    alias(fc, "hooked", "1")
    update(fc, "hooked", code=code("second.zip"))
    config = json.dumps({"authType": "anonymous", "methods": ["GET"]})
    urls = []
    for qualifier in ("LATEST", "live"):
        body = models.CreateTriggerInput(
            trigger_name=f"http-{qualifier}", trigger_type="http", qualifier=qualifier, trigger_config=config
        )
        made = fc.create_trigger("hooked", models.CreateTriggerRequest(body=body)).body
        urls.append(made.http_trigger.url_internet)
    assert [httpx2.get(url, trust_env=False).json()["said"] for url in urls] == ["second", "first"]


def test_versions_outlive_a_restart_and_go_with_their_function(tmp_path):
    with running(tmp_path) as first:
        state.create_bucket(first.cloud, "code")
        stored(first.cloud, "code", "first.zip", zipped(**{"main.py": TELLING % "first"}))
        stored(first.cloud, "code", "second.zip", zipped(**{"main.py": TELLING % "second"}))
        key = {"access_key_id": first.access_key_id, "access_key_secret": first.access_key_secret}
        fc = Client(Config(endpoint=first.url.removeprefix("http://"), protocol="http", **key))
        create(fc, "old")
        publish(fc, "old")
        update(fc, "old", code=code("second.zip"))
    with running(tmp_path) as again:
        key = {"access_key_id": again.access_key_id, "access_key_secret": again.access_key_secret}
        fc = Client(Config(endpoint=again.url.removeprefix("http://"), protocol="http", **key))
        assert (said(fc, "old")["said"], said(fc, "old", "1")["said"]) == ("second", "first")
        fc.delete_function("old")
        create(fc, "old")
        assert refusal(said, fc, "old", "1") == "FunctionNotFound"


def layer(fc, word):
    asked = models.CreateLayerVersionInput(code=code(f"layer-{word}.zip"), compatible_runtime=["python3.12"])
    return fc.create_layer_version("words", models.CreateLayerVersionRequest(body=asked)).body


def test_layers_lie_below_opt_the_later_over_the_earlier(fc):
    first, second = layer(fc, "first"), layer(fc, "second")
    arns = [first.layer_version_arn, second.layer_version_arn]
    made = create(fc, "layered", layers=arns, environment_variables={"LD_LIBRARY_PATH": "/opt/lib"})
    assert [each.arn for each in made.layers] == arns
    told = said(fc, "layered")
    assert (told["layer"], told["files"]) == ("second", ["both", "first", "second"])
    update(fc, "layered", layers=arns[:1])
    assert said(fc, "layered")["layer"] == "first"


def test_a_layer_that_was_deleted_stays_with_the_functions_that_have_it(fc):
    made = layer(fc, "first")
    create(fc, "keeps", layers=[made.layer_version_arn])
    fc.delete_layer_version("words", str(made.version))
    assert refusal(fc.get_layer_version, "words", str(made.version)) == "LayerVersionNotFound"
    assert said(fc, "keeps")["layer"] == "first"
    assert refusal(lambda: create(fc, "late", layers=[made.layer_version_arn])) == "InvalidArgument"
    assert refusal(lambda: create(fc, "many", layers=[made.layer_version_arn] * 6)) == "InvalidArgument"


def test_a_layers_versions_are_listed(fc):
    made = layer(fc, "second")
    listed = fc.list_layer_versions("words", models.ListLayerVersionsRequest()).body.layers
    assert made.version in [each.version for each in listed]
    (newest,) = fc.list_layers(models.ListLayersRequest(prefix="wor")).body.layers
    assert newest.version == made.version
