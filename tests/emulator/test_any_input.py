"""Whatever comes in over HTTP: no 500, no traceback, no HTML where JSON is due, no body read beyond its limit."""

import importlib
import importlib.resources
import inspect
import json
import re
import socket
from urllib.parse import quote, urlencode

import httpx2
import oss2
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from fujie_emulator.core.app import create_app
from fujie_emulator.core.services import load_services
from fujie_emulator.testing import running
from tests.emulator.conftest import SigningClient

ANY = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
READ_DEADLINE_S = 10
RPC = [service for service in load_services() if service.rpc is not None]
# What of the surface is for browsers: pages of consent and sign-in, where providers send people back, the inspector.
FOR_BROWSERS = re.compile(r"auth|callback|signin|login|consent|/_fujie/$")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("any")) as served:
        yield served


@pytest.fixture(scope="module")
def operator(served):
    with httpx2.Client(trust_env=False, timeout=READ_DEADLINE_S) as http:
        yield SigningClient(served, served.access_key_id, served.access_key_secret, http=http)


def judge(answer):
    """Hold an answer to what every answer must be."""
    path, text = answer.request.url.path, answer.text
    assert answer.status_code < 500 or deliberate(answer), text
    assert "Traceback" not in text
    assert 'File "/' not in text
    kind = answer.headers.get("content-type", "").split(";")[0]
    if kind == "text/html":
        assert FOR_BROWSERS.search(path), path
    elif kind == "application/json":
        assert answer.request.method == "HEAD" or json.loads(text) is not None
    elif text:
        assert kind in (
            "application/xml",
            "text/xml",
            "text/event-stream",
            "application/octet-stream",
            "application/x-tar",
        ), kind
    return answer


def deliberate(answer):
    """Tell the two kinds of 5xx that are answers: not emulated, or something outside cannot be had."""
    if answer.status_code == 501:
        return "<Code>NotImplemented</Code>" in answer.text or answer.request.method == "HEAD"
    return answer.status_code in (502, 503) and "InternalError" not in answer.text


# Values that clients, scripts and attackers send.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ODD = st.sampled_from(
    ["", " ", "0", "-1", "9" * 18, "9" * 400, "1e309", "NaN", "true", "True", "null", "[]", "{}", "[[]]", '{"a":', "é"]
    + [
        "\x00",
        "\ud7ff",
        "𐍈" * 300,
        "../../etc/passwd",
        "'; DROP TABLE documents; --",
        "*",
        "%",
        "%00",
        "%zz",
        "[" * 5000,
    ]
    + ["http://", "http://[", "https://a@b:c/", "urn:ietf:params:oauth:request_uri:", "acs:ram::1:role/x", "a" * 5000]
    + ['{"Version":"1","Statement":[]}', '{"Version":"1","Statement":[{"Effect":"Allow","Action":7}]}', "default"]
)
VALUES = ODD | st.text(max_size=40) | JSON.map(json.dumps)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-", min_size=1, max_size=20)


def parameters_of(service):
    """Return the parameter names that the service's modules read."""
    package = importlib.import_module(f"fujie_emulator.{service.name}")
    modules = [path.stem for path in importlib.resources.files(package).iterdir() if path.name.endswith(".py")]
    source = "".join(
        inspect.getsource(importlib.import_module(f"{package.__name__}.{name}"))
        for name in modules
        if name != "__init__"
    )
    return sorted(set(re.findall(r'"([A-Z][A-Za-z0-9]{2,40})"', source)))


@pytest.mark.parametrize("service", RPC, ids=lambda service: service.name)
def test_an_action_with_any_parameters(served, operator, service):
    known = parameters_of(service)
    names = st.sampled_from(known) if known else NAMES

    @ANY
    @given(st.sampled_from(sorted(service.rpc.actions)), st.dictionaries(names | NAMES, VALUES, max_size=10))
    def check(action, form):
        form = {name: value for name, value in form.items() if encodable(name + value)}
        answer = judge(operator.call(service.rpc.version, action, form))
        assert answer.json()["RequestId"]

    check()


@pytest.mark.parametrize("service", RPC, ids=lambda service: service.name)
def test_every_action_with_nothing_and_with_names_for_everything(served, operator, service):
    known = parameters_of(service)
    for action in service.rpc.actions:
        judge(operator.call(service.rpc.version, action))
        for value in ("x", "7", "[]", '["x"]', "{}", '{"x":{"x":[{}]}}', "x" * 2000):
            judge(operator.call(service.rpc.version, action, dict.fromkeys(known, value)))


