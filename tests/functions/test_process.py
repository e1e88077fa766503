"""process over HTTP: who is let in, what is answered, and what a disconnect does."""

import asyncio
import json
import socket
from dataclasses import replace

import httpx2
import pytest
import uvicorn

from fujie import clock
from fujie.agents.serving import stream
from fujie.agents.tool_client import ToolOutcome, ToolWaits
from fujie.identity.delegation import row_id_of
from fujie.sessions.errors import StoreUnavailableError
from fujie.sessions.sql import SqlStore
from functions.process.app import create_app
from tests.agents.doubles import NOON, FakeTools, ScriptedMind, consent_request, eventually
from tests.functions.process_world import ALICE, BOB, ID_TOKEN, Connection, ProcessWorld, events_of, question


def world(*script, **tools):
    return ProcessWorld(ScriptedMind(*script), FakeTools(**tools))


async def paused_world(*after):
    made = world([("get_time", {})], *after)
    answers = [ToolWaits(consent_request("c1")), NOON]

    async def get_time(call, behalf):
        if len(answers) == 2:
            await made.store.add_consent(consent_row(behalf.run))
        return answers.pop(0)

    made.tools.answers["get_time"] = get_time
    answer = await made.ask(question("time?", session_id="s"))
    run_id = events_of(answer)[0]["id"].removeprefix("response_")
    return made, run_id, answer


def consent_row(run):
    from datetime import timedelta

    from fujie.identity.rows import Consent

    now = clock.now()
    return Consent(
        "c1", ALICE, run.id, "call", run.delegation_id, "time", ("time.read",), "get_time", "", "state", "", "",
        "requested", now, now + timedelta(minutes=10),
    )  # fmt: skip


async def test_a_question_of_chat_is_answered_as_a_stream():
    made = world("hello you")
    answer = await made.ask(question("hi", session_id="s1"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    events = events_of(answer)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["status"], events[0]["session_id"]) == ("created", "s1")
    assert events[-1]["status"] == "completed"
    run = await made.store.run(events[0]["id"].removeprefix("response_"))
    assert (run.user, run.delegation_id) == (ALICE, "dlg-alice")


async def test_a_bearer_id_token_is_sealed_at_once_and_kept_nowhere_in_clear():
    made = world("hello you")
    answer = await made.ask(question(), {"authorization": f"bearer {ID_TOKEN}"})
    run = await made.store.run(events_of(answer)[0]["id"].removeprefix("response_"))
    row = await made.store.delegation(row_id_of(run.delegation_id))
    assert made.opened(row, run.delegation_id).id_token.reveal() == ID_TOKEN
    assert (row.user, run.user) == (ALICE, ALICE)
    assert ID_TOKEN not in repr(row) + repr(run) + answer.text


async def test_one_token_has_one_delegation_however_often_it_calls():
    made = world("hello you")
    for _ in range(2):
        await made.ask(question(), {"authorization": f"bearer {ID_TOKEN}"})
    assert len(made.store._delegations) == 1
    assert len({run.delegation_id for run in made.store._runs.values()}) == 1


async def test_stream_false_answers_one_response_object():
    made = world("hello you")
    answer = await made.ask(question(stream=False))
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["object"], body["status"]) == ("response", "completed")
    assert body["output"][0]["content"][0]["text"] == "helloyou"


# Who is let in


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {ID_TOKEN}x"}],
)
async def test_without_a_good_token_nothing_begins(headers):
    made = world()
    answer = await made.ask(question(), headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "token_invalid"
    assert made.mind.seen == []


@pytest.mark.parametrize("claims", [{"minter": "callback"}, {"minter": "tool"}, {"audience": "tool"}])
async def test_only_chat_speaks_to_process(claims):
    made = world()
    assert (await made.ask(question(), await made.bearer(**claims))).status_code == 401


async def test_a_withdrawn_delegation_means_sign_in_again():
    made = world()
    headers = await made.bearer()
    await made.store.withdraw_delegation("dlg-alice", clock.now())
    answer = await made.ask(question(), headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "sign_in_again")


async def test_a_user_id_in_the_body_is_not_believed():
    made = world("hello you")
    answer = await made.ask(question(user_id=BOB.id))
    run = await made.store.run(events_of(answer)[0]["id"].removeprefix("response_"))
    assert run.user == ALICE


async def test_a_busy_conversation_is_a_conflict_and_somebody_elses_of_the_name_is_another():
    made, _, _ = await paused_world()
    made.mind.script.insert(0, "hello bob")
    foreign = await made.ask(question(session_id="s"), await made.bearer(user=BOB))
    assert (foreign.status_code, events_of(foreign)[-1]["session_id"]) == (200, "s")
    busy = await made.ask(question(session_id="s"))
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "conflict")
    assert busy.json()["error"]["repair"]


