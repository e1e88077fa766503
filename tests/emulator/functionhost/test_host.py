"""Functions come, change and go; the one origin sends each path to its own."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx2
import psutil
import pytest

from fujie_emulator.core.errors import CloudError
from fujie_emulator.functionhost.routing import RouteTable
from tests.emulator.functionhost.conftest import CUSTOM_APP, Declare, until, url

PID = "import os\ndef handler(event, context):\n    return str(os.getpid())\n"


async def test_the_same_declaration_again_changes_nothing(builtin: Declare, http):
    function = await builtin(PID)
    pid = (await http.get(url(function))).text
    assert await builtin(PID) is function
    assert (await http.get(url(function))).text == pid


async def test_a_changed_declaration_replaces_the_instances_behind_the_same_port(builtin: Declare, http):
    function = await builtin(PID)
    pid = (await http.get(url(function))).text
    changed = await builtin(PID, env={"A": "1"})
    assert changed.spec.trigger_port == function.spec.trigger_port
    assert (await http.get(url(changed))).text != pid
    await until(lambda: not psutil.pid_exists(int(pid)))


async def test_a_restart_lets_open_requests_end_and_serves_new_ones_from_a_new_instance(custom: Declare, http):
    function = await custom()
    await http.get(url(function))
    slow = asyncio.create_task(http.get(url(function, "/slow?1")))
    await until(lambda: function.status()["in_flight"] == 1)
    function.restart()
    fresh = (await http.get(url(function))).json()["pid"]
    old = (await slow).json()["pid"]
    assert old != fresh
    await until(lambda: not psutil.pid_exists(old))


async def test_a_port_in_use_is_said_and_the_function_not_declared(builtin: Declare, host):
    function = await builtin(PID)
    with pytest.raises(CloudError, match="PortInUse"):
        await builtin(PID, name="g", trigger_port=function.spec.trigger_port)
    assert host.find("g") is None


async def test_everything_listens_on_loopback_only(custom: Declare, host, http):
    function = await custom()
    await http.get(url(function))
    await host.route(RouteTable((("/*", "web"),)), None)
    me = psutil.Process()
    listening = [
        connection.laddr.ip
        for process in [me, *me.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) <= {"127.0.0.1", "::1"}


async def test_the_first_pattern_that_matches_serves(custom: Declare, builtin: Declare, host, http):
    await custom()
    await builtin(PID)
    table = RouteTable((("/", "web"), ("/tools/*", "f"), ("/process*", "web"), ("/gone", "nobody")))
    origin = f"http://localhost:{await host.route(table, None)}"
    assert (await http.get(origin + "/")).json()["path"] == "/"
    assert (await http.get(origin + "/process/x")).json()["path"] == "/process/x"
    assert (await http.get(origin + "/tools/x")).text.isdigit()
    assert (await http.get(origin + "/tools")).status_code == 404
    assert (await http.get(origin + "/gone")).json()["Code"] == "FunctionNotFound"
    assert (await http.get(origin + "/process", headers={"x-fc-control-path": "/invoke"})).status_code == 400
    seen = (await http.get(origin + "/process")).json()["headers"]
    assert ["host", origin.removeprefix("http://")] in seen


@pytest.mark.parametrize("path", ["/invoke", "/initialize", "/pre-stop", "/%69nvoke"])
async def test_the_origin_refuses_the_platforms_paths_whatever_the_table_says(custom: Declare, host, http, path):
    function = await custom()
    origin = f"http://127.0.0.1:{await host.route(RouteTable((('/*', 'web'),)), None)}"
    assert (await http.post(origin + path)).status_code == 404
    assert function.status()["invocations"] == 0


async def test_closing_ends_every_process_also_the_children_of_instances(cloud, write_code):
    from fujie_emulator.functionhost.host import FunctionHost
    from fujie_emulator.functionhost.specification import spec_from_document

    app = "import subprocess\nchild = subprocess.Popen(['sleep', '300'])\n" + CUSTOM_APP
    directory = write_code("web", app=app)
    host = FunctionHost(cloud)
    function = await host.declare(
        spec_from_document(
            "web", {"runtime": "custom", "command": ["python", "app.py"], "code_dir": str(directory), "trigger_port": 0}
        )
    )
    async with httpx2.AsyncClient(trust_env=False) as http:
        pid = (await http.get(url(function), timeout=20)).json()["pid"]
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(family) == 2
    await host.close()
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", function.spec.trigger_port)


EMULATOR = """
    import asyncio, sys
    from pathlib import Path
    from fujie_emulator.core.opening import open_cloud
    from fujie_emulator.functionhost.host import FunctionHost
    from fujie_emulator.functionhost.specification import spec_from_document

    async def main(state, code):
        host = FunctionHost(open_cloud(Path(state), "http://127.0.0.1:1"))
        function = await host.declare(spec_from_document("web", {"runtime": "custom", "command": ["python", "app.py"],
            "code_dir": code, "trigger_port": 0}))
        print(function.spec.trigger_port, flush=True)
        await asyncio.sleep(300)

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_emulator_leaves_no_process_behind(write_code, tmp_path, http):
    directory: Path = write_code("web", app="import subprocess\nsubprocess.Popen(['sleep', '300'])\n" + CUSTOM_APP)
    program = write_code("emulator", main=textwrap.dedent(EMULATOR)) / "main.py"
    emulator = subprocess.Popen(
        [sys.executable, program, tmp_path / "state", directory], stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(emulator.stdout.readline())
        await http.get(f"http://127.0.0.1:{port}/")
        family = psutil.Process(emulator.pid).children(recursive=True)
        assert len(family) == 3, "the instance, its child, the reaper"
    finally:
        os.kill(emulator.pid, signal.SIGKILL)
        emulator.wait()
        emulator.stdout.close()
    await until(lambda: not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE])
