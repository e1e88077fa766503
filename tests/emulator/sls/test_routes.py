"""The log service over its wire: signed as the official clients sign, directly and through the cloud as a proxy."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

import httpx2
import pytest

from fujie_emulator.core.iam import assume_role
from fujie_emulator.sls import state
from fujie_emulator.testing import running

ENDPOINT = "http-sls.example"
TRUST = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                   "Principal": {"Service": ["fc.aliyuncs.com"]}}]})  # fmt: skip


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        yield served


def ask(cloud, method, path, body=None, project="", query=None, kind="hmac-sha256", key=None, late=None, **changes):
    """Send a request as the gateway of the official clients does; `changes` are headers that are not signed so."""
    moment = cloud.cloud.clock.now() - (late or timedelta())
    content = b"" if body is None else json.dumps(body).encode()
    headers = {"date": format_datetime(moment, usegmt=True), "x-log-apiversion": "0.6.0", "x-log-signaturemethod": kind}
    headers |= {"content-type": "application/json"} if body is not None else {}
    headers |= {"content-md5": hashlib.md5(content, usedforsecurity=False).hexdigest().upper()} if content else {}
    key_id, secret, *token = key or (cloud.access_key_id, cloud.access_key_secret)
    headers |= {"x-acs-security-token": token[0]} if token else {}
    own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith(("x-log-", "x-acs-")))
    pairs = "&".join(f"{name}={value}" for name, value in sorted((query or {}).items()))
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), headers["date"]]
    text = "\n".join([*lines, own + path + (f"?{pairs}" if pairs else "")])
    digest = {"hmac-sha1": hashlib.sha1, "hmac-sha256": hashlib.sha256}.get(kind, hashlib.sha256)
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), digest).digest()).decode()
    headers |= {"authorization": f"LOG {key_id}:{signature}"} | changes
    host = f"{project}.{ENDPOINT}" if project else ENDPOINT
    with httpx2.Client(
        proxy=cloud.url, trust_env=False
    ) as http:  # no name server knows the host: the cloud is the proxy
        url = f"http://{host}{path}" + (f"?{urlencode(query)}" if query else "")
        return http.request(method, url, content=content or None, headers=headers)


def refusal(answer):
    return answer.status_code, answer.json()["errorCode"]


@pytest.fixture(scope="module")
def store(cloud):
    assert ask(cloud, "POST", "/", {"projectName": "fujie-dev", "description": "Fujie"}).status_code == 200
    made = ask(cloud, "POST", "/logstores", {"logstoreName": "functions", "ttl": 7, "shardCount": 1}, "fujie-dev")
    assert made.status_code == 200
    return "fujie-dev", "functions"


def test_a_project_and_its_store_are_made_read_changed_and_deleted(cloud):
    ask(cloud, "POST", "/", {"projectName": "life", "description": "a"}, kind="hmac-sha1")
    assert refusal(ask(cloud, "POST", "/", {"projectName": "life"})) == (400, "ProjectAlreadyExist")
    ask(cloud, "PUT", "/", {"description": "b"}, "life")
    assert ask(cloud, "GET", "/", project="life").json()["description"] == "b"
    ask(cloud, "POST", "/logstores", {"logstoreName": "one", "ttl": 7, "shardCount": 1}, "life")
    ask(cloud, "PUT", "/logstores/one", {"logstoreName": "one", "ttl": 30}, "life")
    read = ask(cloud, "GET", "/logstores/one", project="life").json()
    assert (read["logstoreName"], read["ttl"], read["shardCount"]) == ("one", 30, 1)
    assert refusal(ask(cloud, "GET", "/logstores/one/index", project="life")) == (404, "IndexConfigNotExist")
    ask(cloud, "POST", "/logstores/one/index", {"line": {"token": [","]}}, "life")
    assert ask(cloud, "GET", "/logstores/one/index", project="life").json()["line"] == {"token": [","]}
    assert ask(cloud, "DELETE", "/", project="life").status_code == 200
    assert refusal(ask(cloud, "GET", "/", project="life")) == (404, "ProjectNotExist")
    assert not [
        key for kind in ("logstore", "index") for key, _ in cloud.cloud.store.list("sls", kind) if "life" in key
    ]


def test_a_project_is_tagged(cloud, store):
    tags = {"resourceType": "PROJECT", "resourceId": ["fujie-dev"]}
    ask(cloud, "POST", "/tag", tags | {"tags": [{"key": "app", "value": "fujie"}, {"key": "old", "value": "1"}]})
    ask(cloud, "POST", "/untag", tags | {"tags": ["old"]})
    query = {"resourceType": "PROJECT", "resourceId": '["fujie-dev"]'}
    found = ask(cloud, "GET", "/tags", query=query).json()["tagResources"]
    assert [(tag["tagKey"], tag["tagValue"]) for tag in found] == [("app", "fujie")]


def test_lines_are_found_by_their_time_and_words(cloud, store):
    for word in ("first apple", "second pear", "third apple"):
        state.write(cloud.cloud, *store, {"message": word})
    now = int(cloud.cloud.clock.time())
    span = {"type": "log", "from": str(now - 60), "to": str(now + 60)}
    found = ask(cloud, "GET", "/logstores/functions", project="fujie-dev", query=span | {"query": "apple"})
    assert [line["message"] for line in found.json()] == ["first apple", "third apple"]
    assert (found.headers["x-log-progress"], found.headers["x-log-count"]) == ("Complete", "2")
    newest = span | {"reverse": "true", "line": "1", "offset": "1"}
    second = ask(cloud, "GET", "/logstores/functions", project="fujie-dev", query=newest).json()
    assert [line["message"] for line in second] == ["second pear"]
    before = {"type": "log", "from": "0", "to": str(now - 60)}
    assert ask(cloud, "GET", "/logstores/functions", project="fujie-dev", query=before).json() == []


def test_who_may_write_the_store_may_not_read_another(cloud, store):
    ram = cloud.cloud.iam.ram
    ram.create_role("reader", TRUST, "", 3600, [])
    arn = f"acs:log:{cloud.region}:{cloud.account_id}:project/fujie-dev/logstore/functions"
    statement = {"Effect": "Allow", "Action": "log:GetLogStore", "Resource": arn}
    ram.create_policy("reader", json.dumps({"Version": "1", "Statement": [statement]}), "")
    ram.attach("Custom", "reader", "reader", "role")
    made = assume_role(
        cloud.cloud, "reader", principal={"Service": "fc.aliyuncs.com"}, session_name="s1", duration_s=900
    )
    key = (made.access_key_id, made.access_key_secret, made.security_token)
    assert ask(cloud, "GET", "/logstores/functions", project="fujie-dev", key=key).status_code == 200
    assert ask(cloud, "DELETE", "/logstores/functions", project="fujie-dev", key=key).status_code == 403
    assert (
        ask(cloud, "GET", "/logstores/functions", project="fujie-dev", key=key, query={"type": "log"}).status_code
        == 403
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": "LOG nobody"},
        {"authorization": "LOG a:b"},
        {"content-md5": "0" * 32},
        {"kind": "hmac-md5"},
        {"late": timedelta(hours=1)},
        {"x-log-apiversion": "9"},
    ],
)
def test_what_is_not_signed_by_a_known_key_is_refused(cloud, changes):
    answer = ask(cloud, "POST", "/", {"projectName": "stolen"}, **changes)
    assert answer.status_code in (401, 404)
    assert cloud.cloud.store.get("sls", "project", "stolen") is None
