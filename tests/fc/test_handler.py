"""The entry of built-in functions."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request, Response

from fujie.fc.errors import ForeignEventError, NotStartedError
from fujie.fc.handler import fc_handler


def http_event(path="/", method="GET", body="", **headers):
    return json.dumps(
        {
            "version": "v1",
            "rawPath": path,
            "body": body,
            "isBase64Encoded": False,
            "headers": {"Host": "x", "Content-Type": "application/json"} | headers,
            "queryParameters": {},
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}},
        }
    ).encode()


@pytest.fixture
def log():
    return []


@pytest.fixture
def handler(log):
    @asynccontextmanager
    async def lifespan(_app):
        log.append(("begin", id(asyncio.get_running_loop())))
        yield {"greeting": "hello"}
        log.append(("end", id(asyncio.get_running_loop())))

    app = FastAPI(lifespan=lifespan)

    @app.post("/echo")
    async def echo(request: Request):
        log.append(("request", id(asyncio.get_running_loop())))
        return {"got": await request.json()}

    @app.get("/cookie")
    async def cookie():
        response = Response("hi", media_type="text/plain", status_code=201)
        response.set_cookie("a", "1")
        return response

    @app.get("/broken")
    async def broken():
        raise KeyError("secret")

    async def on_event(document, context):
        await asyncio.sleep(0)
        return {"took": document, "with": context}

    made = fc_handler(app, on_event)
    yield made
    made.close()


def test_an_http_event_reaches_the_app(handler):
    answer = handler(http_event("/echo", "POST", '{"a": "你"}'), None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"got": {"a": "你"}}
    assert handler(http_event("/cookie"), None)["headers"]["set-cookie"].startswith("a=1;")


def test_the_lifespan_begins_once_and_all_requests_share_its_loop(handler, log):
    handler.initialize()
    for _ in range(3):
        handler(http_event("/echo", "POST", "1"), None)
    assert [what for what, _ in log] == ["begin", "request", "request", "request"]
    assert len({loop for _, loop in log}) == 1


def test_another_thread_finds_the_same_loop(handler, log):
    handler(http_event("/echo", "POST", "1"), None)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(handler(http_event("/echo", "POST", "2"), None)))
    thread.start()
    thread.join()
    assert json.loads(answers[0]["body"]) == {"got": 2}
    assert len({loop for _, loop in log}) == 1


def test_an_error_in_the_app_is_a_500_without_its_words(handler):
    answer = handler(http_event("/broken"), None)
    assert answer["statusCode"] == 500
    assert "secret" not in answer["body"]


def test_other_events_go_to_on_event(handler):
    assert handler(b'{"triggerName": "t"}', "c") == {"took": {"triggerName": "t"}, "with": "c"}


def test_an_event_that_nobody_takes_is_refused():
    handler = fc_handler(FastAPI())
    with pytest.raises(ForeignEventError):
        handler(b'{"triggerName": "t"}', None)
    with pytest.raises(ForeignEventError):
        handler(b"not JSON", None)
    handler.close()


def test_an_app_that_does_not_start_says_so_at_every_call():
    @asynccontextmanager
    async def lifespan(_app):
        raise RuntimeError("no database")
        yield

    handler = fc_handler(FastAPI(lifespan=lifespan))
    for _ in range(2):
        with pytest.raises(NotStartedError) as refused:
            handler(http_event(), None)
        assert "no database" not in str(refused.value), "FC shows the message to callers"
        assert str(refused.value.__cause__) == "no database"
    handler.close()


def test_a_bare_asgi_app_needs_no_lifespan():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    handler = fc_handler(app)
    assert handler(http_event(), None)["statusCode"] == 204
    handler.close()
