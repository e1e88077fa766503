"""The configured model as Pydantic AI speaks to it: any OpenAI-compatible base URL."""

from typing import TYPE_CHECKING

from fujie.http import no_cookies
from fujie.llm.errors import (
    LlmError,
    LlmNotConfiguredError,
    LlmOutputError,
    LlmRefusedError,
    LlmThrottledError,
    LlmUnavailableError,
)
from fujie.settings import LlmSettings

if TYPE_CHECKING:
    from pydantic_ai.exceptions import AgentRunError
    from pydantic_ai.models.openai import OpenAIChatModel

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
"""The longest silence within a stream; reasoning models think before their first token."""
MAX_RETRIES = 2
"""By the client, with backoff, for connection faults, 408, 409, 429 and 5xx before the first byte."""
PROVIDER_NAME = "fujie"


def model_from_settings(
    settings: LlmSettings | None, name: str | None = None, *, read_timeout_s: float = READ_TIMEOUT_S
) -> "OpenAIChatModel":
    """Return the model, or another one at the same endpoint. Raises LlmNotConfiguredError."""
    if settings is None:
        raise LlmNotConfiguredError(
            "no model is configured",
            repair="set FUJIE_LLM_BASE_URL, FUJIE_LLM_API_KEY and FUJIE_LLM_MODEL, or DASHSCOPE_API_KEY",
        )
    import httpx2
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    timeout = httpx2.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S)
    client = AsyncOpenAI(
        base_url=settings.base_url,
        api_key=settings.api_key.reveal(),
        timeout=timeout,
        max_retries=MAX_RETRIES,
        http_client=httpx2.AsyncClient(timeout=timeout, cookies=no_cookies(), follow_redirects=False, trust_env=False),
    )
    return OpenAIChatModel(
        name or settings.model, provider=OpenAICompatibleProvider(PROVIDER_NAME, openai_client=client)
    )


def llm_error_from(error: "AgentRunError") -> LlmError:
    """Return our error for one of Pydantic AI's; what the service said stays in the cause, it may repeat a key."""
    from pydantic_ai import exceptions as theirs

    status = f" (HTTP {error.status_code})" if isinstance(error, theirs.ModelHTTPError) else ""
    if isinstance(error, theirs.ModelRateLimitError | theirs.ModelQuotaExceededError):
        return LlmThrottledError(f"the model's service asks for patience{status}", repair="try again later")
    if isinstance(error, theirs.ModelRequestRejectedError):
        return LlmRefusedError(
            f"the model's service refused the request{status}", repair="check the model's name, key and base URL"
        )
    if isinstance(error, theirs.ModelAPIError):
        return LlmUnavailableError(f"the model does not answer{status}", repair="try again")
    return LlmOutputError("the model answered what cannot be used", repair="ask again in other words")
