"""tool as Function Compute calls it: events in, answers out, a loopback cloud and loopback providers behind it."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from fujie import APIKey, tool
from fujie.fc.handler import fc_handler
from fujie.identity.internal import arguments_hash
from fujie.identity.ledger import LedgerKey, verify
from fujie.secret import Secret
from fujie.sessions.memory import MemoryStore
from fujie.sessions.migrate import migrate
from fujie.sessions.sql import SqlStore
from functions.tool.app import create_app
from functions.tool.asked import MAX_BODY_BYTES
from functions.tool.manifest import TOOLS
from functions.tool.parts import parts_from_settings
from tests.functions.tool_world import (
    ALICE,
    BOB,
    CHAT_KEY,
    ID_TOKEN,
    PROCESS_PUBLIC,
    SEALING_PRIVATE,
    Loopback,
    add_person,
    handed,
    settings_for,
    token_for,
)

WEATHER = "/partners/weather/api/v1/current"
DOCUMENT = "/partners/dingtalk/api/v1/documents/X"


@tool(credential=APIKey("weather"), hosts=["api.weather.example"])
async def wanders(context, path: str):
    """Ask any path and follow where it leads."""
    answer = await context.http.get(f"https://api.weather.example{path}", follow_redirects=True)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture
def world():
    with Loopback() as loopback:
        yield loopback


@pytest.fixture
def store():
    store = MemoryStore()
    asyncio.run(add_person(store, ALICE, "alice"))
    asyncio.run(add_person(store, BOB, "bob"))
    return store


@pytest.fixture
def handler(world, store, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.tool")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "role-secret")
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "role-token")
    made = fc_handler(create_app(parts_from_settings(settings_for(world), [*TOOLS, wanders], store=store)))
    yield made
    made.close()


@pytest.fixture
def ask(handler):
    def asked(method, path, body=None, token="", raw=None):
        answer = handler(event(method, path, json.dumps(body) if raw is None else raw, token), SimpleNamespace())
        content = answer["body"]
        if answer.get("isBase64Encoded"):
            content = base64.b64decode(content).decode()
        return answer["statusCode"], json.loads(content)

    return asked


@pytest.fixture
def call(ask):
    def called(name, arguments, *, language="en", token=None, call_id="call-1", **token_fields):
        token = token or token_for(name, arguments, **token_fields)
        body = {"call_id": call_id, "arguments": arguments, "language": language}
        return ask("POST", f"/tools/{name}/call", body, token)

    return called


def event(method, path, body, token):
    headers = {"Host": "tool", "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    http = {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}
    document = {"version": "v1", "rawPath": path, "body": body or "", "isBase64Encoded": False}
    document |= {"headers": headers, "queryParameters": {}, "requestContext": {"http": http}}
    return json.dumps(document).encode()


# The list


def test_process_is_told_the_shipped_tools(ask):
    status, body = ask("GET", "/tools", token=token_for())
    assert status == 200
    names = [entry["name"] for entry in body["tools"]]
    assert names == [
        "get_weather",
        "get_schedule",
        "read_oss_file",
        "get_current_time",
        "list_ecs_instances",
        "write_dingtalk_document",
        "read_dingtalk_document",
        "wanders",
    ]
    write = body["tools"][5]
    assert (write["effect"], set(write["parameters"]["required"])) == ("write", {"document", "text"})
    scopes = ["document.read", "document.write"]
    assert write["credential"] == {"kind": "oauth", "provider": "dingtalk", "scopes": scopes}


# Calls


def test_a_call_reaches_the_provider_with_the_credential_of_this_user(call, world):
    world.pages[WEATHER] = (200, {}, {"city": "杭州", "temperature_c": 21})
    status, body = call("get_weather", {"city": "杭州"})
    assert (status, body["status"]) == (200, "ok")
    assert body["output"] == {"city": "杭州", "temperature_c": 21}
    assert body["credential"] == {"kind": "api_key", "provider": "weather", "scopes": [], "user": "", "expires_at": ""}
    assert isinstance(body["duration_ms"], int)
    ((method, path, headers, _),) = world.requests
    assert (method, path) == ("GET", f"{WEATHER}?city=%E6%9D%AD%E5%B7%9E")
    assert headers["authorization"] == "Bearer canary-api-key"
    assert world.actions[0][1]["UserToken"] == ID_TOKEN


def test_a_write_carries_the_users_own_token_and_text(call, world):
    world.pages[DOCUMENT] = (200, {}, {"document": "X", "length": 5})
    status, body = call("write_dingtalk_document", {"document": "X", "text": "hello"})
    assert (status, body["status"]) == (200, "ok")
    assert body["credential"]["user"] == "alice"
    ((method, _, headers, content),) = world.requests
    assert (method, json.loads(content)) == ("POST", {"text": "hello"})
    assert headers["authorization"] == "Bearer canary-access-token"


def test_a_documents_name_cannot_leave_its_place_in_the_path(call, world):
    _, body = call("read_dingtalk_document", {"document": "../../time/api/v1/now?x=#y"})
    assert world.requests[0][1] == "/partners/dingtalk/api/v1/documents/..%2F..%2Ftime%2Fapi%2Fv1%2Fnow%3Fx%3D%23y"
    assert body["error"]["code"] == "provider_refused"


def test_a_call_that_needs_permission_answers_with_the_question_and_asks_no_provider(call, world, store):
    world.needs_consent = True
    status, body = call("write_dingtalk_document", {"document": "X", "text": "hello"}, language="zh")
    assert (status, body["status"]) == (200, "authorization_required")
    consent = body["consent"]
    assert consent["connect_url"] == f"https://stack.example/connect/{consent['consent_id']}"
    assert consent["reason"] == "用于把您要求的内容写入您的文档"
    assert [scope["name"] for scope in consent["scopes"]] == ["document.read", "document.write"]
    assert world.url not in json.dumps(body)
    assert world.requests == []
    (kept,) = asyncio.run(store.open_consents("run-alice"))
    assert (kept.id, kept.user, kept.call_id) == (consent["consent_id"], ALICE, "call-1")


@pytest.mark.parametrize("name", ["../bob", f"../../{BOB.id}/files/notes.txt", "*", "notes.???"])
def test_an_argument_that_would_reach_more_than_one_object_obtains_no_credential(call, world, name):
    status, body = call("read_oss_file", {"name": name})
    assert (status, body["status"]) == (200, "error")
    assert body["error"]["code"] == "argument_widens_scope"
    assert world.actions == []


def test_arguments_that_do_not_fit_are_told_to_the_model(call, world):
    status, body = call("get_weather", {"town": "x"})
    assert (status, body["error"]["code"]) == (200, "invalid_arguments")
    assert "city" in body["error"]["message"]


def test_a_provider_that_fails_is_told_and_asked_once(call, world):
    world.pages[WEATHER] = (500, {}, {"trace": "internals"})
    _, body = call("get_weather", {"city": "x"})
    assert body["error"]["code"] == "provider_failed"
    assert "internals" not in json.dumps(body)
    assert len(world.requests) == 1


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_elsewhere_does_not_carry_the_credential(call, world, status):
    with Loopback() as elsewhere:
        elsewhere.pages["/take"] = (200, {}, {"took": True})
        world.pages["/partners/weather/api/lead"] = (status, {"location": f"{elsewhere.url}/take"}, {})
        _, body = call("wanders", {"path": "/lead"})
        assert body["error"]["code"] == "host_not_declared"
        assert elsewhere.requests == []
    assert len(world.requests) == 1


def test_no_secret_comes_out_of_any_answer(call, world, store, capsys, caplog):
    world.pages[WEATHER] = (200, {}, {"echo": "canary-api-key"})
    world.pages[DOCUMENT] = (500, {}, {"echo": "canary-access-token"})
    answers = [
        call("get_weather", {"city": "x"}),
        call("read_dingtalk_document", {"document": "X"}),
        call("read_oss_file", {"name": "../x"}),
        call("get_weather", {"city": "x"}, token="canary-not-a-token"),
    ]
    assert "***" in json.dumps(answers)
    assert "canary" not in json.dumps(answers) + caplog.text + "".join(capsys.readouterr())


# Who may call


@pytest.mark.parametrize(
    "minted",
    [
        lambda: "",
        lambda: "canary-not-a-token",
        lambda: token_for("get_weather", {"city": "x"}, to="process"),
        lambda: token_for("get_weather", {"city": "x"}, by="chat", key=CHAT_KEY),
        lambda: token_for("get_weather", {"city": "x"}, by="process", key=CHAT_KEY),
        lambda: token_for("get_time", {"city": "x"}),
        lambda: token_for("get_weather", {"city": "y"}),
        lambda: token_for("get_weather", {"city": "x"}, call="call-2"),
        token_for,
    ],
    ids=["none", "garbage", "audience", "minter", "key", "tool", "arguments", "call", "no call"],
)
def test_a_token_that_is_not_for_exactly_this_call_is_refused(ask, world, minted):
    body = {"call_id": "call-1", "arguments": {"city": "x"}, "language": "en"}
    status, answer = ask("POST", "/tools/get_weather/call", body, minted())
    assert (status, answer["error"]["code"]) == (401, "token_invalid")
    assert world.actions == world.requests == []


def test_only_chat_says_that_a_permission_was_withdrawn(ask, world):
    body = {"provider": "time"}
    for token, status in ((token_for(), 401), ("", 401), (withdrawal(), 403), (withdrawal({"provider": "x"}), 401)):
        assert ask("POST", "/withdrawals", body, token)[0] == status
    assert ask("POST", "/withdrawals", {"provider": ""}, withdrawal())[0] == 422
    assert world.actions == world.requests == []


def withdrawal(body=None):
    digest = arguments_hash(body or {"provider": "time"})
    return token_for(by="chat", key=CHAT_KEY, arguments_hash=digest)


def test_the_list_is_for_process_alone(ask):
    for token in ("", token_for(by="chat", key=CHAT_KEY), token_for(to="chat")):
        assert ask("GET", "/tools", token=token)[0] == 401


@pytest.mark.parametrize(
    "named",
    [
        {"who": "alice", "delegation_id": handed("bob")},
        {"who": "bob", "delegation_id": handed("alice")},
        {"run_id": "run-nobody"},
        {"run_id": ""},
        {"delegation_id": ""},
    ],
    ids=["bob's delegation", "alice's delegation", "no such run", "no run", "no delegation"],
)
def test_a_run_and_a_delegation_that_do_not_belong_together_are_refused(call, world, named):
    status, body = call("get_weather", {"city": "x"}, **named)
    assert (status, body["error"]["code"]) == (403, "delegation_mismatch")
    assert world.actions == world.requests == []


def test_a_run_that_names_somebody_elses_delegation_is_refused(call, world, store):
    asyncio.run(add_person(store, ALICE, "carol"))
    asyncio.run(store.withdraw_delegation("dlg-carol", asyncio.run(store.delegation("dlg-carol")).created_at))
    store._runs["run-carol"] = replace(store._runs["run-carol"], delegation_id=handed("bob"))
    status, body = call("get_weather", {"city": "x"}, run_id="run-carol", delegation_id=handed("bob"))
    assert (status, body["error"]["code"]) == (403, "delegation_mismatch")
    assert world.actions == []


def test_a_run_that_has_ended_acts_for_nobody(call, world, store):
    asyncio.run(add_person(store, ALICE, "ended", status="completed"))
    status, body = call("get_weather", {"city": "x"}, who="ended")
    assert (status, body["error"]["code"]) == (403, "delegation_mismatch")
    assert world.actions == []


def test_a_sign_in_that_ended_is_told_and_never_becomes_a_weaker_identity(call, world, store):
    asyncio.run(add_person(store, ALICE, "late", ends=timedelta(seconds=-1)))
    status, body = call("get_weather", {"city": "x"}, who="late")
    assert (status, body["status"], body["error"]["code"]) == (200, "error", "sign_in_again")
    assert world.actions == world.requests == []


# What may be sent


def test_an_unknown_tool_is_not_found(call):
    status, body = call("nothing", {})
    assert (status, body["error"]["code"]) == (404, "unknown_tool")


@pytest.mark.parametrize(
    "raw",
    [
        "not json",
        "[]",
        "{}",
        '{"call_id": 3, "arguments": {}}',
        '{"call_id": "call-1", "arguments": []}',
        '{"call_id": "", "arguments": {}}',
        '{"call_id": "call-1", "arguments": {}, "language": "fr"}',
        '{"call_id": "call-1", "arguments": {}, "user": "bob"}',
        '{"call_id": "call-1", "arguments": {"city": NaN}}',
        '{"call_id": "call-1", "arguments": {"city": "\\ud800"}}',
        '{"call_id": "call-1", "arguments": ' + "[" * 5000,
    ],
)
def test_a_malformed_body_is_refused_in_fastapis_form_without_repeating_it(ask, world, raw):
    status, body = ask("POST", "/tools/get_weather/call", token=token_for("get_weather", {"city": "x"}), raw=raw)
    assert status == 422
    assert body["detail"][0]["loc"][0] == "body"
    assert "input" not in body["detail"][0]
    assert world.actions == []


def test_a_body_above_the_limit_is_refused(ask):
    raw = json.dumps({"call_id": "c", "arguments": {"city": "x" * MAX_BODY_BYTES}})
    status, body = ask("POST", "/tools/get_weather/call", token=token_for("get_weather", {}), raw=raw)
    assert (status, body["error"]["code"]) == (413, "too_large")


# The entry


def test_each_use_of_a_credential_is_one_entry_of_the_ledger_and_verifies(call, world, store):
    world.pages[WEATHER] = (200, {}, {"temperature": 21})
    call("get_weather", {"city": "Hangzhou"})
    world.pages[WEATHER] = (500, {}, {"message": "no"})
    call("get_weather", {"city": "Hangzhou"}, call_id="call-2", call="call-2")
    world.needs_consent = True
    call("write_dingtalk_document", {"document": "X", "text": "hello"}, call_id="call-3", call="call-3")
    call("get_weather", {"town": 7})
    entries = asyncio.run(store.ledger())
    told = [(row.call_id, row.tool, row.kind, row.provider, row.decision, row.outcome) for row in entries]
    assert told == [
        ("call-1", "get_weather", "api_key", "weather", "issued", "ok"),
        ("call-2", "get_weather", "api_key", "weather", "issued", "provider_failed"),
        ("call-3", "write_dingtalk_document", "oauth", "dingtalk", "asked", "waits"),
    ]
    assert {(row.user, row.run_id, row.actor) for row in entries} == {(ALICE, "run-alice", "process")}
    assert entries[0].fingerprint == entries[1].fingerprint != entries[2].fingerprint == ""
    assert entries[2].scopes == ("document.read", "document.write")
    assert "canary" not in repr(entries)
    key = LedgerKey(Secret("ledger-key-of-the-tests"))
    assert asyncio.run(verify(store, key)) == 3


def test_a_change_is_made_once_however_often_its_token_is_shown(call, world):
    world.pages[DOCUMENT] = (200, {}, {"id": "X", "text": "hello"})
    arguments = {"document": "X", "text": "hello"}
    token = token_for("write_dingtalk_document", arguments)
    assert call("write_dingtalk_document", arguments, token=token)[0] == 200
    status, body = call("write_dingtalk_document", arguments, token=token)
    assert (status, body["error"]["code"]) == (401, "token_invalid")
    assert len(world.requests) == 1


def test_what_changes_nothing_may_be_asked_again(call, world):
    world.pages[WEATHER] = (200, {}, {"temperature": 21})
    token = token_for("get_weather", {"city": "Hangzhou"})
    assert [call("get_weather", {"city": "Hangzhou"}, token=token)[0] for _ in range(2)] == [200, 200]


def test_the_entry_serves_from_its_environment_alone(world, tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'fujie.db'}"
    asyncio.run(prepared(url))
    environ = entry_environ(world, url)
    world.pages[WEATHER] = (200, {}, {"city": "x"})
    arguments = {"city": "x"}
    body = json.dumps({"call_id": "call-1", "arguments": arguments})
    (tmp_path / "event.json").write_bytes(
        event("POST", "/tools/get_weather/call", body, token_for("get_weather", arguments))
    )
    code = "import sys; from functions.tool.main import handler; event = open(sys.argv[1], 'rb').read()"
    code += "; print(handler(event, None)['body']); handler.close()"
    command = [sys.executable, "-c", code, str(tmp_path / "event.json")]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert answer.get("output") == {"city": "x"}, answer
    assert "canary" not in ran.stdout + ran.stderr


def test_the_entry_without_its_key_says_which_setting_is_missing(world, tmp_path):
    environ = entry_environ(world, f"sqlite+aiosqlite:///{tmp_path / 'fujie.db'}")
    del environ["FUJIE_SEALING_PRIVATE_KEY"]
    command = [sys.executable, "-c", "import functions.tool.main"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert "FUJIE_SEALING_PRIVATE_KEY" in ran.stderr


async def prepared(url):
    await migrate(url)
    store = SqlStore(url)
    await add_person(store, ALICE, "alice")
    await store.close()


def entry_environ(world, url):
    return os.environ | {
        "FC_FUNCTION_NAME": "tool",
        "FUJIE_DATABASE_URL": url,
        "FUJIE_PUBLIC_URL": "https://stack.example",
        "FUJIE_WORKLOAD_IDENTITY": "fujie-test-agent",
        "FUJIE_AGENTIDENTITYDATA_ENDPOINT": world.url,
        "FUJIE_ENDPOINTS": json.dumps(settings_for(world).endpoints),
        "FUJIE_INTERNAL_PUBLIC_KEYS": json.dumps({"process": PROCESS_PUBLIC}),
        "FUJIE_SEALING_PRIVATE_KEY": SEALING_PRIVATE.reveal(),
        "FUJIE_LEDGER_KEY": "ledger-key",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.tool",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "canary-role-secret",
    }
