"""The server: which route answers, what an error looks like, what is counted, and what is refused."""

import json

import pytest

from fujie.agents.config import AgentConfig, AgentMetadata
from fujie.agents.doors import Open
from fujie.agents.serving import protocols, server
from fujie.agents.serving.asgi import Answer, Route, answer
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.agents.serving.server import Server
from fujie.errors import InputError
from tests.agents.calling import client

SERVED = Served(None, Open(), AgentMetadata("a"))


def mine(error):
    return Answer(error.status, json.dumps({"mine": error.code}).encode())


def route(path, endpoint, method="POST", refuse=mine):
    return Route(method, path, endpoint, refuse)


async def _ok(request, send):
    await answer(send, Answer(200, json.dumps([dict(request.params), dict(request.query)]).encode()))


async def _wrong(request, send):
    raise InputError("no")


async def _bug(request, send):
    raise KeyError("secret")


async def _late(request, send):
    await answer(send, Answer(200, b"{}"))
    raise InputError("too late")


async def test_open_segments_and_queries_are_read():
    app = Server(SERVED, [route("/a/{x}/b/{y}", _ok), route("/a/c/b/d", _bug, "GET")])
    async with client(app) as http:
        assert (await http.post("/a/1/b/2%203?q=1&q=2&e=")).json() == [{"x": "1", "y": "2 3"}, {"q": "2", "e": ""}]
        assert (await http.post("/a//b/2")).status_code == 404
        assert (await http.post("/a/1/b/2?" + "&".join(f"k{i}" for i in range(65)))).status_code == 400


async def test_an_error_is_said_in_the_words_of_its_route_and_a_fault_tells_nothing():
    app = Server(SERVED, [route("/wrong", _wrong), route("/bug", _bug), route("/late", _late)])
    async with client(app) as http:
        assert (await http.post("/wrong")).json() == {"mine": "invalid_input"}
        bug = await http.post("/bug")
        assert (bug.status_code, bug.json()) == (500, {"mine": "internal"})
        assert (await http.post("/late")).status_code == 200
        refused = await http.get("/wrong")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert (await http.get("/none")).status_code == 404


async def test_what_is_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(server, "MAX_HEADER_BYTES", 200)
    app = Server(SERVED, [route("/ok", _ok)])
    async with client(app) as http:
        assert (await http.post("/ok", headers={"x-long": "x" * 200})).status_code == 431
    full = Server(
        Served(None, Open(), AgentMetadata("a"), AgentConfig(max_open_requests=0)),
        [route("/ok", _ok, refuse=plain_refusal)],
    )
    async with client(full) as http:
        answered = await http.post("/ok")
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")


async def test_answers_are_counted_by_route_and_nothing_of_what_was_asked_is_told():
    app = Server(SERVED, [route("/things/{name}", _ok), route("/wrong", _wrong)])
    async with client(app) as http:
        for name in ("secret-1", "secret-2"):
            await http.post(f"/things/{name}?q=secret")
        await http.post("/wrong")
        await http.post("/secret-path")
        told = (await http.get("/metrics")).text
    assert 'fujie_answers_total{method="POST",route="/things/{name}",status="200"} 2.0' in told
    assert 'fujie_answers_total{method="POST",route="/wrong",status="400"} 1.0' in told
    assert 'fujie_answers_total{method="",route="",status="404"} 1.0' in told
    assert 'fujie_answer_seconds_bucket{le="+Inf",route="/things/{name}"} 2.0' in told
    assert "fujie_open_requests 1.0" in told
    assert "secret" not in told


async def test_methods_that_somebody_made_up_are_not_counted_one_by_one():
    """Hurt: everybody: each made-up method took memory for good, and nobody asked who sent it."""
    app = Server(SERVED, [route("/ok", _ok)])
    async with client(app) as http:
        for number in range(5):
            assert (await http.request(f"MADEUP{number}", "/ok")).status_code == 405
            assert (await http.request(f"MADEUP{number}", "/none")).status_code == 404
        told = (await http.get("/metrics")).text
    assert "MADEUP" not in told


async def test_what_is_too_much_is_refused_to_the_developers_own_application_too():
    async def swallow(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = AgentConfig(max_body_bytes=10)
    async with client(Server(Served(None, Open(), AgentMetadata("a"), config), rest=swallow)) as http:
        assert (await http.post("/own", content=b"x" * 10)).status_code == 200
        assert (await http.post("/own", content=b"x" * 11)).status_code == 413
        assert (await http.get("/own", headers={"x": "y" * server.MAX_HEADER_BYTES})).status_code == 431
    full = Served(None, Open(), AgentMetadata("a"), AgentConfig(max_open_requests=0))
    async with client(Server(full, rest=swallow)) as http:
        assert (await http.post("/own")).status_code == 503


@pytest.mark.parametrize(
    ("path", "module"),
    [("/process", "agentscope"), ("/process/stop", "agentscope"), ("/processes", None), ("/v1/models", "openai_chat")],
)
def test_a_path_leads_to_the_protocol_that_answers_it(path, module):
    found = protocols.module_for(path)
    assert (found and found.rpartition(".")[2]) == module


async def test_a_web_socket_is_refused_with_the_same_answer_where_the_server_can_say_it():
    app = Server(SERVED, [route("/ws", _wrong, "WEBSOCKET", plain_refusal)])
    scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}
    for extensions, types in (
        ({"websocket.http.response": {}}, ["websocket.http.response.start", "websocket.http.response.body"]),
        ({}, ["websocket.close"]),
    ):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        await app(scope | {"extensions": extensions}, None, send)
        assert [message["type"] for message in sent] == types
