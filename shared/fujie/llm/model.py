"""The configured model as Pydantic AI speaks to it: any OpenAI-compatible base URL."""

from typing import TYPE_CHECKING

from fujie.llm.errors import LlmNotConfiguredError
from fujie.settings import LlmSettings

if TYPE_CHECKING:
    from fujie.llm.chat_model import ChatModel


def model_from_settings(settings: LlmSettings | None, name: str | None = None) -> "ChatModel":
    """Return the model, or another one at the same endpoint. Raises LlmNotConfiguredError."""
    if settings is None:
        raise LlmNotConfiguredError(
            "no model is configured",
            repair="set FUJIE_LLM_BASE_URL, FUJIE_LLM_API_KEY and FUJIE_LLM_MODEL, or DASHSCOPE_API_KEY",
        )
    from fujie.llm.chat_model import ChatModel
    from fujie.llm.service import ChatService

    return ChatModel(name or settings.model, ChatService(settings.base_url, settings.api_key))