@ANY
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
    st.dictionaries(st.sampled_from(["x-acs-version", "x-acs-action", "authorization", "x-acs-date"]), VALUES),
    st.dictionaries(NAMES | st.sampled_from(["Action", "Version", "Signature", "AccessKeyId", "Timestamp"]), VALUES),
    st.binary(max_size=200),
)
@example("POST", {"authorization": "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=" + "0" * 64}, {}, b"")
@example("POST", {"authorization": "OSS4-HMAC-SHA256 Credential=a/b/c,Signature=0"}, {}, b"")
@example("GET", {"authorization": "OSS a:b"}, {"x-oss-signature-version": "OSS4-HMAC-SHA256"}, b"")
@example("GET", {}, {"OSSAccessKeyId": "a", "Expires": "9" * 400, "Signature": "x"}, b"")
def test_requests_that_nobody_signed(operator, method, headers, query, body):
    headers = {name: value.encode("latin-1", "replace") for name, value in headers.items() if in_a_header(value)}
    query = {name: value for name, value in query.items() if encodable(name + value)}
    judge(operator.http.request(method, f"{operator.served.url}/", headers=headers, params=query, content=body))


def routes_of(served):
    edge = create_app(served.cloud, load_services())
    found = [route for route in edge._inner.routes if isinstance(route, Route)]
    return [(route.path, sorted(route.methods or {"GET", "POST", "DELETE"})) for route in found]


@pytest.fixture(scope="module")
def routes(served):
    found = routes_of(served)
    assert len(found) > 30
    return found


SEGMENTS = st.sampled_from(["x", "weather", "time", "dingtalk", "aliyun", "default", "..", "%2e%2e", "%00", "é", "a b"])
FORM_NAMES = st.sampled_from(
    ["client_id", "redirect_uri", "response_type", "scope", "state", "code", "code_challenge", "code_challenge_method"]
    + ["code_verifier", "grant_type", "refresh_token", "token", "client_secret", "request", "request_uri", "user"]
    + ["account", "decision", "iss", "error", "prompt", "login_hint", "nonce", "access_type", "model", "messages"]
    + ["input", "stream", "tools", "jsonrpc", "method", "params", "id", "q", "lang", "only", "after", "advance_s"]
)
BODIES = (
    st.dictionaries(FORM_NAMES, VALUES, max_size=8).map(lambda form: ("form", form))
    | st.dictionaries(FORM_NAMES, JSON, max_size=8).map(lambda document: ("json", document))
    | JSON.map(lambda document: ("json", document))
    | st.binary(max_size=300).map(lambda content: ("raw", content))
)


@settings(ANY, max_examples=500)
@given(st.data())
def test_every_other_route_with_any_input(served, operator, routes, data):
    path, methods = data.draw(st.sampled_from(routes))
    method = data.draw(st.sampled_from(methods))
    path = re.sub(r"\{[^}]*\}", lambda _: data.draw(SEGMENTS | NAMES), path)
    query = data.draw(st.dictionaries(FORM_NAMES | NAMES, VALUES, max_size=6))
    headers, content = content_of(*data.draw(BODIES))
    headers |= data.draw(
        st.sampled_from(
            [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}, {"authorization": "Basic é"}]
        )
    )
    if data.draw(st.booleans()):
        headers |= {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    headers = {name: value.encode() for name, value in headers.items()}
    pairs = urlencode([(name, value) for name, value in query.items() if encodable(name + value)])
    url = f"{served.url}{quote(path, safe='/%')}?{pairs}"
    with operator.http.stream(method, url, headers=headers, content=content) as answer:
        answer.read()
    judge(answer)


@settings(ANY, max_examples=150)
@given(st.data())
def test_the_admin_routes_with_the_token_and_any_input(served, operator, routes, data):
    known = [(path, methods) for path, methods in routes if path.startswith("/_fujie/") and "reset" not in path]
    path, methods = data.draw(st.sampled_from(known))
    method = data.draw(st.sampled_from(methods))
    names = st.sampled_from(["service", "kind", "count", "status", "latency_s", "resources", "action", "parameters"])
    names |= st.sampled_from(["runtime", "handler", "code_dir", "env", "routes", "port", "scopes", "client_id"])
    document = data.draw(st.dictionaries(names, JSON, max_size=6) | JSON)
    path = re.sub(r"\{[^}]*\}", lambda _: data.draw(SEGMENTS | NAMES), path)
    url = f"{served.url}{quote(path, safe='/%')}"
    judge(operator.http.request(method, url, headers=served.admin_headers, content=json.dumps(document)))
    served.cloud.faults.clear()


@settings(ANY, max_examples=150)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    st.text("abcé/%.+ 山\x01", max_size=20) | st.sampled_from(["", "../x", "a" * 1100, "/", "//"]),
    st.dictionaries(
        st.sampled_from(
            ["acl", "uploads", "uploadId", "partNumber", "tagging", "delete", "list-type", "max-keys", "append"]
        )
        | st.sampled_from(
            ["prefix", "delimiter", "marker", "continuation-token", "encoding-type", "bucketInfo", "position"]
        )
        | st.sampled_from(["location", "cors", "website", "logging", "policy", "lifecycle", "versioning", "versionId"])
        | NAMES,
        VALUES.filter(lambda value: len(value) < 1000),
        max_size=4,
    ),
    st.dictionaries(
        st.sampled_from(["range", "if-match", "if-modified-since", "content-md5", "x-oss-copy-source", "x-oss-acl"])
        | st.sampled_from(["x-oss-tagging", "x-oss-meta-a", "x-oss-range", "x-oss-forbid-overwrite", "transfer"]),
        VALUES,
        max_size=3,
    ),
    st.binary(max_size=100) | st.just(b"<Delete><Object><Key>a</Key></Object></Delete>") | st.just(b"<a" * 2000),
)
def test_any_request_for_objects(served, operator, method, key, query, headers, body):
    signer = oss2.Auth(served.access_key_id, served.access_key_secret)
    headers = {name: value for name, value in headers.items() if in_a_header(value) and value.isascii()}
    query = {name: value for name, value in query.items() if encodable(name + value)}
    assume(encodable(key))
    url = f"{served.url}/any-bucket/{quote(key)}"
    operator.http.put(f"{served.url}/any-bucket", headers=signed_for_oss(signer, "PUT", f"{served.url}/any-bucket"))
    asked = oss2.http.Request(method, url, data=body, params=query, headers=headers)
    signer._sign_request(asked, "any-bucket", key)
    sent = {name: value for name, value in asked.headers.items() if value is not None}
    judge(operator.http.request(method, url, params=asked.params, headers=sent, content=body))


