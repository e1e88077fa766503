"""What a call may take along, and what it may leave behind: tool with its cloud, its providers and a real database."""

import asyncio
import contextlib
import json
import logging
import sqlite3
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fujie.fc.handler import fc_handler
from fujie.identity.keys import new_wrapping_key
from fujie.sessions.migrate import migrate
from fujie.sessions.sql import SqlStore
from functions.tool.app import create_app
from functions.tool.manifest import TOOLS
from functions.tool.parts import parts_from_settings
from tests.functions.test_tool import (  # noqa: F401  tool and its world, seen by an attacker
    DOCUMENT,
    WEATHER,
    ask,
    call,
    event,
    handler,
    world,
)
from tests.functions.test_tool import store as memory_store
from tests.functions.tool_world import (
    ALICE,
    BOB,
    ID_TOKEN,
    SEALING_PRIVATE,
    add_person,
    handed,
    settings_for,
    token_for,
)

store = memory_store
CALLS = [
    ("get_weather", {"city": "x"}),
    ("get_current_time", {}),
    ("list_ecs_instances", {}),
    ("get_schedule", {}),
    ("read_oss_file", {"name": "notes.txt"}),
    ("read_dingtalk_document", {"document": "X"}),
    ("write_dingtalk_document", {"document": "X", "text": "hello"}),
]
FOR_JWT = "GetWorkloadAccessTokenForJWT"


def test_every_tool_that_ships_is_tried_here():
    """Hurt: whoever uses a tool that these attacks forgot."""
    assert {name for name, _ in CALLS} == {tool.name for tool in TOOLS}


