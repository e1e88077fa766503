"""The official MCP client against the emulated Alibaba Cloud MCP server."""

import secrets

import httpx2
import pytest
from alibabacloud_ims20190815 import models as ims_models
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from fujie_emulator.core.journal import fingerprint
from fujie_emulator.testing import running
from tests.contract.identity_stack import clients, consent, query_of, s256

RETURN_URL = "http://localhost:8090/oauth2/callback/1"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def app_id(cloud):
    scopes = "openid;aliuid;profile;/acs/mcp-server"
    request = ims_models.CreateApplicationRequest(
        app_name="mcp",
        display_name="mcp",
        app_type="NativeApp",
        predefined_scopes=scopes,
        required_scopes=scopes,
        redirect_uris=RETURN_URL,
        protocol_version="2.1",
    )
    return clients(cloud).ims.create_application(request).body.application.app_id


def access_token(cloud, app_id, user, scope="openid /acs/mcp-server"):
    verifier = secrets.token_urlsafe(48)
    query = {
        "response_type": "code",
        "client_id": app_id,
        "redirect_uri": RETURN_URL,
        "scope": scope,
        "state": "s",
        "code_challenge": s256(verifier),
        "code_challenge_method": "S256",
    }
    url = str(httpx2.URL(f"{cloud.url}/signin/oauth2/v1/auth", params=query))
    form = {
        "grant_type": "authorization_code",
        "code": query_of(consent(url, account=user))["code"],
        "client_id": app_id,
        "redirect_uri": RETURN_URL,
        "code_verifier": verifier,
    }
    answer = httpx2.post(f"{cloud.url}/oauth/v1/token", data=form)
    return answer.raise_for_status().json()["access_token"]


async def called(cloud, token, tool="ListInstances", arguments=None):
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
        streamable_http_client(f"{cloud.url}/partners/aliyun/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        assert [each.name for each in (await session.list_tools()).tools] == ["ListInstances"]
        return await session.call_tool(tool, arguments or {})


async def test_each_user_sees_instances_of_its_own(cloud, app_id):
    names = {}
    for user in ("alice", "bob"):
        result = await called(cloud, access_token(cloud, app_id, user))
        names[user] = [each["InstanceName"] for each in result.structured_content["Instances"]]
        assert len(names[user]) == 2
        assert all(name.startswith(user) for name in names[user])
    again = await called(cloud, access_token(cloud, app_id, "alice"), arguments={"RegionId": cloud.region})
    assert [each["InstanceName"] for each in again.structured_content["Instances"]] == names["alice"]


async def test_another_region_has_no_instances(cloud, app_id):
    result = await called(cloud, access_token(cloud, app_id, "alice"), arguments={"RegionId": "cn-elsewhere"})
    assert result.structured_content == {"Instances": [], "TotalCount": 0}


async def test_an_unknown_tool_is_an_error_result(cloud, app_id):
    result = await called(cloud, access_token(cloud, app_id, "alice"), "DeleteInstances")
    assert result.is_error


async def test_the_journal_says_which_tool_was_called_for_whom(cloud, app_id):
    token = access_token(cloud, app_id, "bob")
    await called(cloud, token)
    rows = [row for row in cloud.cloud.journal.after(0) if row["service"] == "partner.aliyun"]
    call = [row for row in rows if row["action"] == "ListInstances"][-1]
    assert call["caller"] == {"type": "bearer", "arn": "", "name": "bob"}
    assert call["credential_fingerprint"] == fingerprint(token)
    assert call["status"] == 200


def test_a_request_without_token_is_told_where_to_get_one(cloud):
    refused = post(cloud, "")
    assert refused.status_code == 401
    header = refused.headers["www-authenticate"]
    address = header.partition('resource_metadata="')[2].partition('"')[0]
    told = httpx2.get(address).json()
    assert told["resource"] == f"{cloud.url}/partners/aliyun/mcp"
    assert told["authorization_servers"] == [f"{cloud.url}/oauth"]
    assert told["scopes_supported"] == ["/acs/mcp-server"]


def test_a_token_without_the_scope_or_past_its_end_is_refused(cloud, app_id):
    assert post(cloud, access_token(cloud, app_id, "alice", scope="openid")).status_code == 403
    token = access_token(cloud, app_id, "alice")
    assert post(cloud, token).status_code == 200
    assert post(cloud, "at.invented").status_code == 401
    cloud.cloud.clock.advance(10801)
    try:
        assert post(cloud, token).status_code == 401
    finally:
        cloud.cloud.clock.advance(-10801)


def test_a_foreign_page_and_a_foreign_host_are_refused(cloud, app_id):
    token = access_token(cloud, app_id, "alice")
    assert post(cloud, token, origin="https://evil.example").status_code == 403
    assert post(cloud, token, host="evil.example").status_code == 421


def test_faults_apply(cloud, app_id):
    token = access_token(cloud, app_id, "alice")
    cloud.cloud.faults.arm({"service": "partner.aliyun", "kind": "status", "status": 500})
    assert post(cloud, token).status_code == 500


def post(cloud, token, **headers):
    headers |= {"accept": "application/json, text/event-stream"} | (
        {"authorization": f"Bearer {token}"} if token else {}
    )
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    return httpx2.post(f"{cloud.url}/partners/aliyun/mcp", json=message, headers=headers)
