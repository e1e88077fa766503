"""A2A on the wire: which version is spoken, what is wrong in whose words, the card and how it is cached."""

import asyncio
import json

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.agents.runs import RunService
from fujie.agents.serving.a2a import desk
from fujie.agents.serving.standalone import application
from fujie.identity.keys import new_signing_key
from fujie.protocols.events import TextDelta
from fujie.sessions.memory import MemoryStore
from tests.agents.doubles import FakeTools, eventually
from tests.contract.both_worlds import BOTH, World, durable
from tests.contract.runtime_world import EventMind
from tests.contract.streaming_asgi import StreamingASGI
from tests.functions.process_world import Connection
from tests.protocols.any_events import JSON

V1 = {"a2a-version": "1.0"}
ALICE = {"authorization": "Bearer alice"}
SAID = {"messageId": "q1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
SAID_0_3 = {"kind": "message", "messageId": "q1", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}


def call(method, params=None, **fields):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}} | fields


@pytest.fixture(params=BOTH)
def kept(request):
    return request.param


async def test_one_address_speaks_both_versions_as_the_header_or_the_parameter_says(kept):
    made = kept("one", "two", "three")
    new = (await made.post("/a2a", call("SendMessage", {"message": SAID}), **V1)).json()["result"]["task"]
    old = (await made.post("/a2a", call("message/send", {"message": SAID_0_3}))).json()["result"]
    by_parameter = (await made.post("/a2a?A2A-Version=1.0", call("SendMessage", {"message": SAID}))).json()
    assert new["status"]["state"] == by_parameter["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert (old["kind"], old["status"]["state"]) == ("task", "completed")


@pytest.mark.parametrize(
    ("headers", "method", "spoken"),
    [({}, "SendMessage", "1.0"), (V1, "message/send", "0.3"), ({"a2a-version": "2.0"}, "SendMessage", "0.3, 1.0")],
)
async def test_a_method_of_the_other_version_is_told_which_to_ask_for(headers, method, spoken):
    answer = (await durable().post("/a2a", call(method, {"message": SAID}), **headers)).json()
    assert answer["error"]["code"] == -32009
    assert f"A2A-Version: {spoken}" in answer["error"]["message"]


async def test_over_http_the_path_tells_0_3_and_without_it_the_header_must_say_1_0():
    made = durable("one", "two", "three")
    assert (await made.post("/a2a/message:send", {"message": SAID}, **V1)).json()["task"]["id"]
    assert (await made.post("/a2a/v1/message:send", {"message": SAID}, **V1)).json()["task"]["artifacts"]
    old = (await made.post("/a2a/v1/message:send", {"message": SAID_0_3})).json()["task"]
    assert old["history"][0]["content"] == [{"text": "hi"}]
    refused = await made.post("/a2a/message:send", {"message": SAID})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/a2a+json")
    assert refused.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
    assert refused.json()["error"]["details"][0]["metadata"]["supportedVersions"] == "1.0"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc": "1.0", "id": 7, "method": "GetTask"}', -32600)],
)
async def test_what_is_no_call_is_answered_as_json_rpc_wants(body, code):
    answer = await durable().post("/a2a", body, **V1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code)
    assert answer.json()["id"] == (7 if b'"id"' in body else None)


async def test_an_unknown_method_a_wrong_parameter_and_an_unknown_task_have_their_codes():
    made = durable()
    codes = [
        (await made.post("/a2a", call(method, params), **V1)).json()["error"]["code"]
        for method, params in (("Dance", {}), ("GetTask", {}), ("GetTask", {"id": "t"}))
    ]
    assert codes == [-32601, -32602, -32001]
    missing = await made.client.get("/a2a/tasks/t", headers=ALICE | V1)
    assert (missing.status_code, missing.json()["error"]["status"]) == (404, "NOT_FOUND")
    wrong = await made.client.get("/a2a/tasks?pageSize=0", headers=ALICE | V1)
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    old = await made.client.get("/a2a/v1/tasks/t", headers=ALICE)
    assert (old.status_code, old.json()["type"]) == (404, "TaskNotFoundError")
    none = await made.client.get("/a2a/v1/tasks", headers=ALICE)
    assert (none.status_code, none.json()["type"]) == (404, "MethodNotFoundError")