# What is wrong with a body


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b'{"input": [', "json_invalid"), (b"[]", "dict_type"), (b"{}", "missing"), (b'{"input": "hi"}', "list_type")],
)
async def test_a_malformed_body_gets_fastapis_form(body, kind):
    made = world()
    answer = await made.ask(body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == kind


async def test_a_body_beyond_the_limit_is_refused_and_the_next_is_answered():
    made = world("hello you")
    answer = await made.ask(question("x" * (1024 * 1024)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert (await made.ask(question())).status_code == 200


async def test_other_methods_and_paths_are_not_served():
    made = world()
    assert (await made.client.get("/process")).status_code == 405
    assert (await made.client.get("/openapi.json")).status_code == 404
    assert (await made.client.get("/health")).json() == {"status": "ok"}


# Pause, wake, cancel


async def test_a_pause_ends_the_stream_and_a_wake_finishes_the_run_once(monkeypatch):
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    made, run_id, answer = await paused_world("it's noon")
    assert events_of(answer)[-1]["status"] == "incomplete"
    assert await made.store.move_consent("c1", ("requested",), "completed")
    for _ in range(2):
        woken = await wake(made, run_id)
        assert woken.status_code == 200
    assert (await made.store.run(run_id)).status == "completed"
    assert len(made.tools.calls) == 2


@pytest.mark.parametrize(
    "claims", [{"run_id": "another"}, {"minter": "process"}, {"minter": "tool"}, {"audience": "tool"}, {"user": BOB}]
)
async def test_a_wake_needs_a_token_for_this_run(monkeypatch, claims):
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    made, run_id, _ = await paused_world()
    await made.store.move_consent("c1", ("requested",), "completed")
    assert (await wake(made, run_id, **claims)).status_code in {401, 403}
    assert (await made.store.run(run_id)).status == "waiting"


async def test_a_wake_from_outside_the_platform_finds_nothing():
    made, run_id, _ = await paused_world()
    assert (await wake(made, run_id)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type":"resume_run"}',
        b'{"type":"other","run_id":"a","token":"b"}',
        b'{"type":"migrate","to":"base"}',
    ],
)
async def test_an_event_that_is_no_wake_up_is_refused(monkeypatch, body):
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    answer = await world().client.post("/invoke", content=body, headers={"x-fc-control-path": "/invoke"})
    assert answer.status_code == 400


@pytest.fixture
def empty_store(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"


async def migrated(url, **headers):
    app = create_app(replace(world().parts, database_url=url))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://process") as client:
        return await client.post("/invoke", json={"type": "migrate"}, headers=headers)


async def test_a_deployments_event_prepares_the_store_however_often_it_comes(monkeypatch, empty_store):
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    event = {"x-fc-control-path": "/invoke"}
    answers = await asyncio.gather(*(migrated(empty_store, **event) for _ in range(3)))
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"status": "done"})] * 3
    store = SqlStore(empty_store)
    await store.open()
    await store.close()


@pytest.mark.parametrize("headers", [{}, {"x-fc-control-path": "/http-invoke"}])
async def test_nobody_from_outside_prepares_the_store(monkeypatch, empty_store, headers):
    monkeypatch.setenv("FC_FUNCTION_NAME", "process")
    assert (await migrated(empty_store, **headers)).status_code == 404
    store = SqlStore(empty_store)
    with pytest.raises(StoreUnavailableError):
        await store.open()
    await store.close()


async def wake(made, woken, **claims):
    bearer = await made.bearer(**({"minter": "callback", "run_id": woken} | claims))
    event = {"type": "resume_run", "run_id": woken, "token": bearer["authorization"].split()[1]}
    return await made.client.post("/invoke", json=event, headers={"x-fc-control-path": "/invoke"})


async def test_a_waiting_run_is_canceled_by_its_user_alone():
    made, run_id, _ = await paused_world()
    path = f"/runtime/runs/{run_id}/cancel"
    assert (await made.client.post(path, headers=await made.bearer(user=BOB))).status_code == 403
    assert (await made.client.post(path)).status_code == 401
    assert (await made.client.post(path, headers={"authorization": f"Bearer {ID_TOKEN}"})).status_code == 401
    answer = await made.client.post(path, headers=await made.bearer())
    assert (answer.status_code, answer.json()) == (202, {"status": "canceled"})
    assert (await made.client.post("/runtime/runs/x/cancel", headers=await made.bearer())).status_code == 404


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_cancels_its_run(stream):
    made = world(lambda: asyncio.sleep(60))
    body = json.dumps(question(session_id="s", stream=stream)).encode()
    connection = Connection(made.app, "/process", body, await made.bearer())
    await eventually(lambda: _running(made, "s"))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    (run,) = await made.store.runs("s")
    assert run.status == "canceled"
    assert len(asyncio.all_tasks()) == 1


async def test_a_connection_that_breaks_cancels_its_run_on_a_real_server():
    made = world(lambda: asyncio.sleep(60))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(made.app, log_level="error"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        body = json.dumps(question(session_id="s")).encode()
        bearer = (await made.bearer())["authorization"]
        head = f"POST /process HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await asyncio.wait_for(reader.readuntil(b'"status":"created"'), 3)
        writer.close()
        await eventually(lambda: _ended_as(made, "canceled"))
        server.should_exit = True
        await serving


async def _ended_as(made, status):
    return [run.status for run in await made.store.runs("s")] == [status]


async def test_text_reaches_the_client_before_the_answer_is_whole():
    more = asyncio.Event()

    async def told(call, behalf):
        await more.wait()
        return ToolOutcome("ok", ok=True)

    made = world([("wait", {})], "done now", wait=told)
    connection = Connection(made.app, "/process", json.dumps(question()).encode(), await made.bearer())
    await eventually(lambda: _said(connection, "plugin_call"))
    assert "plugin_call_output" not in connection.text
    more.set()
    await asyncio.wait_for(connection.task, 3)
    assert connection.text.endswith("\n\n")
    assert connection.sent[-1].get("more_body", False) is False


async def test_silence_is_filled_with_pings(monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    made = world(lambda: asyncio.sleep(60))
    connection = Connection(made.app, "/process", json.dumps(question()).encode(), await made.bearer())
    await eventually(lambda: _said(connection, ": ping\n\n: ping\n\n"))
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)


async def _running(made, conversation_id):
    return any([await made.store.events(run.id) for run in await made.store.runs(conversation_id)])


async def _said(connection, words):
    return words in connection.text
