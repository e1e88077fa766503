"""What the control plane was given runs: its package, its role, its triggers and its domains."""

import io
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from fujie_emulator.oss import state
from fujie_emulator.testing import running
from tests.emulator.fc.packing import zipped
from tests.emulator.oss.storing import stored

TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "fc.aliyuncs.com"}}],
}
TELLING = """
import json, os, sys, time
import beside

def handler(event, context):
    asked = json.loads(event) if event else {}
    seen = {}
    for name in ("fujie", "fujie_emulator.core", "httpx2"):
        try:
            __import__(name)
            seen[name] = True
        except ImportError:
            seen[name] = False
    return {
        "seen": seen, "beside": beside.WORD, "time": time.time(), "mine": os.environ.get("MINE"),
        "key": os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID"), "path": asked.get("rawPath"),
        "name": context.function.name,
    }
"""
SERVING = """
import http.server, json, os, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hold":
            open(os.environ["RELEASE"] + ".asked", "w").close()
            while not os.path.exists(os.environ["RELEASE"]):
                time.sleep(0.01)
        body = json.dumps({"path": self.path, "host": self.headers["host"], "word": os.environ.get("WORD"),
                           "pid": os.getpid(),
                           "argv": sys.argv[1:], "venv": "site-packages" in str(sys.path)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("x-fc-status", "404" if body == b"fail" else "200")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["FC_CUSTOM_LISTEN_PORT"])), Handler).serve_forever()
"""
PYTHON = "/var/fc/lang/python3.12/bin/python3"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        state.create_bucket(served.cloud, "code")
        stored(served.cloud, "code", "built-in.zip", zipped(**{"main.py": TELLING, "beside.py": "WORD = 'packed'"}))
        stored(served.cloud, "code", "custom.zip", zipped(**{"app/__init__.py": "", "app/main.py": SERVING}))
        served.cloud.iam.ram.create_role("worker", json.dumps(TRUST), "", 3600, [])
        yield served


@pytest.fixture(scope="module")
def fc(cloud):
    return client_of(cloud)


def client_of(cloud):
    key = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret}
    return Client(Config(endpoint=cloud.url.removeprefix("http://"), protocol="http", **key))


def create(fc, name, package="built-in.zip", **changes):
    fields = {
        "function_name": name,
        "runtime": "python3.12",
        "handler": "main.handler",
        "timeout": 20,
        "code": models.InputCodeLocation(oss_bucket_name="code", oss_object_name=package),
    } | changes
    return fc.create_function(models.CreateFunctionRequest(body=models.CreateFunctionInput(**fields))).body


def create_custom(fc, name, **changes):
    config = models.CustomRuntimeConfig(command=[PYTHON, "-m", "app.main"], args=["--word"], port=9000)
    return create(fc, name, "custom.zip", runtime="custom.debian11", custom_runtime_config=config, **changes)


def hook(fc, name, **config):
    config = {"authType": "anonymous", "methods": ["GET", "POST"]} | config
    asked = models.CreateTriggerInput(trigger_name="http", trigger_type="http", trigger_config=json.dumps(config))
    return fc.create_trigger(name, models.CreateTriggerRequest(body=asked)).body.http_trigger


def invoke(fc, name, body=b""):
    return json.loads(fc.invoke_function(name, models.InvokeFunctionRequest(body=body)).body.read())


def test_a_deployed_function_sees_its_package_and_pythons_own_library_and_nothing_else(fc, cloud):
    create(fc, "alone", environment_variables={"MINE": "yes"})
    told = invoke(fc, "alone")
    assert told["seen"] == {"fujie": False, "fujie_emulator.core": False, "httpx2": False}
    assert (told["beside"], told["mine"], told["name"]) == ("packed", "yes", "alone")


def test_it_has_its_roles_key_and_the_clouds_time(fc, cloud):
    create(fc, "worker", role=f"acs:ram::{cloud.account_id}:role/worker")
    url = hook(fc, "worker").url_internet
    before = httpx2.get(url, trust_env=False).json()
    cloud.cloud.clock.advance(3600)
    after = httpx2.get(url, trust_env=False).json()
    cloud.cloud.clock.advance(-3600)
    assert before["key"].startswith("STS.")
    assert 3590 < after["time"] - before["time"] < 3700


def test_the_platforms_python_runs_a_custom_function_with_its_package_alone(fc):
    create_custom(fc, "web", environment_variables={"WORD": "one"})
    answer = httpx2.get(f"{hook(fc, 'web').url_internet}/some/path?q=1", trust_env=False).json()
    assert (answer["path"], answer["word"], answer["argv"]) == ("/some/path?q=1", "one", ["--word"])
    assert not answer["venv"]


