"""One tool call: arguments checked, credential obtained, function run within its deadline, result shaped.

Nothing here tries twice: a write may have reached its provider even when no answer came back.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from fujie.errors import FujieError
from fujie.identity.acting import Actor
from fujie.identity.errors import AuthorizationRequired
from fujie.identity.ledger import Ledger
from fujie.identity.outbound import CredentialBroker
from fujie.secret import Secret
from fujie.settings import Settings
from fujie.tools.context import ToolContext
from fujie.tools.declaration import Tool
from fujie.tools.errors import (
    ArgumentsInvalidError,
    OutputInvalidError,
    OutputTooLargeError,
    ProviderDeniedError,
    ToolMisconfiguredError,
)
from fujie.tools.granting import Asked, Grant, Grants, OpenObjects
from fujie.tools.outcomes import Failed, Outcome, Succeeded, Waits
from fujie.tools.recording import CredentialUse, said_of
from fujie.tools.registry import Registry
from fujie.tools.schema import FIELD_PREFIX, arguments_model

if TYPE_CHECKING:
    import httpx2

    from fujie.tools.door import Door

MAX_OUTPUT_BYTES = 256 * 1024
MASK = "***"
SHORTEST_MASKED = 8
"""Shorter ones are no secrets, and masking them would tear words and JSON apart."""

_log = logging.getLogger(__name__)
Begin = Callable[[], Awaitable[None]]


class Caller:
    """Calls the registry's tools for verified users, and for nobody when an event came.

    `open_objects` makes the object store of an STS credential.
    """

    def __init__(
        self,
        registry: Registry,
        broker: CredentialBroker,
        settings: Settings,
        http: "httpx2.AsyncClient",
        open_objects: OpenObjects | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._registry = registry
        self._grants = Grants(broker, settings.oss_bucket)
        self._settings = settings
        self._http = http
        self._open_objects = open_objects
        self._ledger = ledger

    async def call(
        self,
        acting: Actor,
        name: str,
        arguments: Mapping[str, Any],
        *,
        call_id: str,
        language: str,
        actor: str = "",
        begin: Begin | None = None,
    ) -> Outcome:
        """Return how the call ended; a fault of tool, provider or credential is an outcome.

        Each use of a credential is written to the ledger, also when the call is cut off; `actor` is who spoke to us.
        `begin` is awaited once everything is at hand and nothing has begun; what it raises is how the call ended.

        Raises UnknownToolError.
        """
        asked = Asked(self._registry.get(name), arguments, call_id, language)
        started = time.monotonic()
        grant = Grant()
        use = CredentialUse(acting, asked.tool, call_id, actor)
        try:
            values = checked_arguments(asked.tool, arguments)
            use.begin()
            grant = await self._grants.grant(acting, Asked(asked.tool, values, call_id, language))
            use.issue(grant)
            if begin is not None:
                await begin()
            output = await self._run(acting, asked, values, grant)
            outcome: Outcome = Succeeded(checked_output(output, grant.secrets), grant.badge, _since(started))
        except AuthorizationRequired as waiting:
            outcome = Waits(waiting.consent)
        except FujieError as error:
            outcome = Failed(_masked(error, grant.secrets), grant.badge, _since(started))
        except BaseException:
            await self._record(use, "aborted")
            raise
        await self._record(use, said_of(outcome))
        _report(asked, outcome)
        return outcome

    async def _record(self, use: CredentialUse, outcome: str) -> None:
        if self._ledger is not None and use.has_begun:
            await self._ledger.record(use.entry(outcome), use.credential)

    async def _run(self, acting: Actor, asked: Asked, values: Mapping[str, Any], grant: Grant) -> Any:
        from fujie.tools.door import client_through
        from fujie.tools.faults import named_error

        tool, door = asked.tool, self._door(asked.tool, grant)
        try:
            async with asyncio.timeout(tool.timeout_s), client_through(door, timeout_s=tool.timeout_s) as http:
                return await tool.function(self._context(acting, asked, grant, http), **values)
        except Exception as raised:  # a tool is somebody else's code: whatever it raises becomes a named error
            error = named_error(raised, tool, door)
            if isinstance(error, ProviderDeniedError):
                await self._grants.forget(acting, grant)
            raise error from raised

    def _door(self, tool: Tool, grant: Grant) -> "Door":
        from fujie.identity.carrying import CredentialAuth
        from fujie.tools.door import Door, Places

        places = Places(self._settings.endpoints, self._settings.mcp_server)
        auth = CredentialAuth(grant.header, grant.prefix, grant.issued.secret) if grant.issued else None
        return Door(self._http, places, tool.hosts, auth)

    def _context(self, acting: Actor, asked: Asked, grant: Grant, http: "httpx2.AsyncClient") -> ToolContext:
        settings = self._settings
        if grant.sts is not None and self._open_objects is None:
            raise ToolMisconfiguredError("this stack has no object storage", repair="set FUJIE_OSS_BUCKET")
        objects = self._open_objects(grant.sts) if grant.sts and self._open_objects else None
        return ToolContext(
            acting.user, asked.language, http, objects, settings.oss_bucket, settings.mcp_server, grant.badge
        )


def checked_arguments(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as the function takes them; raises ArgumentsInvalidError, saying where they are wrong."""
    from pydantic import ValidationError

    try:
        model = arguments_model(tool.function).model_validate(dict(arguments))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:10])
        raise ArgumentsInvalidError(f"the arguments do not fit: {wrong}") from error
    return {name.removeprefix(FIELD_PREFIX): getattr(model, name) for name in type(model).model_fields}


def checked_output(output: Any, secrets: tuple[Secret, ...]) -> Any:
    """Return the output as JSON, without the call's credential, should the provider have repeated it.

    Raises OutputInvalidError, or OutputTooLargeError above 256 KiB.
    """
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        text = json.dumps(to_jsonable_python(output), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise OutputInvalidError(f"the tool returned what is not JSON ({type(output).__name__})") from error
    if size > MAX_OUTPUT_BYTES:
        raise OutputTooLargeError(
            f"the tool returned {size} bytes; at most {MAX_OUTPUT_BYTES} are passed on", repair="ask for less"
        )
    return json.loads(_without(text, secrets))


def _masked(error: FujieError, secrets: tuple[Secret, ...]) -> dict[str, str]:
    return {key: _without(text, secrets) for key, text in error.as_dict().items()}


def _without(text: str, secrets: tuple[Secret, ...]) -> str:
    for secret in secrets:
        if len(secret.reveal()) >= SHORTEST_MASKED:
            text = text.replace(secret.reveal(), MASK)
    return text


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _report(asked: Asked, outcome: Outcome) -> None:
    if isinstance(outcome, Waits):
        _log.info("tool %s waits for the user's permission", asked.tool.name)
    elif isinstance(outcome, Failed):
        _log.warning("tool %s failed after %s ms: %s", asked.tool.name, outcome.duration_ms, outcome.error["code"])
    else:
        _log.info("tool %s answered after %s ms", asked.tool.name, outcome.duration_ms)
