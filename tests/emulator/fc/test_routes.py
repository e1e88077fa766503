"""InvokeFunction over the wire, called by the official client."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import httpx2
import pytest
from alibabacloud_fc20230330.client import Client
from alibabacloud_fc20230330.models import InvokeFunctionHeaders, InvokeFunctionRequest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from fujie_emulator.core.iam import assume_role
from fujie_emulator.testing import running

HANDLER = """
import json
def handler(event, context):
    print("handling", context.request_id)
    if event == b"raise":
        raise ValueError("no")
    return {"got": event.decode(), "request_id": context.request_id}
"""
MARKING = """
import os
def handler(event, context):
    if os.environ.get("BROKEN"):
        raise RuntimeError("not yet")
    with open(os.environ["MARK"], "ab") as file:
        file.write(event + b"\\n")
"""
TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}


@pytest.fixture
def emulator(tmp_path):
    with running(tmp_path / "state") as cloud:
        yield cloud


@pytest.fixture
def function(emulator, tmp_path):
    (tmp_path / "main.py").write_text(HANDLER)
    declare(emulator, "f", code_dir=str(tmp_path))
    return "f"


def declare(emulator, name, **document):
    body = {"runtime": "python3.12", "handler": "main.handler"} | document
    answer = put(emulator, f"functions/{name}", body)
    assert answer.status_code == 200, answer.text


def put(emulator, path, body, **headers):
    return httpx2.put(
        f"{emulator.url}/_fujie/{path}", json=body, headers=emulator.admin_headers | headers, trust_env=False
    )


def client(url, key_id, secret, token=None):
    endpoint = url.removeprefix("http://")
    config = Config(
        access_key_id=key_id, access_key_secret=secret, security_token=token, endpoint=endpoint, protocol="http"
    )
    return Client(config)


def invoke(caller, name, body=b"hello", **headers):
    request = InvokeFunctionRequest(body=body)
    return caller.invoke_function_with_options(name, request, InvokeFunctionHeaders(**headers), RuntimeOptions())


def root(emulator):
    return client(emulator.url, emulator.access_key_id, emulator.access_key_secret)


def status(url):
    return httpx2.get(f"{url}/_fujie/functions", trust_env=False).json()


def until(condition, deadline_s=15.0):
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return value


def test_a_synchronous_invocation_returns_the_answer(emulator, function):
    answer = invoke(root(emulator), function)
    body = json.loads(answer.body.read())
    assert (answer.status_code, body["got"]) == (200, "hello")
    assert answer.headers["x-fc-request-id"] == body["request_id"]


def test_the_answer_carries_the_tail_of_the_functions_log_when_asked(emulator, function):
    """What the function prints reaches its log beside the answer, so the tail may be one invocation behind."""

    def tail():
        answer = invoke(root(emulator), function, x_fc_log_type="Tail")
        return base64.b64decode(answer.headers["x-fc-log-result"])

    assert until(lambda: b"handling" in tail())


def test_a_functions_own_failure_is_an_answer_with_an_error_type(emulator, function):
    answer = invoke(root(emulator), function, b"raise")
    assert (answer.status_code, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")
    assert json.loads(answer.body.read())["errorMessage"] == "no"


def test_an_asynchronous_invocation_is_accepted_and_delivered(emulator, tmp_path):
    (tmp_path / "main.py").write_text(MARKING)
    mark = tmp_path / "mark"
    declare(emulator, "f", code_dir=str(tmp_path), env={"MARK": str(mark)})
    answer = invoke(root(emulator), "f", b"event", x_fc_invocation_type="Async")
    assert answer.status_code == 202
    until(lambda: mark.exists() and mark.read_bytes() == b"event\n")
    until(lambda: status(emulator.url)["f"]["undelivered"] == 0)
    assert status(emulator.url)["f"]["in_flight"] == 0


@pytest.mark.parametrize("statement", ["none", "other function", "denied", "allowed"])
def test_a_role_needs_leave_to_invoke_this_very_function(emulator, function, statement):
    cloud = emulator.cloud
    resource = f"acs:fc:{cloud.region}:{cloud.account_id}:functions/{'g' if statement == 'other function' else 'f'}"
    allow = {"Effect": "Allow", "Action": "fc:InvokeFunction", "Resource": resource}
    deny = {"Effect": "Deny", "Action": "fc:*", "Resource": "*"}
    statements = {"none": [], "other function": [allow], "denied": [allow, deny], "allowed": [allow]}[statement]
    key = role_key(emulator, statements)
    caller = client(emulator.url, key.access_key_id, key.access_key_secret, key.security_token)
    if statement == "allowed":
        assert invoke(caller, function).status_code == 200
        expected = (200, "Allow")
    else:
        with pytest.raises(ClientException) as refused:
            invoke(caller, function)
        assert refused.value.code == "NoPermission"
        expected = (403, "Deny")
    rows = httpx2.get(f"{emulator.url}/_fujie/requests", trust_env=False).json()["requests"]
    (row,) = [row for row in rows if row["service"] == "fc"]
    assert (row["action"], row["caller"]["type"]) == ("InvokeFunction", "role")
    assert (row["status"], row["decision"]["effect"]) == expected


def role_key(emulator, statements):
    """A key of a new role that may do what the statements say."""
    from fujie_emulator.core.call import Caller, RpcCall
    from fujie_emulator.ram.routes import ACTIONS

    cloud = emulator.cloud
    owner = Caller("root", f"acs:ram::{cloud.account_id}:root", "root", emulator.access_key_id)

    def ram(action, **params):
        ACTIONS[action](cloud, RpcCall("ram", action, params, owner, "r"))

    ram("CreateRole", RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST))
    if statements:
        document = json.dumps({"Version": "1", "Statement": statements})
        ram("CreatePolicy", PolicyName="p", PolicyDocument=document)
        ram("AttachPolicyToRole", PolicyType="Custom", PolicyName="p", RoleName="caller")
    principal = {"Service": "fc.aliyuncs.com"}
    return assume_role(cloud, "caller", principal=principal, session_name="test", duration_s=900)


@pytest.mark.parametrize(
    ("name", "body", "headers", "status", "code"),
    [
        ("nobody", b"x", {}, 404, "FunctionNotFound"),
        ("nobody", b"x", {"x_fc_invocation_type": "Async"}, 404, "FunctionNotFound"),
        ("f", b"x", {"x_fc_invocation_type": "Later"}, 400, "InvalidArgument"),
        ("f", b"x" * (128 * 1024 + 1), {"x_fc_invocation_type": "Async"}, 413, "EntityTooLarge"),
    ],
)
def test_what_cannot_be_invoked_is_refused_by_name(emulator, function, name, body, headers, status, code):
    with pytest.raises(ClientException) as refused:
        invoke(root(emulator), name, body, **headers)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert emulator.cloud.store.list("fc", "delivery") == []


def test_an_unsigned_or_wrongly_signed_call_is_refused_and_invokes_nothing(emulator, function):
    path = f"{emulator.url}/2023-03-30/functions/f/invocations"
    assert httpx2.post(path, content=b"x", trust_env=False).status_code == 400
    with pytest.raises(ClientException, match="SignatureDoesNotMatch"):
        invoke(client(emulator.url, emulator.access_key_id, "not the secret"), function)
    assert status(emulator.url)["f"]["invocations"] == 0


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"runtime": "python2"}, "runtime must be one of"),
        ({"handler": "handler"}, "handler must be"),
        ({"code_dir": "relative"}, "code_dir must be the absolute path"),
        ({"instance_concurrency": 5}, "instance_concurrency must be 1"),
        ({"env": {"FC_REGION": "x"}}, "env.FC_REGION must be"),
        ({"env": {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x"}}, "env.ALIBABA_CLOUD_ACCESS_KEY_ID must be"),
        ({"env": {"A": 1}}, "env must be an object of strings"),
        ({"env": {"A": "x" * 4096}}, "at most 4096 bytes"),
        ({"timeout_s": 0}, "timeout_s must be"),
        ({"timeout": 3}, "timeout must be absent"),
        ({"trigger_port": True}, "trigger_port must be"),
    ],
)
def test_a_wrong_declaration_is_refused_with_what_would_be_right(emulator, tmp_path, document, words):
    body = {"runtime": "python3.12", "handler": "main.handler", "code_dir": str(tmp_path)} | document
    answer = put(emulator, "functions/f", body)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")
    assert words in answer.json()["Message"]
    assert status(emulator.url) == {}


def test_the_origin_serves_the_table_that_was_put(emulator, function, tmp_path):
    body = {"port": 0, "routes": [["/f*", "f"]]}
    port = put(emulator, "routes", body).json()["port"]
    assert httpx2.get(f"http://127.0.0.1:{port}/f/x", trust_env=False).status_code == 200
    assert httpx2.get(f"http://127.0.0.1:{port}/g", trust_env=False).status_code == 404
    wrong = put(emulator, "routes", {"port": 0, "routes": [["f", "f"]]})
    assert wrong.status_code == 400


def test_a_web_page_cannot_declare_functions(emulator, tmp_path):
    assert put(emulator, "functions/f", {}, origin="https://evil.example").status_code == 403


def test_another_user_of_this_machine_cannot_declare_functions(emulator, function):
    for token in ("", "x" * 43, emulator.cloud.admin_token[:-1]):
        assert put(emulator, "functions/f", {}, **{"x-fujie-admin": token}).status_code == 403
    assert httpx2.post(f"{emulator.url}/_fujie/functions/f/restart", trust_env=False).status_code == 403


def process(ready):
    return SimpleNamespace(url=ready["url"], admin_headers={"x-fujie-admin": ready["admin_token"]})


@contextmanager
def emulator_process(tmp_path):
    """The emulator as a program of its own; killed with SIGKILL at the end."""
    ready = tmp_path / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "fujie_emulator", "start", "--port", "0", "--state", tmp_path / "state"]
    process = subprocess.Popen([*command, "--ready-file", ready])
    try:
        until(ready.exists)
        yield json.loads(ready.read_text())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_an_acknowledged_event_survives_kill_9_of_the_emulator(tmp_path):
    (tmp_path / "main.py").write_text(MARKING)
    mark = tmp_path / "mark"
    environment = {"MARK": str(mark)}
    with emulator_process(tmp_path) as ready:
        declare(process(ready), "f", code_dir=str(tmp_path), env=environment | {"BROKEN": "1"})
        caller = client(ready["url"], ready["access_key_id"], ready["access_key_secret"])
        assert invoke(caller, "f", b"kept", x_fc_invocation_type="Async").status_code == 202
    assert not mark.exists()
    with emulator_process(tmp_path) as ready:
        declare(process(ready), "f", code_dir=str(tmp_path), env=environment)
        until(lambda: status(ready["url"])["f"]["undelivered"] == 0)
    assert mark.read_bytes() == b"kept\n"
