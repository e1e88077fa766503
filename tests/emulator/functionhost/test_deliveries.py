"""Asynchronous invocations: at least once, within bounds, across restarts."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fujie_emulator.core.opening import open_cloud
from fujie_emulator.functionhost import deliveries
from fujie_emulator.functionhost.host import FunctionHost
from fujie_emulator.functionhost.specification import spec_from_document
from tests.emulator.functionhost.conftest import CUSTOM_APP, Declare, delivered, until


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(deliveries, "FIRST_BACKOFF_S", 0.02)


async def test_an_event_is_posted_to_invoke_with_the_platforms_headers(custom: Declare, host, cloud, tmp_path):
    await custom()
    host.deliveries.accept("web", b'{"a": 1}', "1-a")
    (event,) = await until(lambda: delivered(tmp_path / "delivered"))
    assert event["body"] == '{"a": 1}'
    assert event["headers"]["x-fc-control-path"] == "/invoke"
    assert event["headers"]["x-fc-request-id"] == "1-a"
    assert event["headers"]["content-type"] == "application/octet-stream"
    await until(lambda: cloud.store.list("fc", "delivery") == [])


async def test_a_failed_event_is_tried_again_with_the_same_id(custom: Declare, host, cloud, tmp_path):
    function = await custom(env={"DELIVERED": str(tmp_path / "delivered"), "FAILURES": "2"})
    host.deliveries.accept("web", b"x", "1-a")
    await until(lambda: cloud.store.list("fc", "delivery") == [])
    events = delivered(tmp_path / "delivered")
    assert [event["headers"].get("x-fc-retry-count") for event in events] == [None, "1", "2"]
    assert {event["headers"]["x-fc-request-id"] for event in events} == {"1-a"}
    assert (function.status()["invocations"], function.status()["errors"]) == (3, 2)


async def test_retries_are_bounded(custom: Declare, host, cloud, tmp_path):
    await custom(env={"DELIVERED": str(tmp_path / "delivered"), "FAILURES": "100"})
    host.deliveries.accept("web", b"x", "1-a")
    await until(lambda: cloud.store.list("fc", "delivery") == [])
    assert len(delivered(tmp_path / "delivered")) == 1 + deliveries.MAX_RETRIES


async def test_a_built_in_function_gets_the_bare_bytes(builtin: Declare, host, cloud, tmp_path):
    mark = tmp_path / "event"
    await builtin(f"def handler(event, context):\n    open({str(mark)!r}, 'wb').write(event)\n")
    host.deliveries.accept("f", b"\x00 not JSON", "1-a")
    await until(lambda: cloud.store.list("fc", "delivery") == [])
    assert mark.read_bytes() == b"\x00 not JSON"


async def test_an_accepted_event_outlives_its_host(write_code, tmp_path):
    document = {
        "runtime": "custom",
        "command": ["python", "app.py"],
        "code_dir": str(write_code("web", app=CUSTOM_APP)),
        "env": {"DELIVERED": str(tmp_path / "delivered")},
    }
    broken = document | {"command": ["python", "-c", "raise SystemExit(1)"]}
    async with hosting(tmp_path) as first:
        await first.declare(spec_from_document("web", broken))
        first.deliveries.accept("web", b"kept", "1-a")
        await asyncio.sleep(0.2)
    assert delivered(tmp_path / "delivered") == []
    async with hosting(tmp_path) as second:
        second.deliveries.resume()
        await asyncio.sleep(0.1)
        assert second.deliveries.waiting("web") == 1, "it waits until its function is declared"
        await second.declare(spec_from_document("web", document))
        await until(lambda: second.deliveries.waiting("web") == 0)
    assert [event["body"] for event in delivered(tmp_path / "delivered")] == ["kept"]


@asynccontextmanager
async def hosting(tmp_path):
    """Run a host on state that outlives it."""
    cloud = open_cloud(tmp_path / "kept", "http://127.0.0.1:1")
    host = FunctionHost(cloud)
    try:
        yield host
    finally:
        await host.close()
        cloud.store.close()


async def test_an_event_under_way_when_the_host_is_stopped_is_delivered_again(cloud, host, builtin: Declare, tmp_path):
    text = (
        "import time\n"
        f"def handler(event, context):\n    open({str(tmp_path / 'marks')!r}, 'a').write('x')\n    time.sleep(30)\n"
    )
    await builtin(text)
    host.deliveries.accept("f", b"{}", "1-a")
    await until((tmp_path / "marks").exists)
    await host.close()
    assert [key for key, _ in cloud.store.list("fc", "delivery")] == ["1-a"]


async def test_an_event_that_is_too_old_is_dropped(custom: Declare, host, cloud, tmp_path):
    await custom(command=["python", "-c", "raise SystemExit(1)"])
    host.deliveries.accept("web", b"x", "1-a")
    await asyncio.sleep(0.1)
    assert len(cloud.store.list("fc", "delivery")) == 1
    cloud.clock.advance(deliveries.MAX_AGE_S + 1)
    await until(lambda: cloud.store.list("fc", "delivery") == [])
    assert delivered(tmp_path / "delivered") == []
