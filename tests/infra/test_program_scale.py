"""The program with a stack that says how its functions grow: what the engine is told of it."""

import json

import pulumi
import pytest

from infra.scale import Scale
from tests.infra.mocked import ACCOUNT, run_program

LAYER = f"acs:fc:cn-beijing:{ACCOUNT}:layers/fonts/versions/3"
GROWING = {
    "session_affinity": "true",
    "instance_concurrency": '{"process": 40}',
    "max_instances": '{"chat": 5, "tool": 9}',
    "warm_instances": '{"chat": 2, "process": 1}',
    "layers": json.dumps([LAYER]),
    "shared_cache_kms_key": "key-hzz-1",
}


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield run_program(patch, tmp_path_factory.mktemp("packages"), **GROWING)


def affinity(function):
    return function["sessionAffinity"], json.loads(function["sessionAffinityConfig"])


def test_a_session_reaches_one_instance_of_chat_by_cookie_and_of_process_by_header(declared):
    functions = declared.of("V3Function")
    kind, config = affinity(functions["chat"])
    assert (kind, config["sessionConcurrencyPerInstance"]) == ("GENERATED_COOKIE", 100)
    assert "affinityHeaderFieldName" not in config
    kind, config = affinity(functions["process"])
    assert (kind, config["affinityHeaderFieldName"]) == ("HEADER_FIELD", "x-agentscope-runtime-session-id")
    assert config["sessionConcurrencyPerInstance"] == 40
    assert {functions[name]["instanceConcurrency"] for name in ("chat", "process")} == {200}
    assert not [name for name in ("callback", "tool") if functions[name].get("sessionAffinity")]


def test_without_affinity_an_instance_serves_as_many_requests_as_is_said(monkeypatch, tmp_path):
    functions = run_program(monkeypatch, tmp_path, instance_concurrency='{"process": 40}').of("V3Function")
    told = {name: each["instanceConcurrency"] for name, each in functions.items()}
    assert told == {"chat": 100, "process": 40, "callback": 1, "tool": 1}
    assert not [each for each in functions.values() if each.get("sessionAffinity")]


def test_what_is_reserved_and_what_is_up_is_what_the_stack_says_and_nothing_by_itself(declared, monkeypatch, tmp_path):
    reserved = {
        each["functionName"]: each["reservedConcurrency"] for each in declared.of("V3ConcurrencyConfig").values()
    }
    assert reserved == {"fujie-dev-chat": 5, "fujie-dev-tool": 9}
    warm = {each["functionName"]: each["target"] for each in declared.of("V3ProvisionConfig").values()}
    assert warm == {"fujie-dev-chat": 2, "fujie-dev-process": 1}
    plain = run_program(monkeypatch, tmp_path)
    assert not {"V3ConcurrencyConfig", "V3ProvisionConfig"} & {each.rpartition(":")[2] for each in plain.types()}


def test_layers_are_for_what_runs_agents_and_tools(declared):
    functions = declared.of("V3Function")
    assert {name for name, each in functions.items() if each.get("layers") == [LAYER]} == {"process", "tool"}
    environment = functions["process"]["environmentVariables"]
    assert environment["PYTHONPATH"] == "/opt/python"
    assert "/opt/lib" in environment["LD_LIBRARY_PATH"].split(":")


def test_shared_credentials_are_wrapped_by_a_key_in_kms_or_by_one_of_the_stack(declared, monkeypatch, tmp_path):
    environment = declared.of("V3Function")["tool"]["environmentVariables"]
    assert environment["FUJIE_SHARED_CACHE_KMS_KEY"] == "key-hzz-1"
    assert "FUJIE_SHARED_CACHE_KEY" not in environment
    allowed = json.loads(declared.of("Policy")["fujie-dev-tool-role-policy"]["policyDocument"])["Statement"]
    arn = f"acs:kms:cn-beijing:{ACCOUNT}:key/key-hzz-1"
    assert {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": [arn]} in allowed
    plain = run_program(monkeypatch, tmp_path)
    holders = {
        name
        for name, each in plain.of("V3Function").items()
        if "private of shared-cache" in each["environmentVariables"].get("FUJIE_SHARED_CACHE_KEY", "")
    }
    assert holders == {"tool"}
    assert "kms:" not in json.dumps(plain.of("Policy"))


def test_how_a_migration_ends_can_be_asked_of_process(declared):
    tasks = {each["functionName"]: each["asyncTask"] for each in declared.of("V3AsyncInvokeConfig").values()}
    assert [name for name, kept in tasks.items() if kept] == ["fujie-dev-process"]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("instance_concurrency", '{"tool": 5}', "instance_concurrency is 1 to 200, of chat and process"),
        ("instance_concurrency", '{"chat": 201}', "instance_concurrency"),
        ("instance_concurrency", '{"chat": "5"}', "instance_concurrency is not a map"),
        ("max_instances", '{"chat": 0}', "max_instances is 1 to 300"),
        ("max_instances", '{"door": 3}', "of chat, process, callback, tool"),
        ("warm_instances", '{"chat": 0}', "warm_instances is 1 or more"),
        ("layers", '["fonts"]', "layers are at most 5 ARNs"),
        ("session_affinity", '"yes"', "session_affinity is not true or false"),
    ],
)
def test_what_no_function_can_have_is_refused(monkeypatch, tmp_path, key, value, sentence):
    with pytest.raises(pulumi.RunError, match=sentence):
        run_program(monkeypatch, tmp_path, **{key: value})


def test_no_more_instances_can_be_up_than_there_may_be():
    checks = Scale(max_instances={"chat": 1}, warm_instances={"chat": 2}).checks()
    assert [sentence for sentence, holds in checks.items() if not holds] == ["warm_instances are at most max_instances"]
