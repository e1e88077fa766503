"""Functions, triggers, domains and settings as resources, through the official client."""

import json

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from fujie_emulator.core.iam import assume_role
from fujie_emulator.oss import objects, state
from fujie_emulator.testing import running
from tests.emulator.fc.packing import zipped
from tests.emulator.oss.storing import stored

HTTP = json.dumps({"authType": "anonymous", "methods": ["GET"]})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        state.create_bucket(served.cloud, "code")
        stored(served.cloud, "code", "f.zip", zipped(**{"main.py": "def handler(event, context):\n    return event"}))
        yield served


def client_of(cloud, key_id=None, secret=None, token=None):
    key = {"access_key_id": key_id or cloud.access_key_id, "access_key_secret": secret or cloud.access_key_secret}
    return Client(Config(endpoint=cloud.url.removeprefix("http://"), protocol="http", security_token=token, **key))


@pytest.fixture(scope="module")
def fc(cloud):
    return client_of(cloud)


def asked(name="f", **changes):
    fields = {
        "function_name": name,
        "runtime": "python3.12",
        "handler": "main.handler",
        "code": models.InputCodeLocation(oss_bucket_name="code", oss_object_name="f.zip"),
    } | changes
    return models.CreateFunctionRequest(body=models.CreateFunctionInput(**fields))


def refusal(ask, *arguments):
    with pytest.raises(ClientException) as refused:
        ask(*arguments)
    return (refused.value.code, refused.value.status_code)


def test_a_function_is_made_read_listed_changed_and_deleted(fc, cloud):
    made = fc.create_function(asked("life", environment_variables={"A": "1"}, cpu=1, memory_size=1024)).body
    read = fc.get_function("life", models.GetFunctionRequest()).body
    assert made.to_map() == read.to_map()
    assert read.function_arn == f"acs:fc:{cloud.region}:{cloud.account_id}:functions/life"
    assert (read.state, read.timeout, read.internet_access) == ("Active", 3, True)
    found = objects.get_object(cloud.cloud, "code", "f.zip")
    assert (read.code_checksum, read.code_size) == (found.crc64, found.size)
    assert refusal(fc.create_function, asked("life")) == ("FunctionAlreadyExists", 409)
    change = models.UpdateFunctionInput(environment_variables={"B": "2"}, timeout=60)
    fc.update_function("life", models.UpdateFunctionRequest(body=change))
    read = fc.get_function("life", models.GetFunctionRequest()).body
    assert (read.environment_variables, read.timeout, read.memory_size) == ({"B": "2"}, 60, 1024)
    listed = fc.list_functions(models.ListFunctionsRequest(prefix="li")).body.functions
    assert [function.function_name for function in listed] == ["life"]
    fc.delete_function("life")
    assert refusal(fc.get_function, "life", models.GetFunctionRequest()) == ("FunctionNotFound", 404)
    assert refusal(fc.delete_function, "life") == ("FunctionNotFound", 404)


def test_functions_are_listed_by_page(fc):
    for name in ("page-a", "page-b", "page-c"):
        fc.create_function(asked(name))
    first = fc.list_functions(models.ListFunctionsRequest(prefix="page-", limit=2)).body
    rest = fc.list_functions(models.ListFunctionsRequest(prefix="page-", limit=2, next_token=first.next_token)).body
    names = [function.function_name for function in first.functions + rest.functions]
    assert (names, rest.next_token) == (["page-a", "page-b", "page-c"], None)


def trigger(name="http", config=HTTP, sort="http"):
    return models.CreateTriggerRequest(
        body=models.CreateTriggerInput(trigger_name=name, trigger_type=sort, trigger_config=config)
    )


