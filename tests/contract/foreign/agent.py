"""An agent as its developer writes it with agent-identity-python-sdk, driven by lines of JSON.

Each line asks for one tool with what the request's context holds. Where the SDK would sleep before it polls again,
the next lines come in: {"confirm": SESSION_URI, "user_token": JWT} confirms, {} goes on.
"""

import asyncio
import json
import os
import sys

from agent_identity_python_sdk.context import AgentIdentityContext
from agent_identity_python_sdk.core import (
    IdentityClient,
    requires_access_token,
    requires_api_key,
    requires_sts_token,
    requires_workload_access_token,
)

RETURN_URL = os.environ["RETURN_URL"]
client = IdentityClient("cn-beijing")


def say(**event):
    print(json.dumps(event), flush=True)


def hear():
    return json.loads(sys.stdin.readline())


async def until_told(_delay_s):
    say(event="sleeping")
    while told := hear():
        try:
            client.confirm_user_auth(told["confirm"], user_token=told["user_token"])
            say(event="confirmed")
        except Exception as error:  # noqa: BLE001  the test reads what came
            say(event="refused", code=getattr(error, "code", type(error).__name__))


asyncio.sleep = until_told


def on_auth_url(url):
    say(event="authorization", url=url)


@requires_api_key(credential_provider_name="weather", inject_param_name="key")
def api_key(key):
    return key


@requires_api_key(credential_provider_name="weather", inject_param_name="key")
async def api_key_async(key):
    return key


@requires_api_key(credential_provider_name="test-provider-api-key", inject_param_name="key")
def sample_api_key(key):
    return key


@requires_sts_token(inject_param_name="credential", session_duration=900)
def sts(credential):
    return [credential.access_key_id, credential.access_key_secret, credential.security_token]


@requires_workload_access_token(inject_param_name="token")
def workload(token):
    return token


def access_token(provider, scopes, **options):
    @requires_access_token(
        credential_provider_name=provider,
        scopes=scopes,
        on_auth_url=on_auth_url,
        callback_url=RETURN_URL,
        inject_param_name="token",
        **options,
    )
    def tool(token):
        return token

    return tool


library = access_token("library", ["books.read"], auth_flow="USER_FEDERATION")
library_again = access_token("library", ["books.read"], force_authentication=True, poll_for_token=False)
mcp = access_token("test-provider-for-mcp-oauth", ["/acs/mcp-server"], custom_parameters={"prompt": "consent"})


@requires_access_token(credential_provider_name="robot", scopes=["run"], auth_flow="M2M", inject_param_name="token")
async def machine(token):
    return token


def serve():
    say(event="ready")
    for line in sys.stdin:
        asked = json.loads(line)
        AgentIdentityContext.clear()
        AgentIdentityContext.set_user_token(asked.get("user_token"))
        AgentIdentityContext.set_custom_state(asked.get("state"))
        tool = globals()[asked["tool"]]
        try:
            result = asyncio.run(tool()) if asyncio.iscoroutinefunction(tool) else tool()
            say(event="result", value=result)
        except Exception as error:  # noqa: BLE001  the test reads what came
            say(event="failed", code=getattr(error, "code", None) or type(error).__name__, words=str(error))


if __name__ == "__main__":
    serve()
