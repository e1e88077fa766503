"""From an async function to a Tool: its schema, its description, and the checks of a declaration."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from fujie.permission import OAuthFlow
from fujie.tools.declaration import STS, APIKey, Credential, Effect, OAuth, Tool
from fujie.tools.errors import ToolDeclarationError
from fujie.tools.sources import Source

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_TIMEOUT_S = 40.0
"""With the time for a credential this stays under the minute that the function itself has."""
MCP_HOST = "{mcp_server}"
"""In `hosts`: the host of the stack's MCP server, which only its settings name."""
FIELD_PREFIX = "argument_"
"""Keeps arguments such as `schema` or `_id` from meeting pydantic's own names; callers see the alias."""

_TOOL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

ToolFunction = Callable[..., Awaitable[Any]]


def declare(
    function: ToolFunction,
    credential: Credential | None,
    hosts: Sequence[str],
    effect: Effect,
    name: str,
    reason: Mapping[str, str],
    timeout_s: float,
    on: Sequence[Source] = (),
) -> Tool:
    """Return the tool that the function is; raises ToolDeclarationError, naming it, when it cannot be one."""
    shown = name or getattr(function, "__name__", repr(function))
    try:
        _check_function(function, shown)
        _check_limits(hosts, effect, timeout_s)
        _check_credential(credential, hosts, set(_argument_parameters(function)))
        parameters = _schema(arguments_model(function))
        _check_sources(on, credential, parameters)
    except ToolDeclarationError as error:
        raise ToolDeclarationError(f"tool {shown!r}: {error.message}", repair=error.repair) from error.__cause__
    description = inspect.getdoc(function) or ""
    return Tool(
        shown,
        description,
        parameters,
        function,
        credential,
        tuple(hosts),
        effect,
        dict(reason),
        float(timeout_s),
        tuple(on),
    )


