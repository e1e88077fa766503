from typing import Annotated, Literal

import pytest

from fujie import STS, APIKey, OAuth, tool
from fujie.tools.errors import ToolDeclarationError

WEATHER = APIKey("weather")
READ = STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/users/{user}/files/{name}"])


async def get_weather(
    context, city: Annotated[str, "Which city"], unit: Literal["C", "F"] = "C", days: int | None = None
):
    """Return the weather.

    In a city.
    """


def test_a_function_becomes_a_tool_with_the_models_schema():
    made = tool(credential=WEATHER, hosts=["api.weather.example"], effect="read", reason="to look")(get_weather)
    assert (made.name, made.description) == ("get_weather", "Return the weather.\n\nIn a city.")
    assert made.reason == {"en": "to look"}
    assert made.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Which city"},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_a_tool_without_arguments_has_an_empty_schema():
    @tool()
    async def ping(context):
        """Ping."""

    assert ping.parameters == {"type": "object", "properties": {}, "additionalProperties": False}


def test_arguments_may_have_names_that_pydantic_uses_itself():
    @tool()
    async def odd(context, schema: int, model_config: str, _private: bool = True):
        """Odd."""

    assert list(odd.parameters["properties"]) == ["schema", "model_config", "_private"]


def test_annotations_may_be_text():
    namespace = {"tool": tool}
    source = '@tool()\nasync def late(context, n: "int"):\n    "Late."\n'
    exec(compile(source, "late", "exec"), namespace)
    assert namespace["late"].parameters["properties"]["n"] == {"type": "integer"}


def not_async(context):
    """Sync."""


async def no_docstring(context): ...


async def no_context():
    """No context."""


async def bare(context, city):
    """Bare."""


async def starred(context, *cities: str):
    """Starred."""


async def unknown(context, city: "Nowhere"):  # noqa: F821
    """Unknown."""


async def opaque(context, thing: object.__subclasshook__):
    """Opaque."""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (not_async, "async"),
        (no_docstring, "docstring"),
        (no_context, "context"),
        (bare, "city"),
        (starred, "cities"),
        (unknown, "Nowhere"),
        (opaque, "schema"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_by_name(function, says):
    with pytest.raises(ToolDeclarationError) as refused:
        tool()(function)
    assert function.__name__ in refused.value.message
    assert says in refused.value.message + refused.value.repair


OAUTH = OAuth("time", {"time.read": "Read"})


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"credential": WEATHER}, "hosts"),
        ({"credential": OAUTH}, "hosts"),
        ({"credential": OAuth("time", {}), "hosts": ["a.example"]}, "scopes"),
        ({"credential": OAuth("time", {"r": "R"}, flow="X"), "hosts": ["a.example"]}, "flow"),
        ({"credential": OAuth("time", {"r": "R"}, audience="a"), "hosts": ["a.example"]}, "audience"),
        ({"credential": OAuth("t", {"r": "R"}, flow="ON_BEHALF_OF", vendor="IDaaS"), "hosts": ["a.example"]}, "go to"),
        ({"credential": OAuth("t", {"r": "R"}, flow="ON_BEHALF_OF", audience="a"), "hosts": ["a.example"]}, "IDaaS"),
        ({"credential": APIKey("../x"), "hosts": ["a.example"]}, "provider"),
        ({"credential": APIKey("x", header="a: b"), "hosts": ["a.example"]}, "header"),
        ({"hosts": "a.example"}, "hosts"),
        ({"hosts": ["https://a.example"]}, "host"),
        ({"hosts": ["a.example/path"]}, "host"),
        ({"hosts": ["*.example"]}, "wildcard"),
        ({"hosts": ["A.example"]}, "lower case"),
        ({"effect": "destroy"}, "effect"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 600}, "timeout_s"),
        ({"name": "two words"}, "name"),
        ({"credential": STS([], ["acs:oss:*:*:b/x"])}, "actions"),
        ({"credential": STS(["oss:GetObject"], [])}, "resources"),
        ({"credential": STS(["oss:*"], ["acs:oss:*:*:b/x"])}, "wildcard"),
        ({"credential": STS(["oss:GetObject"], ["*"])}, "everything"),
        ({"credential": STS(["oss:GetObject"], ["acs:oss:*:*:*"])}, "everything"),
        ({"credential": STS(["oss:GetObject"], ["acs:oss:*:*:{bucket}/{nmae}"])}, "nmae"),
    ],
)
def test_a_declaration_that_is_not_safe_is_refused(declared, says):
    async def named(context, name: str):
        """Named."""

    with pytest.raises(ToolDeclarationError, match=r"named|two words") as refused:
        tool(**declared)(named)
    assert says in refused.value.message + refused.value.repair


def test_an_sts_credential_needs_no_hosts():
    @tool(credential=READ)
    async def read(context, name: str):
        """Read."""

    assert read.hosts == ()