def test_an_update_is_what_runs_then(fc):
    create_custom(fc, "changing", environment_variables={"WORD": "one"})
    url = hook(fc, "changing").url_internet
    change = models.UpdateFunctionInput(environment_variables={"WORD": "two"})
    fc.update_function("changing", models.UpdateFunctionRequest(body=change))
    assert httpx2.get(f"{url}/", trust_env=False).json()["word"] == "two"


def test_a_built_in_function_gets_the_trigger_path_as_its_own(fc):
    create(fc, "routed")
    assert httpx2.get(f"{hook(fc, 'routed').url_internet}/a%20b", trust_env=False).json()["path"] == "/a%20b"


def test_a_trigger_that_is_closed_to_the_internet_is_reached_from_inside_alone(fc):
    create(fc, "inside")
    address = hook(fc, "inside", disableURLInternet=True)
    assert httpx2.get(address.url_internet, trust_env=False).status_code == 403
    assert httpx2.get(address.url_intranet, trust_env=False).status_code == 200


def test_a_trigger_takes_the_methods_it_names_and_the_signatures_it_asks_for(fc):
    create(fc, "strict")
    url = hook(fc, "strict", authType="function", methods=["GET"]).url_internet
    assert httpx2.post(url, trust_env=False).status_code == 405
    unsigned = httpx2.get(url, trust_env=False)
    assert unsigned.status_code in (400, 401, 403)
    assert "seen" not in unsigned.json()


def test_a_domain_leads_each_path_to_its_function(fc, cloud):
    create_custom(fc, "pages", environment_variables={"WORD": "pages"})
    create_custom(fc, "calls", environment_variables={"WORD": "calls"})
    rows = [("/", "pages"), ("/api/*", "calls"), ("/api/own", "pages"), ("/*", "pages")]
    routes = [models.PathConfig(path=path, function_name=function) for path, function in rows]
    asked = models.CreateCustomDomainInput(
        domain_name="dev.localhost", protocol="HTTP", route_config=models.RouteConfig(routes=routes)
    )
    fc.create_custom_domain(models.CreateCustomDomainRequest(body=asked))

    def word(path):
        answer = httpx2.get(f"{cloud.url}{path}", headers={"host": "dev.localhost:80"}, trust_env=False)
        return answer.json()["word"]

    assert [word(path) for path in ("/", "/api/x", "/api/own", "/deep/er")] == ["pages", "calls", "pages", "pages"]
    big = httpx2.post(f"{cloud.url}/api/x", content=b"x" * 300_000, headers={"host": "dev.localhost"}, trust_env=False)
    assert len(big.content) == 300_000
    read = fc.get_custom_domain("dev.localhost").body
    assert [(route.path, route.function_name) for route in read.route_config.routes] == rows
    fc.delete_custom_domain("dev.localhost")
    assert httpx2.get(f"{cloud.url}/api/x", headers={"host": "dev.localhost"}, trust_env=False).status_code == 404


def test_the_clouds_admin_routes_are_not_behind_a_users_domain(fc, cloud):
    asked = models.CreateCustomDomainInput(domain_name="shut.localhost", protocol="HTTP")
    fc.create_custom_domain(models.CreateCustomDomainRequest(body=asked))
    headers = cloud.admin_headers | {"host": "shut.localhost"}
    assert httpx2.get(f"{cloud.url}/_fujie/inventory", headers=headers, trust_env=False).status_code == 404


def test_a_web_socket_finds_its_way_as_a_request_does(fc, cloud):
    asked = models.CreateCustomDomainInput(
        domain_name="sockets.localhost",
        protocol="HTTP",
        route_config=models.RouteConfig(routes=[models.PathConfig(path="/ws", function_name="built-in")]),
    )
    fc.create_custom_domain(models.CreateCustomDomainRequest(body=asked))
    create(fc, "built-in")
    internet = hook(fc, "built-in", disableURLInternet=True).url_internet
    port = cloud.url.rpartition(":")[2]
    statuses = {
        f"ws://sockets.localhost:{port}/ws": 400,  # a built-in runtime takes none
        f"ws://sockets.localhost:{port}/elsewhere": 404,
        internet.replace("http", "ws"): 403,
    }
    for url, status in statuses.items():
        here = socket.create_connection(("127.0.0.1", int(port)))
        with pytest.raises(InvalidStatus) as refused, connect(url, sock=here, proxy=None):
            pass
        assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (b"no zip", "not a zip"),
        (zipped(**{"../out.py": ""}), "outside"),
        (zipped(**{"/etc/out.py": ""}), "outside"),
    ],
)
def test_a_package_that_cannot_be_unpacked_makes_no_function(fc, cloud, package, words):
    stored(cloud.cloud, "code", "bad.zip", package)
    with pytest.raises(ClientException, match=words) as refused:
        create(fc, "unpacked", "bad.zip")
    assert refused.value.code == "InvalidArgument"
    assert not fc.list_functions(models.ListFunctionsRequest(prefix="unpacked")).body.functions


