"""The way to `tool`: its manifest, and one call with a token that names run, tool, call and arguments."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from fujie import clock
from fujie.agents.errors import ToolCrashedError, ToolRefusedError, ToolsUnreachableError
from fujie.agents.runner import ToolCall, ToolSpec
from fujie.http import Answer, NoAnswerError, fetch
from fujie.identity.internal import InternalMinter, arguments_hash
from fujie.permission import ConsentRequest, CredentialBadge, Scope
from fujie.protocols.agentscope.words import clean
from fujie.sessions.rows import Run

if TYPE_CHECKING:
    import httpx2

MANIFEST_TTL = timedelta(seconds=60)
MANIFEST_DEADLINE_S = 10.0
CALL_DEADLINE_S = 60.0
"""Above the longest deadline that `tool` gives itself: credential, then the call."""
AGAIN_WITHIN_S = 20.0
"""What had no answer for longer was not cut off by a death, and a person waits."""
MAX_ANSWER_BYTES = 2 * 1024 * 1024
MAX_OUTPUT_CHARS = 100_000
"""What of a tool's output the model is given; the rest is cut, and it is told so."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ToolOutcome:
    """A call that ended, well or badly: `output` is what the model is told."""

    output: str
    ok: bool
    duration_ms: int = 0
    credential: CredentialBadge | None = None
    error_code: str = ""


@dataclass(frozen=True)
class ToolWaits:
    """A call that waits for the user's permission."""

    consent: ConsentRequest


@dataclass(frozen=True)
class OnBehalf:
    """For which run, in which language, and at whose word (`act`: the chain of functions that spoke to us)."""

    run: Run
    language: str
    act: Mapping[str, Any] | None = None


class Tools(Protocol):
    """What a run asks of the tools."""

    async def manifest(self) -> Sequence[ToolSpec]:
        """Return every tool; raises ToolsUnreachableError, ToolCrashedError or ToolRefusedError."""

    async def call(self, call: ToolCall, behalf: OnBehalf) -> ToolOutcome | ToolWaits:
        """Call one; a fault of the tool is an outcome. Raises ToolsUnreachableError when `tool` does not know us."""


