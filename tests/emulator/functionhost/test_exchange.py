"""HTTP through a trigger to a custom runtime."""

import asyncio
import json
import os
import signal

import httpx2
import psutil
import pytest

from fujie_emulator.functionhost.processes import ChildProcess
from tests.emulator.functionhost.conftest import Declare, until, url


async def raw(function, line, headers):
    """Send a request that no client would write so, and give head and body of the answer."""
    lines = [line, *(f"{name}: {value}" for name, value in headers.items()), "Connection: close", "", ""]
    reader, writer = await asyncio.open_connection("127.0.0.1", function.spec.trigger_port)
    writer.write("\r\n".join(lines).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_a_request_reaches_the_function_unchanged_with_the_platforms_headers(custom: Declare, http):
    function = await custom()
    answer = await http.post(url(function, "/a%20b/x%2Fy?q=1&q=%E4"), content=b"hello", headers={"X-Mine": "1"})
    seen = answer.json()
    assert answer.status_code == 200
    assert (seen["method"], seen["raw_path"], seen["query"], seen["body"]) == (
        "POST",
        "/a%20b/x%2Fy",
        "q=1&q=%E4",
        5,
    )
    headers = dict(seen["headers"])
    assert headers["host"] == f"127.0.0.1:{function.spec.trigger_port}"
    assert headers["x-mine"] == "1"
    assert headers["x-fc-control-path"] == "/http-invoke"
    assert headers["x-fc-function-name"] == "web"
    assert headers["x-fc-request-id"] == answer.headers["x-fc-request-id"]


async def test_dot_segments_and_escapes_go_onto_the_wire_as_they_came(custom: Declare):
    function = await custom()
    body = (await raw(function, "GET /a/./b//c%2fd?x=%2e HTTP/1.1", {"Host": "stack.example"}))[1]
    seen = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    assert (seen["raw_path"], seen["query"]) == ("/a/./b//c%2fd", "x=%2e")
    assert ["host", "stack.example"] in seen["headers"]


async def test_the_platforms_headers_do_not_leave_and_cookies_stay_apart(custom: Declare, http):
    answer = await http.get(url(await custom()))
    assert "x-fc-secret" not in answer.headers
    assert "server" not in answer.headers
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/", {"x-fc-request-id": "mine"}, 400, "InvalidArgument"),
        ("/", {"X-Fc-Security-Token": "mine"}, 400, "InvalidArgument"),
        ("/", {"x-long": "y" * 8200}, 400, "InvalidArgument"),
        ("/" + "p" * 4100, {}, 400, "InvalidArgument"),
        ("/invoke", {}, 404, "PathNotSupported"),
        ("/%69nvoke", {}, 404, "PathNotSupported"),
        ("//invoke/", {}, 404, "PathNotSupported"),
        ("/x/../initialize", {}, 404, "PathNotSupported"),
        ("/pre-stop", {}, 404, "PathNotSupported"),
        ("/", {"content-length": str(33 * 1024 * 1024)}, 413, "EntityTooLarge"),
    ],
)
async def test_what_the_platform_refuses_never_reaches_the_function(custom: Declare, path, headers, status, code):
    function = await custom()
    head, body = await raw(function, f"POST {path} HTTP/1.1", {"Host": "x"} | headers)
    assert int(head.split()[1]) == status
    assert json.loads(body)["Code"] == code
    assert function.status()["invocations"] == 0


async def test_a_chunked_body_over_the_limit_is_refused(custom: Declare, http):
    function = await custom()

    async def chunks():
        for _ in range(33):
            yield b"x" * 1024 * 1024

    answer = await http.post(url(function), content=chunks())
    assert answer.status_code == 413
    assert function.status()["in_flight"] == 0


async def test_a_stream_arrives_chunk_by_chunk_and_the_counters_follow_it(custom: Declare, http):
    function = await custom()
    async with http.stream("GET", url(function, "/sse")) as answer:
        chunks = answer.aiter_raw()
        assert "x-fc-status" not in answer.headers
        assert await anext(chunks) == b"data: 0\n\n"
        assert await anext(chunks) == b"data: 1\n\n"
        assert function.status()["in_flight"] == 1
    await until(lambda: function.status()["in_flight"] == 0)


async def test_a_client_that_goes_away_is_gone_for_the_instance_too(custom: Declare, http, cloud):
    function = await custom()
    async with http.stream("GET", url(function, "/sse")) as answer:
        await anext(answer.aiter_raw())
    log = cloud.store.directory / "logs" / "web.log"
    await until(lambda: "client gone" in log.read_text())
    assert function.status()["in_flight"] == 0
    assert function.status()["errors"] == 0


async def test_an_answer_that_breaks_off_is_cut_and_counted(custom: Declare, http):
    function = await custom()
    with pytest.raises(httpx2.RemoteProtocolError):
        await http.get(url(function, "/cut"))
    await until(lambda: function.status()["errors"] == 1)
    assert function.status()["in_flight"] == 0


async def test_a_crash_is_told_with_the_end_of_the_log_and_the_next_request_gets_a_new_instance(custom: Declare, http):
    function = await custom()
    first = (await http.get(url(function))).json()["pid"]
    crashed = await http.get(url(function, "/exit"))
    assert (crashed.status_code, crashed.json()["Code"]) == (502, "CAExited")
    assert crashed.headers["x-fc-error-type"] == "UnhandledInvocationError"
    await until(lambda: "going down with status 7" in (function.status()["last_error"] or ""))
    second = (await http.get(url(function))).json()["pid"]
    assert second != first


async def test_requests_on_their_way_to_an_instance_that_just_died_go_to_a_new_one(custom: Declare, http):
    function = await custom()
    first = (await http.get(url(function))).json()["pid"]
    (instance,) = function.custom._instances
    # What a request meets between the end of a process and the news of it: a port that refuses.
    instance._child.__class__ = type("Unnoticed", (ChildProcess,), {"alive": True})
    os.kill(first, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(first))
    await instance._transport.aclose()
    answers = await asyncio.gather(*(http.post(url(function), content=b"hello") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["body"] for answer in answers} == {5}
    assert first not in {answer.json()["pid"] for answer in answers}


async def test_a_request_that_takes_too_long_is_cut_at_the_functions_timeout(custom: Declare, http):
    function = await custom(timeout_s=0.3)
    await http.get(url(function))
    answer = await http.get(url(function, "/slow?5"))
    assert answer.status_code == 502
    assert "timed out after 0.3 seconds" in answer.json()["Message"]
    assert function.status()["in_flight"] == 0


async def test_requests_share_an_instance_up_to_its_concurrency_and_then_wait(custom: Declare, http):
    function = await custom(instance_concurrency=2)
    answers = await asyncio.gather(*(http.get(url(function, "/slow?0.3")) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["pid"] for answer in answers}) == 1
    assert function.status() | {"in_flight": 0, "queued": 0, "instances": 1} == function.status()


async def test_the_function_that_does_not_start_says_why(custom: Declare, http):
    function = await custom(command=["python", "-c", "raise SystemExit('no such database')"])
    answer = await http.get(url(function))
    assert (answer.status_code, answer.json()["Code"]) == (502, "CAExited")
    assert "no such database" not in answer.text, "the log is the operator's"
    assert "no such database" in function.status()["last_error"]