def test_an_update_that_cannot_be_unpacked_leaves_what_runs(fc, cloud):
    create(fc, "steady")
    stored(cloud.cloud, "code", "bad.zip", b"no zip")
    change = models.UpdateFunctionInput(
        code=models.InputCodeLocation(oss_bucket_name="code", oss_object_name="bad.zip")
    )
    with pytest.raises(ClientException):
        fc.update_function("steady", models.UpdateFunctionRequest(body=change))
    assert invoke(fc, "steady")["name"] == "steady"


def test_a_deleted_function_answers_no_more(fc):
    create(fc, "gone")
    url = hook(fc, "gone").url_internet
    fc.delete_function("gone")
    assert httpx2.get(url, trust_env=False).status_code == 404
    with pytest.raises(ClientException) as refused:
        fc.invoke_function("gone", models.InvokeFunctionRequest())
    assert refused.value.code == "FunctionNotFound"


def test_settings_of_a_function_are_kept_read_and_go_with_it(fc):
    create(fc, "set")
    config = models.PutAsyncInvokeConfigInput(
        max_async_retry_attempts=1,
        max_async_event_age_in_seconds=60,
        destination_config=models.DestinationConfig(
            on_failure=models.Destination(destination="acs:fc:cn-beijing:1900000000000001:functions/set")
        ),
    )
    fc.put_async_invoke_config("set", models.PutAsyncInvokeConfigRequest(body=config))
    read = fc.get_async_invoke_config("set", models.GetAsyncInvokeConfigRequest()).body
    assert (read.max_async_retry_attempts, read.destination_config.on_failure.destination[:6]) == (1, "acs:fc")
    reserve = models.PutConcurrencyInput(reserved_concurrency=2)
    fc.put_concurrency_config("set", models.PutConcurrencyConfigRequest(body=reserve))
    assert fc.get_concurrency_config("set").body.reserved_concurrency == 2
    fc.delete_concurrency_config("set")
    with pytest.raises(ClientException, match="OnDemandConfigNotFound"):
        fc.get_concurrency_config("set")
    fc.delete_function("set")
    create(fc, "set")
    with pytest.raises(ClientException, match="AsyncConfigNotExists"):
        fc.get_async_invoke_config("set", models.GetAsyncInvokeConfigRequest())


def task_of(fc, name, task):
    """Return the task once it has ended."""
    while (read := fc.get_async_task(name, task, models.GetAsyncTaskRequest()).body).end_time is None:
        time.sleep(0.01)
    return read


@pytest.mark.parametrize(("word", "status"), [("ok", "Succeeded"), ("fail", "Failed")])
def test_how_an_asynchronous_task_ended_can_be_asked_for(fc, word, status):
    name = f"tasks-{word}"
    create_custom(fc, name)
    config = models.PutAsyncInvokeConfigInput(async_task=True, max_async_retry_attempts=1)
    fc.put_async_invoke_config(name, models.PutAsyncInvokeConfigRequest(body=config))
    headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id="mine")
    asked = models.InvokeFunctionRequest(body=io.BytesIO(word.encode()))
    fc.invoke_function_with_options(name, asked, headers, RuntimeOptions())
    ended = task_of(fc, name, "mine")
    assert (ended.status, ended.task_payload) == (status, word)
    if status == "Failed":
        assert (ended.already_retried_times, ended.task_error_message) == (1, "fail")
        assert [each.status for each in ended.events] == ["Enqueued", "Running", "Retrying", "Running", "Failed"]
    with pytest.raises(ClientException, match="AsyncTaskAlreadyExists"):
        fc.invoke_function_with_options(name, asked, headers, RuntimeOptions())
    with pytest.raises(ClientException, match="AsyncTaskNotFound"):
        fc.get_async_task(name, "other", models.GetAsyncTaskRequest())


def reserve(fc, name, number):
    asked = models.PutConcurrencyInput(reserved_concurrency=number)
    fc.put_concurrency_config(name, models.PutConcurrencyConfigRequest(body=asked))


def provision(fc, name, target):
    asked = models.PutProvisionConfigRequest(body=models.PutProvisionConfigInput(target=target), qualifier="LATEST")
    return fc.put_provision_config(name, asked).body


