"""The official client against the official server, through the door."""

import httpx2
import pytest
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from fujie.identity.carrying import CredentialAuth
from fujie.identity.rows import User
from fujie.secret import Secret
from fujie.tools.context import ToolContext
from fujie.tools.door import Door, Places, client_through
from fujie.tools.errors import ProviderRefusedError, ToolMisconfiguredError
from fujie.tools.faults import named_error
from fujie.tools.mcp import call_mcp_tool
from functions.tool.tools.ecs import list_ecs_instances

URL = "http://127.0.0.1:9/partners/aliyun/mcp"
ALICE = User("default", "1", "alice")


class McpWorld:
    """An MCP server with one tool, and the tokens it was sent."""

    def __init__(self):
        self.tokens, self.paths, self.result, self.status = set(), set(), None, 0
        self.server = Server("world", version="1", on_list_tools=self._list, on_call_tool=self._call)
        self.called = []

    async def _list(self, _context, _params):
        schema = {"type": "object", "properties": {"RegionId": {"type": "string"}}}
        return types.ListToolsResult(tools=[types.Tool(name="ListInstances", input_schema=schema)])

    async def _call(self, _context, params):
        self.called.append((params.name, params.arguments))
        return self.result

    def app(self, manager):
        async def answer(scope, receive, send):
            headers = dict(scope["headers"])
            self.tokens.add(headers.get(b"authorization", b"").decode())
            self.paths.add(scope["path"])
            if self.status:
                await send({"type": "http.response.start", "status": self.status, "headers": []})
                await send({"type": "http.response.body", "body": b"{}"})
                return
            await manager.handle_request(scope, receive, send)

        return answer


@pytest.fixture
def world():
    return McpWorld()


@pytest.fixture
def door_to(world):
    def make(manager):
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app(manager)))
        auth = CredentialAuth("Authorization", "Bearer ", Secret("canary-token"))
        world.door = Door(http, Places({}, URL), list_ecs_instances.hosts, auth)
        return world.door

    return make


async def asked(world, door_to, arguments, *, json_response=True):
    security = TransportSecuritySettings(allowed_hosts=["127.0.0.1:*"], allowed_origins=[])
    manager = StreamableHTTPSessionManager(
        world.server, json_response=json_response, stateless=True, security_settings=security
    )
    failed = None
    async with manager.run(), client_through(door_to(manager), timeout_s=5) as client:
        context = ToolContext(ALICE, "en", client, mcp_server=URL)
        try:
            return await call_mcp_tool(context, "ListInstances", arguments)
        except Exception as error:  # noqa: BLE001 - taken out here, or the server's own task group would wrap it
            failed = error
    raise failed


def text_result(text, **more):
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], **more)


@pytest.mark.parametrize("json_response", [True, False], ids=["json", "sse"])
async def test_the_tools_structured_content_comes_back_and_every_request_carried_the_token(
    world, door_to, json_response
):
    world.result = text_result("{}", structured_content={"Instances": [{"InstanceId": "i-1"}]})
    answer = await asked(world, door_to, {"RegionId": "cn-beijing"}, json_response=json_response)
    assert answer == {"Instances": [{"InstanceId": "i-1"}]}
    assert world.called == [("ListInstances", {"RegionId": "cn-beijing"})]
    assert world.tokens == {"Bearer canary-token"}
    assert world.paths == {"/partners/aliyun/mcp"}


@pytest.mark.parametrize(("text", "expected"), [('{"a": [1]}', {"a": [1]}), ("two instances", "two instances")])
async def test_without_structured_content_the_text_is_the_answer(world, door_to, text, expected):
    world.result = text_result(text)
    assert await asked(world, door_to, {}) == expected


async def test_a_tool_that_says_it_failed_is_a_refusal_in_its_words(world, door_to):
    world.result = text_result("no such region", is_error=True)
    with pytest.raises(ProviderRefusedError, match="no such region"):
        await asked(world, door_to, {"RegionId": "nowhere"})


@pytest.mark.parametrize(("status", "code"), [(401, "provider_denied"), (500, "provider_failed")])
async def test_a_server_that_refuses_is_named_by_its_status_without_the_token(world, door_to, status, code):
    world.status = status
    with pytest.raises(Exception) as refused:
        await asked(world, door_to, {})
    named = named_error(refused.value, list_ecs_instances, world.door)
    assert named.code == code
    assert "canary-token" not in repr(refused.value) + repr(named.as_dict())


async def test_a_stack_without_a_server_says_which_setting():
    async with httpx2.AsyncClient() as client:
        with pytest.raises(ToolMisconfiguredError) as refused:
            await call_mcp_tool(ToolContext(ALICE, "en", client), "ListInstances", {})
    assert "FUJIE_MCP_SERVER" in refused.value.repair