async def test_0_3_asks_for_a_stream_and_reads_errors_in_one():
    answer = await durable().post("/a2a", call("tasks/resubscribe", {"id": "t"}))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert json.loads(answer.text.removeprefix("data: "))["error"]["code"] == -32001
    refused = await durable().post("/a2a", call("message/stream", {}), who="nobody")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("path", ["/a2a", "/a2a/message:send", "/a2a/v1/message:send", "/a2a/tasks/t:cancel"])
async def test_nobody_does_anything_without_a_token_and_is_told_how_to_come_back(path):
    answer = await durable().post(path, call("SendMessage", {"message": SAID}), who="nobody", **V1)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_body_over_the_limit_is_refused_by_http():
    answer = await durable().post("/a2a", b" " * (1024 * 1024 + 1), **V1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, -32600)


async def test_a_page_of_long_tasks_ends_early_and_says_where_the_next_begins(kept, monkeypatch):
    monkeypatch.setattr(desk, "MAX_PAGE_CHARS", 400)
    made = kept(*["x" * 300] * 5)
    for _ in range(5):
        assert (await made.post("/a2a", call("SendMessage", {"message": SAID}), **V1)).status_code == 200
    sizes, token, seen = [], "", []
    while token or not sizes:
        asked = call("ListTasks", {"pageSize": 100, "pageToken": token})
        page = (await made.post("/a2a", asked, **V1)).json()["result"]
        sizes.append(len(page["tasks"]))
        seen += [task["id"] for task in page["tasks"]]
        token = page["nextPageToken"]
    assert len(set(seen)) == len(seen) == 5
    assert max(sizes) <= 2


@pytest.mark.parametrize("method", ["SendStreamingMessage", "SendMessage"])
async def test_a_client_that_goes_away_before_the_end_ends_no_task(kept, method):
    began, go = asyncio.Event(), asyncio.Event()

    async def wait():
        began.set()
        await go.wait()

    made = kept((TextDelta("m", "Hel"), wait, TextDelta("m", "lo")))
    body = json.dumps(call(method, {"message": SAID | {"contextId": "s1"}})).encode()
    connection = Connection(made.app, "/a2a", body, ALICE | V1)
    await asyncio.wait_for(began.wait(), 3)
    connection.go_away()
    await asyncio.wait_for(connection.task, 3)
    (task,) = (await made.post("/a2a", call("ListTasks", {"contextId": "s1"}), **V1)).json()["result"]["tasks"]
    assert task["status"]["state"] in {"TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"}  # as far as the log was written
    go.set()

    async def done():
        found = (await made.post("/a2a", call("GetTask", {"id": task["id"]}), **V1)).json()["result"]
        return found.get("artifacts") == [{"artifactId": "m", "parts": [{"text": "Hello"}]}]

    await eventually(done)