class ToolClient(Tools):
    """The tools behind `tool`'s URL."""

    def __init__(
        self, http: "httpx2.AsyncClient", tool_url: str, minter: InternalMinter, *, now: clock.Clock = clock.now
    ) -> None:
        self._http = http
        self._url = tool_url.rstrip("/")
        self._minter = minter
        self._now = now
        self._specs: tuple[ToolSpec, ...] = ()
        self._fresh_until: datetime | None = None
        self._loading = asyncio.Lock()

    async def manifest(self) -> Sequence[ToolSpec]:
        async with self._loading:
            if self._fresh_until is None or self._now() >= self._fresh_until:
                self._specs = await self._load()
                self._fresh_until = self._now() + MANIFEST_TTL
        return self._specs

    async def call(self, call: ToolCall, behalf: OnBehalf) -> ToolOutcome | ToolWaits:
        if call.name not in {spec.name for spec in await self.manifest()}:
            return failure("unknown_tool", f"there is no tool named {call.name}")
        try:
            return _outcome(await self._sent(call, behalf))
        except ValueError as error:
            return failure("invalid_arguments", f"the arguments are not JSON: {error}")
        except NoAnswerError as error:
            _log.warning("tool %s did not answer: %s", call.name, error.message)
            return failure("tool_unreachable", "the tool did not answer; nothing is known of what it did")
        except (ToolCrashedError, ToolRefusedError) as error:
            _log.warning("tool %s: %s", call.name, error.message)
            return failure(error.code, error.message)

    async def _load(self) -> tuple[ToolSpec, ...]:
        token = self._minter.mint("tool", delegation_id="")
        try:
            answer = await self._ask("GET", "/tools", token.reveal(), None, MANIFEST_DEADLINE_S)
            return tuple(
                ToolSpec(item["name"], item["description"], item["parameters"]) for item in _object(answer)["tools"]
            )
        except NoAnswerError as error:
            raise ToolsUnreachableError("the tools cannot be listed", repair="is `tool` running?") from error
        except (KeyError, TypeError) as error:
            raise ToolsUnreachableError("the list of tools is malformed") from error

    async def _sent(self, call: ToolCall, behalf: OnBehalf) -> Answer:
        """Send the call, and once more when its instance died: `tool` makes a call that writes once for one id."""
        began = asyncio.get_running_loop().time()
        try:
            return await self._send(call, behalf)
        except (NoAnswerError, ToolCrashedError):
            if asyncio.get_running_loop().time() - began > AGAIN_WITHIN_S:
                raise
        return await self._send(call, behalf)

    async def _send(self, call: ToolCall, behalf: OnBehalf) -> Answer:
        token = self._minter.mint(
            "tool",
            delegation_id=behalf.run.delegation_id,
            run_id=behalf.run.id,
            tool=call.name,
            call_id=call.call_id,
            arguments_hash=arguments_hash(call.arguments),
            act=behalf.act,
        )
        body = {"call_id": call.call_id, "arguments": call.arguments, "language": behalf.language}
        path = f"/tools/{quote(call.name, safe='')}/call"
        return await self._ask("POST", path, token.reveal(), json.dumps(body).encode(), CALL_DEADLINE_S)

    async def _ask(self, method: str, path: str, token: str, content: bytes | None, deadline_s: float) -> Answer:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answer = await fetch(
            self._http,
            method,
            self._url + path,
            headers=headers,
            content=content,
            max_bytes=MAX_ANSWER_BYTES,
            deadline_s=deadline_s,
        )
        if answer.status in {401, 403}:
            raise ToolsUnreachableError(
                f"`tool` refused `process` (HTTP {answer.status})",
                repair="check FUJIE_INTERNAL_SIGNING_KEY and FUJIE_INTERNAL_PUBLIC_KEYS, and that both share a store",
            )
        if answer.status >= 500:
            raise ToolCrashedError(f"the tool failed (HTTP {answer.status}); nothing is known of what it did")
        if answer.status != 200:
            raise ToolRefusedError(f"the tool did not take the call (HTTP {answer.status}); it was not made")
        return answer


def failure(code: str, message: str, *, repair: str = "") -> ToolOutcome:
    """Return the outcome of a call that could not be made, in words for the model."""
    error = {"code": code, "message": message} | ({"repair": repair} if repair else {})
    return ToolOutcome(json.dumps({"error": error}, ensure_ascii=False), ok=False, error_code=code)


def _outcome(answer: Answer) -> ToolOutcome | ToolWaits:
    data = _object(answer)
    try:
        if data["status"] == "authorization_required":
            return ToolWaits(_consent(data["consent"]))
        badge = data.get("credential")
        credential = CredentialBadge(**badge | {"scopes": tuple(badge["scopes"])}) if badge else None
        duration_ms = int(data.get("duration_ms", 0))
        if data["status"] == "ok":
            return ToolOutcome(_text(data["output"]), True, duration_ms, credential)
        code = str(data["error"]["code"])
        return ToolOutcome(_text({"error": data["error"]}), False, duration_ms, credential, code)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolsUnreachableError("the tool's answer is malformed") from error


def _object(answer: Answer) -> dict[str, Any]:
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ToolsUnreachableError("the tool function answered no JSON") from error
    if not isinstance(data, dict):
        raise ToolsUnreachableError("the tool function answered no JSON object")
    return data


def _consent(data: dict[str, Any]) -> ConsentRequest:
    return ConsentRequest(**data | {"scopes": tuple(Scope(**scope) for scope in data["scopes"])})


def _text(output: Any) -> str:
    text = clean(output if isinstance(output, str) else json.dumps(output, ensure_ascii=False))
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    return f"{text[:MAX_OUTPUT_CHARS]}\n[cut here: {len(text) - MAX_OUTPUT_CHARS} more characters]"