@lru_cache(maxsize=256)
def arguments_model(function: ToolFunction) -> "type[BaseModel]":
    """Return the pydantic model of the function's arguments; unknown ones are refused."""
    from pydantic import ConfigDict, Field, create_model
    from pydantic.errors import PydanticUserError

    hints = _hints(function)
    fields: dict[str, Any] = {}
    for name, parameter in _argument_parameters(function).items():
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[FIELD_PREFIX + name] = (Annotated[_described(hints[name]), Field(alias=name)], default)
    try:
        return create_model("Arguments", __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
    except (PydanticUserError, TypeError, NotImplementedError) as error:
        raise ToolDeclarationError(f"its arguments have no JSON schema: {error}") from error


def _argument_parameters(function: ToolFunction) -> dict[str, inspect.Parameter]:
    """Return the parameters that the model fills: all but the first, which is the context."""
    context, *arguments = inspect.signature(function).parameters.values()
    for parameter in (context, *arguments):
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            raise ToolDeclarationError(f"parameter {parameter.name!r} must be a plain one, without * or /")
    return {parameter.name: parameter for parameter in arguments}


def _hints(function: ToolFunction) -> dict[str, Any]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolDeclarationError(f"an annotation cannot be read: {error}") from error
    bare = [name for name in _argument_parameters(function) if name not in hints]
    if bare:
        raise ToolDeclarationError(f"no annotation on {', '.join(bare)}", repair="annotate every argument")
    return hints


def _described(hint: Any) -> Any:
    """Return the hint with plain text in Annotated as the argument's description."""
    from pydantic import Field

    if get_origin(hint) is not Annotated:
        return hint
    base, *notes = get_args(hint)
    described = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[(base, *described)]


def _schema(model: "type[BaseModel]") -> dict[str, Any]:
    from pydantic.errors import PydanticUserError

    try:
        schema = model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        raise ToolDeclarationError(f"its arguments have no JSON schema: {error}") from error
    schema.setdefault("properties", {})
    schema.pop("title", None)
    for described in schema["properties"].values():
        described.pop("title", None)
    return schema


def _check_function(function: ToolFunction, name: str) -> None:
    if not inspect.iscoroutinefunction(function):
        raise ToolDeclarationError("it is not an async function", repair="write async def")
    if not _TOOL_NAME.fullmatch(name):
        raise ToolDeclarationError("its name must be 1 to 64 letters, digits, '_' or '-', a letter first")
    if not inspect.getdoc(function):
        raise ToolDeclarationError("it has no docstring", repair="say what it does: the model reads it")
    if not inspect.signature(function).parameters:
        raise ToolDeclarationError("it takes no context", repair="make the first parameter a ToolContext")


def _check_limits(hosts: Sequence[str], effect: Effect, timeout_s: float) -> None:
    if isinstance(hosts, str):
        raise ToolDeclarationError("hosts is one text", repair=f"write hosts=[{hosts!r}]")
    for host in hosts:
        if host != MCP_HOST and not _HOST.fullmatch(host):
            raise ToolDeclarationError(f"{host!r} is not a host", repair="lower case, no scheme, path or wildcard")
    if effect not in {"read", "write"}:
        raise ToolDeclarationError("its effect is neither 'read' nor 'write'")
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise ToolDeclarationError(f"timeout_s must be above 0 and at most {MAX_TIMEOUT_S:g}")


def _check_sources(on: Sequence[Source], credential: Credential | None, parameters: Mapping[str, Any]) -> None:
    """An event says all that the tool must be told, and nobody is signed in when it comes."""
    for source in on:
        if missing := sorted(set(parameters.get("required", ())) - set(source.arguments)):
            told = ", ".join(source.arguments)
            raise ToolDeclarationError(f"{type(source).__name__} tells {told}, and not {', '.join(missing)}")
    if on and _is_somebodys_own(credential):
        raise ToolDeclarationError(
            "it needs a signed-in user, and an event has none", repair="declare a tool of the workload's own beside it"
        )


def _is_somebodys_own(credential: Credential | None) -> bool:
    if isinstance(credential, STS):
        return any("{user}" in resource for resource in credential.resources)
    return isinstance(credential, OAuth) and credential.flow != "M2M"


def _check_credential(credential: Credential | None, hosts: Sequence[str], arguments: set[str]) -> None:
    if credential is None:
        return
    if not _PROVIDER.fullmatch(credential.provider):
        raise ToolDeclarationError("its provider's name must be letters, digits, '-' or '_'")
    if isinstance(credential, STS):
        _check_sts(credential, arguments)
    elif not hosts:
        raise ToolDeclarationError("it has a credential and no hosts", repair="name the hosts that may receive it")
    if isinstance(credential, OAuth):
        _check_oauth(credential)
    if isinstance(credential, APIKey) and not _HEADER.fullmatch(credential.header):
        raise ToolDeclarationError(f"{credential.header!r} is not a header's name")


def _check_oauth(credential: OAuth) -> None:
    if not credential.scopes:
        raise ToolDeclarationError("its OAuth credential has no scopes")
    if credential.flow not in get_args(OAuthFlow):
        raise ToolDeclarationError(f"its flow must be one of {', '.join(get_args(OAuthFlow))}")
    is_on_behalf = credential.flow == "ON_BEHALF_OF"
    if is_on_behalf != bool(credential.audience) or is_on_behalf != (credential.vendor == "IDaaS"):
        raise ToolDeclarationError(
            "the flow ON_BEHALF_OF, an audience and the vendor IDaaS go together",
            repair="name all three, the audience being the application at which the token is good, or none",
        )


def _check_sts(credential: STS, arguments: set[str]) -> None:
    if not credential.actions or not credential.resources:
        raise ToolDeclarationError("its STS credential names no actions or no resources")
    if any("*" in action for action in credential.actions):
        raise ToolDeclarationError("an STS action holds a wildcard", repair="name the actions one by one")
    for resource in credential.resources:
        if resource.rpartition(":")[2].strip("*/") == "":
            raise ToolDeclarationError(f"the STS resource {resource!r} is everything", repair="name the objects")
        unknown = set(_PLACEHOLDER.findall(resource)) - arguments - {"user", "bucket"}
        if unknown:
            raise ToolDeclarationError(f"the STS resource {resource!r} names no argument: {', '.join(sorted(unknown))}")