async def test_a_task_is_read_on_at_another_instance_over_the_same_store():
    go, store = asyncio.Event(), MemoryStore()
    minds = EventMind((TextDelta("m", "Hel"), go.wait, TextDelta("m", "lo"))), EventMind()
    one, two = (World(RunService(store, mind, FakeTools(), agent="Fujie"), mind) for mind in minds)
    await one.post("/a2a/message:send", {"message": SAID, "configuration": {"returnImmediately": True}}, **V1)
    ((run_id, _),) = store._runs.items()
    await eventually(lambda: _is(len(store._events.get(run_id, ())) == 2))
    connection = Connection(two.app, f"/a2a/tasks/{run_id}:subscribe", b"", ALICE | V1)
    await eventually(lambda: _is('"Hel"' in connection.text))
    go.set()
    await asyncio.wait_for(connection.task, 3)
    frames = [json.loads(frame.removeprefix("data: ")) for frame in connection.text.split("\n\n") if frame]
    assert frames[0]["task"]["artifacts"] == [{"artifactId": "m", "parts": [{"text": "Hel"}]}]
    assert frames[1]["artifactUpdate"]["artifact"]["parts"] == [{"text": "lo"}]
    assert frames[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_reader_that_stops_reading_stops_the_agent(kept):
    said = []

    async def note():
        said.append(len(said))

    made = kept(tuple(piece for _ in range(900) for piece in (TextDelta("m", "x" * 4096), note)))
    body = json.dumps(call("SendStreamingMessage", {"message": SAID})).encode()
    connection = Connection(made.app, "/a2a", body, ALICE | V1)
    connection.reading.clear()
    await eventually(lambda: _is(bool(said)))
    for _ in range(50):
        await asyncio.sleep(0)
    stopped = len(said)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(said) == stopped < 600
    connection.reading.set()
    await asyncio.wait_for(connection.task, 10)
    assert len(said) == 900


async def _is(true):
    return true


BODIES = st.binary(max_size=32) | st.builds(
    lambda method, params, version: json.dumps(
        {"jsonrpc": version, "id": 1, "method": method, "params": params}
    ).encode(),
    st.sampled_from(["SendMessage", "GetTask", "ListTasks", "message/send", "tasks/get", "tasks/resubscribe", "x"]),
    JSON | st.dictionaries(st.sampled_from(["id", "message", "pageToken", "taskId", "configuration"]), JSON),
    st.sampled_from(["2.0", "1.0"]),
)
PATHS = st.sampled_from(
    ["/a2a", "/a2a/message:send", "/a2a/v1/message:stream", "/a2a/tasks/x:cancel", "/a2a/v1/tasks/x:cancel"]
)


@settings(max_examples=60, deadline=None)
@given(BODIES, PATHS, st.sampled_from(["1.0", "0.3", "", "9.9", "\x00"]))
def test_whatever_comes_is_answered_in_the_protocols_words_and_never_as_a_fault_of_ours(body, path, version):
    answer = asyncio.run(durable().post(path, body, **{"a2a-version": version}))
    assert answer.status_code < 500 or answer.status_code == 501
    said = answer.text.removeprefix("data: ") if "event-stream" in answer.headers["content-type"] else answer.text
    value = json.loads(said)
    if "result" not in value:  # such as an empty list of tasks
        error = value.get("error", value)
        assert error.get("code", 0) != -32603
        assert error["message"]


# The card


def alone(**config):
    made = application(AgentApp("Friday", "Helps.", config=AgentConfig(open_access="anywhere", **config)))
    return httpx2.AsyncClient(transport=StreamingASGI(made.answer), base_url="http://friday.example:8080")


async def test_the_card_tells_the_public_address_and_is_sent_again_only_when_it_changed():
    client = alone(public_url="https://agents.example/", card_key=new_signing_key()[0])
    first = await client.get("/.well-known/agent-card.json")
    assert first.json()["url"] == "https://agents.example/a2a"
    assert len(first.json()["signatures"]) == 3
    assert first.headers["cache-control"] == "public, max-age=300"
    again = await client.get("/.well-known/agent-card.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_without_a_public_address_the_card_is_for_who_asked_unsigned_and_not_kept():
    client = alone(card_key=new_signing_key()[0])
    answer = await client.get("/.well-known/agent-card.json")
    assert answer.json()["url"] == "http://friday.example:8080/a2a"
    assert "signatures" not in answer.json()
    assert answer.headers["cache-control"] == "no-store"
    refused = await client.get("/.well-known/agent-card.json", headers={"host": "evil.example/<x>"})
    assert refused.status_code == 400


async def test_an_open_agent_asks_for_no_token_and_says_so():
    client = alone()
    card = (await client.get("/.well-known/agent-card.json")).json()
    assert not {"securitySchemes", "security"} & card.keys()
    assert (await client.get("/a2a/jwks.json")).json() == {"keys": []}


async def test_an_agent_without_push_notifications_says_so_by_card_and_by_code():
    made = durable()
    card = (await made.client.get("/.well-known/agent-card.json")).json()
    assert card["capabilities"]["pushNotifications"] is False
    params = {"taskId": "t", "url": "https://hooks.example/"}
    answer = (await made.post("/a2a", call("CreateTaskPushNotificationConfig", params), **V1)).json()
    assert answer["error"]["code"] == -32003