def test_beyond_the_reserved_concurrency_a_request_is_throttled_at_once(fc, tmp_path):
    release, asked = tmp_path / "release", tmp_path / "release.asked"
    create_custom(fc, "narrow", environment_variables={"RELEASE": str(release)})
    reserve(fc, "narrow", 1)
    url = hook(fc, "narrow").url_internet
    with ThreadPoolExecutor() as others:
        held = others.submit(httpx2.get, f"{url}/hold", trust_env=False, timeout=60)
        try:
            while not asked.exists() and not held.done():
                time.sleep(0.01)
            refused = httpx2.get(url, trust_env=False)
        finally:
            release.touch()
        assert (refused.status_code, refused.json()["Code"]) == (429, "ResourceThrottled")
        assert held.result().status_code == 200
    fc.delete_concurrency_config("narrow")
    assert httpx2.get(url, trust_env=False).status_code == 200


def test_limits_that_change_leave_what_runs(fc):
    create_custom(fc, "calm")
    url = hook(fc, "calm").url_internet
    before = httpx2.get(url, trust_env=False).json()["pid"]
    reserve(fc, "calm", 3)
    assert httpx2.get(url, trust_env=False).json()["pid"] == before


def test_provisioned_instances_are_up_before_anyone_asks_and_count_as_reserved(fc, cloud):
    create_custom(fc, "warm")
    assert (provision(fc, "warm", 3).target, provision(fc, "warm", 3).current) == (3, 3)
    assert fc.get_provision_config("warm", models.GetProvisionConfigRequest()).body.target == 3
    with pytest.raises(ClientException, match="InvalidArgument"):
        reserve(fc, "warm", 2)
    fc.delete_provision_config("warm", models.DeleteProvisionConfigRequest(qualifier="LATEST"))
    with pytest.raises(ClientException, match="ProvisionConfigNotFound"):
        fc.get_provision_config("warm", models.GetProvisionConfigRequest())


def test_requests_of_a_session_reach_one_instance(fc):
    config = {"affinityHeaderFieldName": "x-conversation", "sessionConcurrencyPerInstance": 1}
    create_custom(
        fc,
        "bound",
        instance_concurrency=200,
        session_affinity="HEADER_FIELD",
        session_affinity_config=json.dumps(config),
    )
    url = hook(fc, "bound").url_internet

    def ask(session=None):
        headers = {"x-conversation": session} if session else {}
        answer = httpx2.get(url, headers=headers, trust_env=False)
        return answer.json()["pid"], answer.headers.get("x-conversation")

    asked = [ask(name)[0] for name in ("a", "b", "a", "b")]
    assert asked[:2] == asked[2:]
    assert asked[0] != asked[1]
    new, session = ask()
    assert new not in asked
    assert ask(session) == (new, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instance_concurrency": 100}, "InvalidArgument"),
        ({"session_affinity_config": "{"}, "InvalidArgument"),
        ({"session_affinity_config": "[]"}, "InvalidArgument"),
        ({"session_affinity_config": '{"affinityHeaderFieldName": "x-fc-own"}'}, "InvalidArgument"),
        ({"session_affinity_config": '{"affinityHeaderFieldName": "abc"}'}, "InvalidArgument"),
        ({"session_affinity": "GENERATED_COOKIE", "session_affinity_config": '{"sessionTTLInSeconds": 0}'},
         "InvalidArgument"),
        ({"session_affinity": "MCP_SSE"}, "UnsupportedOperation"),
    ],
)  # fmt: skip
def test_an_affinity_that_cannot_be_is_refused(fc, changes, code):
    right = {
        "instance_concurrency": 200,
        "session_affinity": "HEADER_FIELD",
        "session_affinity_config": '{"affinityHeaderFieldName": "x-conversation"}',
    }
    with pytest.raises(ClientException) as refused:
        create_custom(fc, "wrong", **right | changes)
    assert refused.value.code == code


def test_what_was_deployed_runs_again_after_a_restart_although_its_object_is_gone(tmp_path):
    with running(tmp_path) as cloud:
        state.create_bucket(cloud.cloud, "code")
        stored(cloud.cloud, "code", "built-in.zip", zipped(**{"main.py": TELLING, "beside.py": "WORD = 'kept'"}))
        client = client_of(cloud)
        create(client, "lasting")
        hook(client, "lasting")
        stored(cloud.cloud, "code", "built-in.zip", b"another")
    with running(tmp_path) as cloud:
        url = client_of(cloud).get_trigger("lasting", "http").body.http_trigger.url_internet
        answer = httpx2.get(url, trust_env=False)
        while answer.status_code == 404:  # it comes up behind the cloud's first answer
            answer = httpx2.get(url, trust_env=False)
        assert answer.json()["beside"] == "kept"
