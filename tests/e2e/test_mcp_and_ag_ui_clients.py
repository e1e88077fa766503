"""Clients of MCP and AG-UI against the running product: one person, one agent, and permission given in his browser."""

import asyncio

import httpx2
import mcp_types
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.person import Person
from tests.e2e.questions import BY_NAME
from tests.e2e.test_process_by_curl import token_of
from tests.protocols.ag_ui_rules import read, run_input

pytestmark = pytest.mark.e2e


def bearer(stack, user):
    return {"authorization": f"Bearer {token_of(stack, user)}"}


def question(name):
    return [{"id": "u1", "role": "user", "content": BY_NAME[name].en}]


async def called(stack, user, name, **options):
    async with (
        httpx2.AsyncClient(headers=bearer(stack, user), timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{stack.url}/mcp", http_client=http), **options) as client,
    ):
        (tool,) = (await client.list_tools()).tools
        return await client.call_tool(tool.name, {"message": BY_NAME[name].en})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_mcp_client_asks_for_the_weather(stack, mode):
    result = await called(stack, "alice", "weather", mode=mode)
    assert (result.is_error, result.structured_content["status"]) == (False, "completed")
    assert "Hangzhou" in result.content[0].text


def test_a_client_without_a_token_is_led_to_the_issuer_of_the_stack(stack):
    refused = httpx2.post(f"{stack.url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, trust_env=False)
    assert refused.status_code == 401
    address = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
    told = httpx2.get(address, trust_env=False).json()
    assert told["resource"] == f"{stack.url}/mcp"
    (issuer,) = told["authorization_servers"]
    assert httpx2.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()["issuer"] == issuer


async def allowed(stack, person, mode):
    """Ask for the time; the client has the person open the address and allow what is asked there."""

    async def opens(_context, params):
        page = await asyncio.to_thread(person.allow, params.url)
        assert page.status_code == 200
        return mcp_types.ElicitResult(action="accept")

    result = await called(stack, person.user, "time", mode=mode, elicitation_callback=opens)
    assert (result.is_error, result.structured_content["status"]) == (False, "completed")
    return result.structured_content


async def test_an_mcp_client_opens_the_address_and_ag_ui_watches_that_run_and_resumes_one_of_its_own(own_stack):
    stack = own_stack()
    alice, bob = (Person(stack, name).sign_in() for name in ("alice", "bob"))
    await allowed(stack, alice, "legacy")
    told = await allowed(stack, bob, "auto")
    with httpx2.Client(headers=bearer(stack, "bob"), timeout=60, trust_env=False) as http:
        named = {"threadId": told["session_id"], "runId": told["run_id"], "messages": []}
        watched = read(http.post(f"{stack.url}/ag-ui/connect", content=run_input(**named)).text)
        assert watched.events[-1]["outcome"] == {"type": "success"}
        assert told["answer"].endswith(list(watched.texts.values())[-1])

        paused = read(http.post(f"{stack.url}/ag-ui", content=run_input(messages=question("instances"))).text)
        (interrupt,) = paused.events[-1]["outcome"]["interrupts"]
        entry = {"interruptId": interrupt["id"], "status": "resolved"}
        with http.stream("POST", f"{stack.url}/ag-ui", content=run_input(runId="r2", resume=[entry])) as resumed:
            assert bob.allow(interrupt["metadata"]["fujie"]["connectUrl"]).status_code == 200
            answered = read(resumed.read().decode())
    for person in (alice, bob):
        person.close()
    assert answered.kinds[:2] == ["RUN_STARTED", "CUSTOM"]
    assert answered.events[-1]["outcome"] == {"type": "success"}
    assert "i-" in "".join(answered.results.values())
