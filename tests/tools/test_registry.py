import pytest

from fujie import STS, APIKey, OAuth, tool
from fujie.tools.errors import ToolDeclarationError, UnknownToolError
from fujie.tools.registry import Registry


def made(name, credential=None):
    async def function(context, name: str = ""):
        """Do it."""

    return tool(name=name, credential=credential, hosts=["a.example"], effect="write")(function)


def test_a_name_is_registered_once():
    with pytest.raises(ToolDeclarationError, match="same"):
        Registry([made("same"), made("same")])


def test_an_unknown_name_is_an_error():
    with pytest.raises(UnknownToolError, match="other"):
        Registry([made("one")]).get("other")


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (None, None),
        (APIKey("weather"), {"kind": "api_key", "provider": "weather", "scopes": []}),
        (OAuth("d", {"w": "W", "r": "R"}), {"kind": "oauth", "provider": "d", "scopes": ["r", "w"]}),
        (STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/x"]), {"kind": "sts", "provider": "sts", "scopes": []}),
    ],
)
def test_the_manifest_says_what_a_caller_may_know(credential, shown):
    (entry,) = Registry([made("one", credential)]).manifest()
    assert entry["credential"] == shown
    assert (entry["name"], entry["description"], entry["effect"]) == ("one", "Do it.", "write")
    assert entry["parameters"]["properties"] == {"name": {"type": "string", "default": ""}}
