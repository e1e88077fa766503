"""HTTP and events through the built-in runtime."""

import asyncio
import json

import pytest

from fujie_emulator.functionhost.errors import FunctionFailedError, ThrottledError
from fujie_emulator.functionhost.function import new_request_id
from tests.emulator.functionhost.conftest import Declare, until, url

ECHO = """
    import json, os

    def initialize(context):
        global started
        started = context.function.name

    def handler(event, context):
        print("user output is nobody's protocol")
        document = json.loads(event)
        seen = {"event": document, "request_id": context.request_id, "region": context.region,
                "account_id": context.account_id, "handler": context.function.handler,
                "memory": context.function.memory, "started": started, "pid": os.getpid(), "env": dict(os.environ),
                "credentials": hasattr(context, "credentials")}
        headers = {"Content-Type": "application/json", "x-fc-mine": "no", "Set-Cookie": "a=1"}
        return {"statusCode": 201, "headers": headers, "isBase64Encoded": False, "body": json.dumps(seen)}
"""
SLEEPS = """
    import json, os, time

    def handler(event, context):
        time.sleep(float(json.loads(event)["queryParameters"]["s"]))
        return str(os.getpid())
"""


async def test_the_handler_gets_fcs_event_and_context(builtin: Declare, http):
    function = await builtin(ECHO)
    answer = await http.post(
        url(function, "/a%20b?p=1&p=2&q=%E4%BD%A0"), content=b"\x00\x01", headers={"x-multi-part": "v"}
    )
    seen = answer.json()
    event = seen["event"]
    assert (answer.status_code, answer.headers["set-cookie"]) == (201, "a=1")
    assert "x-fc-mine" not in answer.headers
    assert (event["version"], event["rawPath"], event["requestContext"]["http"]["path"]) == ("v1", "/a%20b", "/a b")
    assert event["queryParameters"] == {"p": "1,2", "q": "你"}
    assert (event["body"], event["isBase64Encoded"]) == ("AAE=", True)
    assert event["headers"]["X-Multi-Part"] == "v"
    assert event["requestContext"]["requestId"] == seen["request_id"] == answer.headers["x-fc-request-id"]
    assert event["requestContext"]["timeEpoch"].isdigit()
    assert (seen["started"], seen["handler"], seen["memory"], seen["credentials"]) == ("f", "main.handler", 512, False)


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ("{'a': 1}", 200, "application/json", b'{"a": 1}'),
        ("'plain'", 200, "application/json", b"plain"),
        ("b'\\xff'", 200, "application/json", b"\xff"),
        (
            "{'statusCode': 200, 'isBase64Encoded': True, 'body': '/w==', 'headers': {'Content-Type': 'image/x'}}",
            200,
            "image/x",
            b"\xff",
        ),
        ("{'statusCode': 204}", 204, None, b""),
        ("{'statusCode': 'ok'}", 502, "application/json", b"BadResponse"),
        ("{'statusCode': 200, 'headers': {'a': ['b']}}", 502, "application/json", b"BadResponse"),
        ("{'statusCode': 200, 'headers': {'a': 'b\\r\\nc: d'}}", 502, "application/json", b"BadResponse"),
        ("{'statusCode': 200, 'body': '*', 'isBase64Encoded': True}", 502, "application/json", b"BadResponse"),
        ("{'statusCode': 200, 'headers': {'a': 'b' * 9000}}", 502, "application/json", b"BadResponse"),
    ],
)
async def test_what_a_result_means_on_the_wire(builtin: Declare, http, result, status, content_type, body):
    function = await builtin(f"def handler(event, context):\n    return {result}\n")
    answer = await http.get(url(function))
    assert (answer.status_code, answer.headers.get("content-type")) == (status, content_type)
    assert body in answer.content if status == 502 else answer.content == body


async def test_an_exception_becomes_fcs_error_object(builtin: Declare, http):
    function = await builtin("def handler(event, context):\n    raise KeyError('what')\n")
    answer = await http.get(url(function))
    assert (answer.status_code, answer.headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")
    error = answer.json()
    assert (error["errorMessage"], error["errorType"]) == ("'what'", "KeyError")
    assert error["stackTrace"][0][1:] == [2, "handler", "raise KeyError('what')"]
    assert (await http.get(url(function))).status_code == 502
    assert function.status()["instances"] == 1, "an exception does not end the instance"
    assert function.status()["errors"] == 2


async def test_a_module_that_cannot_be_loaded_is_an_initialization_error(builtin: Declare, http):
    function = await builtin("import nothing_of_that_name\n")
    answer = await http.get(url(function))
    assert (answer.status_code, answer.headers["x-fc-error-type"]) == (502, "InitializationError")
    assert answer.json()["errorType"] == "ModuleNotFoundError"
    assert "nothing_of_that_name" in function.status()["last_error"]


async def test_instances_take_one_request_each_and_grow_to_their_limit(builtin: Declare, http):
    function = await builtin(SLEEPS, max_instances=2)
    answers = await asyncio.gather(*(http.get(url(function, "/?s=0.5")) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    pids = [answer.text for answer in answers]
    assert sorted(pids.count(pid) for pid in set(pids)) == [2, 2]
    assert function.status()["instances"] == 2
    assert (function.status()["in_flight"], function.status()["queued"]) == (0, 0)


async def test_a_caller_that_waited_too_long_is_throttled(builtin: Declare):
    function = await builtin(SLEEPS)
    event = json.dumps({"queryParameters": {"s": "1"}}).encode()
    busy = asyncio.create_task(function.invoke(event, new_request_id()))
    await until(lambda: function.status()["in_flight"] == 1)
    with pytest.raises(ThrottledError):
        await function.invoke(event, new_request_id(), wait_s=0.1)
    assert function.status()["queued"] == 0
    await busy
    assert await function.invoke(b'{"queryParameters": {"s": "0"}}', new_request_id(), wait_s=1)


async def test_a_timeout_kills_the_instance_and_the_next_request_gets_another(builtin: Declare, http):
    function = await builtin(SLEEPS, timeout_s=0.5)
    first = (await http.get(url(function, "/?s=0"))).text
    late = await http.get(url(function, "/?s=30"))
    assert (late.status_code, late.json()["Code"]) == (502, "FunctionTimeout")
    assert (await http.get(url(function, "/?s=0"))).text != first
    assert function.status()["in_flight"] == 0


async def test_a_process_that_ends_in_mid_event_is_a_failure_not_a_hang(builtin: Declare):
    function = await builtin("import os\ndef handler(event, context):\n    os._exit(3)\n")
    with pytest.raises(FunctionFailedError, match="CAExited"):
        await function.invoke(b"{}", new_request_id())
    await until(lambda: "status 3" in (function.status()["last_error"] or ""))


async def test_a_client_that_leaves_does_not_cut_the_handler_off(builtin: Declare, http, tmp_path):
    mark = tmp_path / "done"
    body = f"time.sleep(0.5)\n    pathlib.Path({str(mark)!r}).touch()\n"
    function = await builtin(f"import time, pathlib\ndef handler(event, context):\n    {body}")
    await until(lambda: function.status()["instances"] == 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await http.get(url(function))
    await until(mark.exists)
    await until(lambda: function.status()["in_flight"] == 0)
    assert function.status()["errors"] == 0


async def test_what_a_function_prints_goes_to_its_log(builtin: Declare, http, cloud):
    await http.get(url(await builtin(ECHO)))
    log = cloud.store.directory / "logs" / "f.log"
    await until(lambda: "user output is nobody's protocol" in log.read_text())
    assert log.stat().st_mode & 0o777 == 0o600
