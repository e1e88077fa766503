"""The host moves the time of its functions, and renews their keys by the cloud's clock."""

import time

from fujie_emulator.core.call import Caller
from fujie_emulator.ram.routes import ACTIONS
from tests.emulator.functionhost.conftest import Declare, url

TIMES = """
    import json, time, os

    def handler(event, context):
        key = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID")
        return json.dumps({"time": time.time(), "ns": time.time_ns(), "key": key, "pid": os.getpid(),
                           "customized": os.environ.get("CUSTOMIZED"), "names": sorted(os.environ)})
"""
TRUST = (
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":["%s.aliyuncs.com"]}}]}'
)


def make_role(cloud, name: str, service: str = "fc") -> None:
    """Create a role that trusts a service of the cloud."""
    from fujie_emulator.core.call import RpcCall

    root = Caller("root", f"acs:ram::{cloud.account_id}:root", "root", cloud.account.access_key_id)
    params = {"RoleName": name, "AssumeRolePolicyDocument": TRUST % service}
    ACTIONS["CreateRole"](cloud, RpcCall("ram", "CreateRole", params, root, "r"))


async def test_a_function_lives_in_the_clouds_time_at_once(builtin: Declare, cloud, http):
    function = await builtin(TIMES)
    before = (await http.get(url(function))).json()
    assert abs(before["time"] - time.time()) < 5
    cloud.clock.advance(3600)
    after = (await http.get(url(function))).json()
    assert after["pid"] == before["pid"]
    assert 3595 < after["time"] - before["time"] < 3605
    assert abs(after["ns"] / 1e9 - after["time"]) < 1


async def test_a_sitecustomize_of_the_functions_own_still_runs(builtin: Declare, http, write_code):
    other = write_code("other", sitecustomize="import os\nos.environ['CUSTOMIZED'] = 'yes'\n")
    function = await builtin(TIMES, env={"PYTHONPATH": str(other)})
    assert (await http.get(url(function))).json()["customized"] == "yes"


async def test_the_environment_holds_the_roles_temporary_key_and_nothing_of_the_emulators(
    builtin: Declare, cloud, http, monkeypatch
):
    monkeypatch.setenv("SOME_SECRET_OF_THE_SHELL", "x")
    make_role(cloud, "fujie-f")
    seen = (await http.get(url(await builtin(TIMES, role="fujie-f", env={"MINE": "1"})))).json()
    assert seen["key"].startswith("STS.")
    assert {"MINE", "FC_FUNCTION_NAME", "FC_REGION", "FC_ACCOUNT_ID", "FC_INSTANCE_ID"} <= set(seen["names"])
    assert "SOME_SECRET_OF_THE_SHELL" not in seen["names"]
    assert "FC_CUSTOM_LISTEN_PORT" not in seen["names"]


async def test_an_instance_is_recycled_before_its_key_ends(builtin: Declare, cloud, http):
    make_role(cloud, "fujie-f")
    function = await builtin(TIMES, role="fujie-f")
    first = (await http.get(url(function))).json()
    cloud.clock.advance(45 * 60)
    assert (await http.get(url(function))).json()["key"] == first["key"]
    cloud.clock.advance(10 * 60)
    second = (await http.get(url(function))).json()
    assert second["key"] != first["key"]
    assert second["pid"] != first["pid"]


async def test_a_restart_obtains_a_new_key(builtin: Declare, cloud, http):
    make_role(cloud, "fujie-f")
    function = await builtin(TIMES, role="fujie-f")
    first = (await http.get(url(function))).json()
    function.restart()
    assert (await http.get(url(function))).json()["key"] != first["key"]


async def test_custom_runtimes_get_the_key_with_each_request(custom: Declare, cloud, http):
    make_role(cloud, "fujie-web")
    seen = (await http.get(url(await custom(role="fujie-web")))).json()
    headers = dict(seen["headers"])
    assert headers["x-fc-access-key-id"] == seen["env"]["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    assert headers["x-fc-access-key-secret"] == seen["env"]["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    assert headers["x-fc-security-token"] == seen["env"]["ALIBABA_CLOUD_SECURITY_TOKEN"]


async def test_a_role_that_does_not_trust_function_compute_serves_nothing(builtin: Declare, cloud, http):
    make_role(cloud, "fujie-f", service="ecs")
    function = await builtin(TIMES, role="fujie-f")
    answer = await http.get(url(function))
    assert (answer.status_code, answer.json()["Code"]) == (403, "AccessDenied")
    assert "fujie-f" in function.status()["last_error"]