def signed_for_oss(signer, method, url):
    asked = oss2.http.Request(method, url)
    signer._sign_request(asked, "any-bucket", "")
    return {name: value for name, value in asked.headers.items() if value is not None}


def content_of(kind, value):
    """Return headers and bytes of a body."""
    if kind == "form":
        pairs = [(name, text) for name, text in value.items() if encodable(text)]
        return {"content-type": "application/x-www-form-urlencoded"}, urlencode(pairs).encode()
    if kind == "json":
        return {"content-type": "application/json"}, json.dumps(value).encode()
    return {}, value


def encodable(text):
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def in_a_header(text):
    return text.strip() == text and text.isprintable() and len(text) < 4000


def test_a_body_over_the_limit_is_refused_before_it_is_read(served, routes):
    """Ten gigabytes are announced and not one byte is sent: the answer must come all the same."""
    writing = [(path, method) for path, methods in routes for method in {"POST", "PUT"} & set(methods)]
    answers = {
        (path, method): announced(served, method, re.sub(r"\{[^}]*\}", "x", path), 10 << 30) for path, method in writing
    }
    assert all(status < 500 for status in answers.values()), answers
    too_large = {path for (path, _), status in answers.items() if status == 413}
    assert too_large >= {"/", "/oauth/v1/token", "/llm/v1/chat/completions", "/_fujie/import", "/_fujie/snapshot"}
    assert too_large >= {"/_fujie/functions/{name}", "/2023-03-30/functions/{name}/invocations"}


def test_an_object_over_the_limit_is_refused_before_it_is_read(served):
    signer = oss2.Auth(served.access_key_id, served.access_key_secret)
    headers = signed_for_oss(signer, "PUT", f"{served.url}/any-bucket")
    httpx2.put(f"{served.url}/any-bucket", headers=headers, trust_env=False)
    bucket = oss2.Bucket(signer, served.url, "any-bucket", is_path_style=True)
    target = bucket.sign_url("PUT", "key", 60, slash_safe=True).removeprefix(served.url)
    assert announced(served, "PUT", target, 10 << 30) == 400


def announced(served, method, target, length):
    """Return the status of the answer to a head that announces `length` bytes, none of which follow."""
    host, port = served.url.removeprefix("http://").split(":")
    head = [f"{method} {target} HTTP/1.1", f"host: {host}:{port}", f"content-length: {length}"]
    head += ["content-type: application/x-www-form-urlencoded", "authorization: Bearer x"]
    head = [line for line in head if "OSSAccessKeyId" not in target or not line.startswith(("auth", "content-type"))]
    head += [f"{name}: {value}" for name, value in served.admin_headers.items()]
    with socket.create_connection((host, int(port)), timeout=READ_DEADLINE_S) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        return int(connection.recv(4096).split(b" ", 2)[1])


def test_a_body_without_a_length_is_read_to_its_limit_only(served):
    def chunks():
        for _ in range(4096):
            yield b"x" * 65536

    with httpx2.Client(trust_env=False, timeout=READ_DEADLINE_S) as http:
        try:
            answer = http.post(f"{served.url}/", content=chunks())
        except httpx2.WriteError:
            return  # the server hung up while we still sent
        assert answer.status_code == 413
