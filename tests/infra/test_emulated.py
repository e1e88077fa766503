"""Where a stack on an emulated cloud finds the providers and the APIs that its tools name."""

from dataclasses import replace

import pytest

from fujie import STS, APIKey, OAuth, ToolContext, tool
from infra.emulated import with_partners
from infra.inputs import StackInputs

CLOUD = "http://127.0.0.1:1"


@tool(credential=APIKey("weather"), hosts=["api.weather.example"])
async def weather(context: ToolContext):
    """Tell the weather."""


@tool(credential=OAuth("robot", {"run": "Run"}, flow="M2M"), hosts=["api.robots.example", "spare.robots.example"])
async def robots(context: ToolContext):
    """Look at the robots."""


@tool(credential=STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/a"]), hosts=["oss.example"])
async def objects(context: ToolContext):
    """Read an object."""


@tool(hosts=["open.example"])
async def anybody(context: ToolContext):
    """Read what needs no credential."""


TOOLS = (weather, robots, objects, anybody)


@pytest.fixture
def inputs():
    return StackInputs("1900000000000001", "cn-beijing", "http://fujie.localhost:1", cloud_url=CLOUD)


def test_every_host_with_a_providers_credential_is_that_providers_partner(inputs):
    assert with_partners(inputs, TOOLS).endpoints == {
        "api.weather.example": f"{CLOUD}/partners/weather/api",
        "api.robots.example": f"{CLOUD}/partners/robot/api",
        "spare.robots.example": f"{CLOUD}/partners/robot/api",
    }


def test_every_oauth_provider_is_the_partner_of_its_name(inputs):
    assert with_partners(inputs, TOOLS).issuers == {"robot": f"{CLOUD}/partners/robot"}


def test_what_was_given_stays(inputs):
    given = replace(inputs, issuers={"robot": "https://id.example"}, endpoints={"api.weather.example": "http://other"})
    made = with_partners(given, TOOLS)
    assert (made.issuers["robot"], made.endpoints["api.weather.example"]) == ("https://id.example", "http://other")


def test_a_stack_in_the_cloud_has_no_partners(inputs):
    real = replace(inputs, cloud_url="")
    assert with_partners(real, TOOLS) is real
