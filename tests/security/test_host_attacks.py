"""Host and forwarding headers of a client's choice: they lead nobody anywhere."""

import httpx2
import pytest
from fastapi import FastAPI

from fujie.agents.app import AgentApp
from fujie.agents.config import AgentMetadata
from fujie.agents.serving.served import Served
from functions.callback.app import create_app as create_callback
from functions.chat.app import create_app as create_chat
from functions.process.app import create_app as create_process
from functions.tool.app import create_app as create_tool
from tests.functions.test_callback import Callback

FORGED = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
PATHS = ["/api/me/", "/auth/login/", "/connect/abc/", "/callback/", "/process/", "/tools/", "/health/", "/"]


@pytest.mark.parametrize("create", [create_chat, create_callback, create_process, create_tool])
@pytest.mark.parametrize("path", PATHS)
async def test_a_path_with_one_slash_more_leads_nowhere(create, path):
    """Hurt: whoever gets this answer out of a shared cache, and would be sent to the attacker's host."""
    app: FastAPI = create(_parts())
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://evil.example") as http:
        for method in ("GET", "POST"):
            answer = await http.request(method, path, headers=FORGED)
            assert "evil" not in answer.headers.get("location", "")


async def test_the_way_to_the_sign_in_is_made_of_settings_alone():
    """Hurt: Alice, whose code would be delivered to the attacker's host."""
    callback = Callback()
    async with callback.browser("", **FORGED) as http:
        answer = await http.get("/connect/abc")
    assert answer.headers["location"] == "/auth/login?return_to=%2Fconnect%2Fabc"


def _parts():
    from types import SimpleNamespace

    served = Served(SimpleNamespace(), SimpleNamespace(), AgentMetadata("a"))
    return SimpleNamespace(
        served=lambda: served,
        pushes=None,
        agent=AgentApp("a"),
        http=SimpleNamespace(aclose=None),
        store=SimpleNamespace(open=None, close=None),
        cookies=SimpleNamespace(secure=True, session=lambda _: None),
        session_cookie="s",
        sign_in=SimpleNamespace(session=_nobody),
    )


async def _nobody(_cookie):
    return None