def test_a_trigger_is_made_read_changed_and_goes_with_its_function(fc):
    fc.create_function(asked("hooked"))
    made = fc.create_trigger("hooked", trigger()).body
    assert fc.get_trigger("hooked", "http").body.to_map() == made.to_map()
    assert json.loads(made.trigger_config)["authType"] == "anonymous"
    assert refusal(fc.create_trigger, "hooked", trigger()) == ("TriggerAlreadyExists", 409)
    assert refusal(fc.create_trigger, "hooked", trigger("second")) == ("InvalidArgument", 400)
    config = json.dumps({"authType": "function", "methods": ["POST"]})
    fc.update_trigger(
        "hooked", "http", models.UpdateTriggerRequest(body=models.UpdateTriggerInput(trigger_config=config))
    )
    (listed,) = fc.list_triggers("hooked", models.ListTriggersRequest()).body.triggers
    assert (listed.trigger_id, listed.trigger_config) == (made.trigger_id, config)
    fc.delete_trigger("hooked", "http")
    assert refusal(fc.get_trigger, "hooked", "http") == ("TriggerNotFound", 404)
    fc.create_trigger("hooked", trigger())
    fc.delete_function("hooked")
    fc.create_function(asked("hooked"))
    assert refusal(fc.get_trigger, "hooked", "http") == ("TriggerNotFound", 404)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"function_name": "1f"}, "InvalidArgument"),
        ({"runtime": "cobol"}, "InvalidArgument"),
        ({"handler": None}, "InvalidArgument"),
        ({"memory_size": 100}, "InvalidArgument"),
        ({"memory_size": 513}, "InvalidArgument"),
        ({"cpu": 4, "memory_size": 512}, "InvalidArgument"),
        ({"timeout": 0}, "InvalidArgument"),
        ({"instance_concurrency": 2}, "InvalidArgument"),
        ({"disk_size": 1024}, "InvalidArgument"),
        ({"environment_variables": {"A": "x" * 4096}}, "InvalidArgument"),
        ({"code": None}, "InvalidArgument"),
        ({"code": models.InputCodeLocation(oss_bucket_name="code", oss_object_name="none")}, "InvalidArgument"),
        (
            {"code": models.InputCodeLocation(oss_bucket_name="code", oss_object_name="f.zip", checksum="1")},
            "InvalidArgument",
        ),
        ({"code": models.InputCodeLocation(zip_file="UEs=")}, "UnsupportedOperation"),
        ({"runtime": "custom-container"}, "UnsupportedOperation"),
        ({"runtime": "nodejs20"}, "UnsupportedOperation"),
        ({"nas_config": models.NASConfig(user_id=1)}, "UnsupportedOperation"),
    ],
)
def test_a_wrong_function_is_refused(fc, changes, code):
    assert refusal(fc.create_function, asked(**({"function_name": "wrong"} | changes))) == (code, 400)


@pytest.fixture(scope="module")
def target(fc):
    return fc.create_function(asked("target")).body.function_name


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (trigger(config="{"), "InvalidArgument"),
        (trigger(config='{"methods":[]}'), "InvalidArgument"),
        (trigger(config='{"methods":["BREW"]}'), "InvalidArgument"),
        (trigger(config='{"methods":["GET"],"authType":"magic"}'), "InvalidArgument"),
        (trigger(name="a b"), "InvalidArgument"),
        (trigger(sort="log"), "UnsupportedOperation"),
    ],
)
def test_a_wrong_trigger_is_refused(fc, target, request_, code):
    assert refusal(fc.create_trigger, target, request_) == (code, 400)


def test_a_role_may_only_what_it_was_given_and_pass_on_only_what_it_may(fc, cloud):
    ram = cloud.cloud.iam.ram
    service = {"Service": "fc.aliyuncs.com"}
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": service}]}
    ram.create_role("deployer", json.dumps(trust), "", 3600, [])
    ram.attach("System", "AliyunFCFullAccess", "deployer")
    issued = assume_role(cloud.cloud, "deployer", principal=service, session_name="s1", duration_s=900)
    deployer = client_of(cloud, issued.access_key_id, issued.access_key_secret, issued.security_token)
    deployer.create_function(asked("deployed"))
    powerful = asked("powerful", role=f"acs:ram::{cloud.account_id}:role/admin")
    assert refusal(deployer.create_function, powerful) == ("NoPermission", 403)
    ram.detach("System", "AliyunFCFullAccess", "deployer")
    assert refusal(deployer.delete_function, "deployed") == ("NoPermission", 403)


def test_functions_outlive_a_restart(tmp_path):
    for write in (True, False):
        with running(tmp_path) as cloud:
            if write:
                state.create_bucket(cloud.cloud, "code")
                stored(cloud.cloud, "code", "f.zip", zipped())
                client_of(cloud).create_function(asked("kept"))
            else:
                assert client_of(cloud).get_function("kept", models.GetFunctionRequest()).body.state == "Active"
