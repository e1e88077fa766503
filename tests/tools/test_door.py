"""What passes the door, where it goes, and where the credential goes with it."""

import gzip

import httpx2
import pytest

from fujie.identity.carrying import CredentialAuth
from fujie.secret import Secret
from fujie.tools.door import MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Door, Places, client_through
from fujie.tools.errors import (
    AnswerTooLargeError,
    ArgumentsInvalidError,
    HostNotDeclaredError,
    ToolMisconfiguredError,
)

CANARY = "canary-access-token"
HOSTS = ["api.time.example", "{mcp_server}"]
PLACES = Places({"api.time.example": "http://127.0.0.1:9/partners/time/api"}, "http://127.0.0.1:9/partners/aliyun/mcp")


class World:
    """Everything that a request which passed could reach; keeps what arrived."""

    def __init__(self):
        self.arrived = []
        self.answer = httpx2.Response(200, json={"ok": True})

    def __call__(self, request):
        self.arrived.append(request)
        return self.answer


@pytest.fixture
def world():
    return World()


@pytest.fixture
async def door(world):
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world)) as http:
        yield Door(http, PLACES, HOSTS, CredentialAuth("Authorization", "Bearer ", Secret(CANARY)))


@pytest.fixture
async def client(door):
    async with client_through(door, timeout_s=5) as http:
        yield http


async def test_a_declared_host_is_reached_where_the_stack_has_it_with_the_credential(client, world):
    answer = await client.get("https://api.time.example/v1/now", params={"time_zone": "Asia/Shanghai"})
    (request,) = world.arrived
    assert answer.json() == {"ok": True}
    assert str(request.url) == "http://127.0.0.1:9/partners/time/api/v1/now?time_zone=Asia%2FShanghai"
    assert request.headers["host"] == "127.0.0.1:9"
    assert request.headers["authorization"] == f"Bearer {CANARY}"


async def test_a_host_that_the_stack_does_not_move_serves_itself_over_https(world):
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world)) as http:
        door = Door(http, Places({}), ["api.time.example"], None)
        async with client_through(door, timeout_s=5) as client:
            await client.get("https://api.time.example/v1/now")
    assert str(world.arrived[0].url) == "https://api.time.example/v1/now"
    assert "authorization" not in world.arrived[0].headers


async def test_a_quoted_path_arrives_as_it_was_quoted(client, world):
    await client.get("https://api.time.example/v1/documents/a%2F..%2Fb%3F")
    assert world.arrived[0].url.raw_path == b"/partners/time/api/v1/documents/a%2F..%2Fb%3F"


async def test_a_body_and_the_tools_own_headers_arrive(client, world):
    await client.post("https://api.time.example/v1/x", json={"text": "你好"}, headers={"X-Own": "1"})
    (request,) = world.arrived
    assert request.content == '{"text":"你好"}'.encode()
    assert (request.headers["x-own"], request.headers["content-type"]) == ("1", "application/json")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/now",
        "http://api.time.example/v1/now",
        "https://api.time.example:8443/v1/now",
        "https://api.time.example.evil.example/",
        "https://api.time.example@evil.example/",
        "https://user:pass@api.time.example/",
        "http://127.0.0.1:9/partners/time/api/v1/now",
        "http://127.0.0.1:9/partners/aliyun/mcp/../../dingtalk/api/v1/x",
        "http://127.0.0.1:10/partners/aliyun/mcp",
        "http://169.254.169.254/latest/meta-data",
    ],
)
async def test_whatever_is_not_declared_is_refused_before_anything_is_sent(client, world, door, url):
    with pytest.raises(HostNotDeclaredError):
        await client.get(url)
    assert world.arrived == []
    assert door.has_sent is False


async def test_the_host_header_of_the_tool_does_not_choose_the_host(client, world):
    await client.get("https://api.time.example/", headers={"Host": "evil.example"})
    assert world.arrived[0].headers.get_list("host") == ["127.0.0.1:9"]


async def test_the_stacks_mcp_server_is_reached_at_its_exact_address(client, world):
    await client.post("http://127.0.0.1:9/partners/aliyun/mcp", json={})
    assert world.arrived[0].headers["authorization"] == f"Bearer {CANARY}"


async def test_a_redirect_is_not_followed(client, world):
    world.answer = httpx2.Response(307, headers={"location": "https://evil.example/take"})
    answer = await client.get("https://api.time.example/v1/now")
    assert answer.status_code == 307
    assert len(world.arrived) == 1


async def test_a_tool_that_follows_redirects_itself_takes_the_credential_nowhere(client, world):
    world.answer = httpx2.Response(302, headers={"location": "https://evil.example/take"})
    with pytest.raises(HostNotDeclaredError):
        await client.get("https://api.time.example/v1/now", follow_redirects=True)
    assert [request.url.host for request in world.arrived] == ["127.0.0.1"]


async def test_the_tool_sees_no_credential_in_what_it_sent_or_got(client):
    answer = await client.get("https://api.time.example/v1/now")
    assert CANARY not in repr(answer.request.headers.raw) + repr(answer.headers.raw) + repr(vars(client))


async def test_a_credential_that_the_tool_sets_itself_is_replaced(client, world):
    await client.get("https://api.time.example/", headers={"Authorization": "Bearer mine"})
    assert world.arrived[0].headers.get_list("authorization") == [f"Bearer {CANARY}"]


async def test_another_header_and_prefix_carry_an_api_key(world):
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world)) as http:
        door = Door(http, PLACES, HOSTS, CredentialAuth("X-Api-Key", "", Secret(CANARY)))
        async with client_through(door, timeout_s=5) as client:
            await client.get("https://api.time.example/")
    assert world.arrived[0].headers["x-api-key"] == CANARY
    assert "authorization" not in world.arrived[0].headers


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_an_answer_above_the_limit_is_cut_off(client, world, packed):
    body = b"x" * (MAX_ANSWER_BYTES + 1)
    content, headers = (gzip.compress(body), {"content-encoding": "gzip"}) if packed else (body, {})
    world.answer = httpx2.Response(200, content=content, headers=headers)
    with pytest.raises(AnswerTooLargeError):
        await client.get("https://api.time.example/")


async def test_a_packed_answer_below_the_limit_is_unpacked(client, world):
    world.answer = httpx2.Response(200, content=gzip.compress(b'{"a": 1}'), headers={"content-encoding": "gzip"})
    assert (await client.get("https://api.time.example/")).json() == {"a": 1}


async def test_a_request_above_the_limit_is_not_sent(client, world):
    with pytest.raises(ArgumentsInvalidError):
        await client.post("https://api.time.example/", content=b"x" * (MAX_REQUEST_BYTES + 1))
    assert world.arrived == []


@pytest.mark.parametrize("base", ["http://time.internal/api", "ftp://127.0.0.1/", "https://u:p@time.internal"])
async def test_a_stack_cannot_send_a_credential_where_others_could_read_it(world, base):
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world)) as http:
        door = Door(http, Places({"api.time.example": base}), HOSTS, None)
        async with client_through(door, timeout_s=5) as client:
            with pytest.raises(ToolMisconfiguredError, match="FUJIE_ENDPOINTS"):
                await client.get("https://api.time.example/")
    assert world.arrived == []
