"""A developer's own function that meets what its user has to allow, over every protocol, served alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentConfig
from fujie.identity.errors import OwnAuthorizationRequired
from fujie.identity.links import Link
from fujie.permission import ConsentRequest, Scope
from tests.agents.calling import alive, client, question

ADDRESS = "https://cloud.example/authorize?session=1"
V1 = {"a2a-version": "1.0"}
MCP = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "Library"}
URLS = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", **URLS}


def a2a(**message):
    return {"message": {"messageId": "q", "role": "ROLE_USER", "parts": [{"text": "hi"}], **message}}


def ag_ui(**fields):
    return {
        "threadId": "t", "runId": "r", "state": {}, "tools": [], "context": [], "forwardedProps": {},
        "messages": [{"id": "m", "role": "user", "content": "hi"}], **fields,
    }  # fmt: skip


def mcp(**params):
    params = {"name": "Library", "arguments": {"message": "hi"}, "_meta": META, **params}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


ASKS = {
    "/process": (question("hi"), {}, '"status":"incomplete"'),
    "/v1/chat/completions": ({"messages": [{"role": "user", "content": "hi"}]}, {}, '"authorization_required"'),
    "/v1/responses": ({"input": "hi"}, {}, '"status":"incomplete"'),
    "/a2a/message:send": (a2a(), V1, '"TASK_STATE_AUTH_REQUIRED"'),
    "/ag-ui": (ag_ui(), {}, '"interrupt"'),
    "/mcp": (mcp(), MCP, '"input_required"'),
    "/invocations": ({"prompt": "hi"}, {}, '"authorization_required"'),
}


class Library:
    """An agent whose code needs its user's permission; `stands` is what the cloud says of the link."""

    def __init__(self, database):
        self.stands, self.links, self.calls = "open", [], 0
        self.app = AgentApp("Library", config=AgentConfig(open_access=True, database_url=database, timeout_s=5.0))
        self.app.query(self.answer)

    async def answer(self, msgs):
        self.calls += 1
        if self.stands != "granted":
            ends = datetime.now(UTC) + timedelta(minutes=5)
            self.links.append(Link(f"urn:{self.calls}", ends, self._asked))
            scopes = (Scope("books.read", {"en": "read your books"}),)
            shown = ConsentRequest("", "library", "The library", scopes, "", "", ADDRESS, ends.isoformat())
            raise OwnAuthorizationRequired(shown, session_uri="urn", expires_at=ends, link=self.links[-1])
        yield "Shanhaijing"

    async def _asked(self):
        return self.stands

    def grant(self):
        """Do what `identity.complete` does once the cloud has confirmed it."""
        self.stands = "granted"
        for listener in self.links[-1].listeners:
            listener()


@pytest.fixture(params=["", "kept"])
async def library(request, tmp_path):
    database = f"sqlite+aiosqlite:///{tmp_path}/runs.db" if request.param else ""
    made = Library(database)
    async with alive(made.app), client(made.app) as http:
        made.http = http
        yield made


async def asked(library, path, body=None):
    usual, headers, _ = ASKS[path]
    answer = await library.http.post(path, json=body or usual, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("path", ASKS)
async def test_the_pause_is_said_in_the_protocols_words_with_the_clouds_link(library, path):
    text = (await asked(library, path)).text.replace('": ', '":')
    assert ADDRESS in text
    assert ASKS[path][2] in text
    assert "Shanhaijing" not in text
    runs = library.app.application.served.runs
    (run,) = await runs.recent((await library.app.application.served.inbound.admit({})).user)
    assert run.status == "waiting"
    library.grant()
    async for event in runs.watch(run.id, run.user):
        last = event
    assert (type(last).__name__, library.calls) == ("RunCompleted", 2)


async def test_a_word_to_a_task_that_waits_lets_it_go_on(library):
    task = (await asked(library, "/a2a/message:send")).json()["task"]
    library.grant()
    watched = await library.http.post(f"/a2a/tasks/{task['id']}:subscribe", headers=V1)
    assert "Shanhaijing" in watched.text or "ended" in watched.text
    told = (await library.http.get(f"/a2a/tasks/{task['id']}", headers=V1)).text
    assert "Shanhaijing" in told
    assert "TASK_STATE_COMPLETED" in told


async def test_a_resume_goes_on_and_a_cancelled_one_ends_the_run(library):
    frames = [json.loads(line[6:]) for line in (await asked(library, "/ag-ui")).text.split("\n") if line[:5] == "data:"]
    (interrupt,) = frames[-1]["outcome"]["interrupts"]
    library.grant()
    resume = [{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": True}}]
    told = await asked(library, "/ag-ui", ag_ui(runId="r2", resume=resume, messages=[]))
    assert "Shanhaijing" in told.text


async def test_a_call_that_is_sent_again_goes_on(library):
    state = (await asked(library, "/mcp")).json()["result"]["requestState"]
    library.grant()
    assert "Shanhaijing" in (await asked(library, "/mcp", mcp(requestState=state))).text