@pytest.mark.parametrize(("name", "arguments"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_no_inbound_token_goes_out(call, world, name, arguments):  # noqa: F811
    """Hurt: Alice, whose id_token (or our own right to speak for her) a provider could use everywhere else."""
    inbound = token_for(name, arguments)
    call(name, arguments, token=inbound)
    secret = handed("alice").partition(".")[2]
    assert world.requests or name == "get_schedule"
    for kept in (inbound, secret, ID_TOKEN):
        assert kept not in str(world.requests)
    for action, form in world.actions:
        said = str(form)
        assert inbound not in said
        assert secret not in said
        assert (ID_TOKEN in said) == (action == FOR_JWT)


def test_to_say_which_tools_there_are_asks_nobody_for_anything(ask, world):  # noqa: F811
    """Hurt: everybody, who would allow everything before the first answer, and so learn to allow whatever comes."""
    assert ask("GET", "/tools", token=token_for())[0] == 200
    assert world.actions == world.requests == []


WISHES = {
    "scopes": ["document.admin"],
    "provider": "dingtalk",
    "credential": {"kind": "oauth"},
    "access_token": "x",
    "user": "bob",
    "user_id": BOB.id,
    "tenant": "other",
    "workload_identity": "admin",
    "delegation_id": handed("bob"),
    "hosts": ["evil.example"],
    "policy": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    "session_name": "root",
    "context": {},
}


@pytest.mark.parametrize("wish", WISHES)
def test_no_argument_asks_for_more(call, world, wish):  # noqa: F811
    """Hurt: Alice, whose assistant a poisoned document talks into asking for more than the tool was declared for."""
    for name, arguments in CALLS:
        _, body = call(name, arguments | {wish: WISHES[wish]})
        assert body["error"]["code"] == "invalid_arguments", name
    assert world.actions == world.requests == []


def test_the_policy_of_a_call_is_made_of_the_declaration_and_of_whom_the_token_names(call, world):  # noqa: F811
    """Hurt: Bob, whose files an argument of Alice's call would name."""
    call("read_oss_file", {"name": f"{BOB.id}"})
    [form] = [form for action, form in world.actions if action == "AssumeRoleForWorkloadIdentity"]
    resources = [statement["Resource"] for statement in json.loads(form["Policy"])["Statement"]]
    assert resources == [[f"acs:oss:*:*:stack-bucket/users/{ALICE.id}/files/{BOB.id}"]]


@pytest.mark.parametrize(
    ("who", "delegation"), [("alice", "bob"), ("bob", "alice")], ids=["bob's delegation", "alice's delegation"]
)
def test_the_deputy_is_not_confused_by_a_run_of_one_and_a_delegation_of_another(call, world, who, delegation):  # noqa: F811
    """Hurt: whoever of the two is named only by what was put beside the other's."""
    status, body = call("get_weather", {"city": "x"}, who=who, delegation_id=handed(delegation))
    assert (status, body["error"]["code"]) == (403, "delegation_mismatch")
    assert world.actions == world.requests == []


def test_a_user_token_that_the_cloud_refuses_asks_for_nothing_weaker(call, world):  # noqa: F811
    """Hurt: everybody whose id the workload could otherwise simply name: a bad token would be worth a good one."""
    usual = world.cloud

    def refusing(action, body):
        given = usual(action, body)
        return (400, {}, {"Code": "InvalidParameter.JsonWebToken", "RequestId": "r"}) if action == FOR_JWT else given

    world.cloud = refusing
    for name, arguments in CALLS:
        _, body = call(name, arguments)
        assert body["error"]["code"] == "token_invalid", name
    assert {action for action, _ in world.actions} == {FOR_JWT}
    assert world.requests == []


# Canaries


async def prepared(url):
    await migrate(url)
    kept = SqlStore(url)
    await add_person(kept, ALICE, "alice")
    await kept.close()


def tables_of(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {name: [str(row) for row in database.execute(f'select * from "{name}"')] for name in names}


@pytest.fixture
def spans(monkeypatch):
    """Every span that anything records while the test runs."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    with trace.get_tracer("control").start_as_current_span("control"):
        pass
    return exporter


def test_no_canary_is_in_any_log_trace_answer_or_table(world, tmp_path, monkeypatch, caplog, capsys, spans):  # noqa: F811
    """Hurt: Alice and Bob, and the stack itself: whoever may read logs, traces or the database would act as they."""
    path = tmp_path / "fujie.db"
    url = f"sqlite+aiosqlite:///{path}"
    asyncio.run(prepared(url))
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.tool")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary-role-secret")
    for logger, level in (("fujie", logging.DEBUG), ("functions", logging.DEBUG), ("sqlalchemy.engine", logging.INFO)):
        caplog.set_level(level, logger=logger)
    wrapping = new_wrapping_key()
    settings = settings_for(world, database_url=url, shared_cache_key=wrapping)
    tool = fc_handler(create_app(parts_from_settings(settings, TOOLS)))
    world.pages[WEATHER] = (200, {}, {"echo": "canary-api-key"})
    world.pages[DOCUMENT] = (500, {}, {"echo": "canary-access-token"})
    try:
        world.needs_consent = True
        said = [asked(tool, "get_current_time", {}, call_id="call-2")]
        world.needs_consent = False
        said += [asked(tool, name, arguments) for name, arguments in CALLS]
        said.append(asked(tool, "get_weather", {"city": "canary-in-an-argument"}, token="canary-not-a-token"))
    finally:
        tool.close()
    tables = tables_of(path)
    for name in ("delegations", "consents", "ledger", "shared_credentials", "grants"):
        assert tables[name], f"{name} holds nothing, so this proves nothing"
    assert [span.name for span in spans.get_finished_spans()].count("control") == 1
    places = {
        "answers": str(said),
        "logs": caplog.text + "".join(capsys.readouterr()),
        "traces": "".join(span.to_json() for span in spans.get_finished_spans()),
        "tables": str(tables),
    }
    held = [json.loads(SEALING_PRIVATE.reveal())["d"], json.loads(wrapping.reveal())["k"], "ledger-key-of-the-tests"]
    for place, text in places.items():
        for secret in ("canary", *held):
            assert secret not in text, f"{secret[:10]} in the {place}"


def asked(tool, name, arguments, *, call_id="call-1", token=""):
    body = json.dumps({"call_id": call_id, "arguments": arguments, "language": "en"})
    token = token or token_for(name, arguments, call=call_id)
    return tool(event("POST", f"/tools/{name}/call", body, token), SimpleNamespace())["body"]
