"""The user's DingTalk documents, on the user's behalf."""

from typing import Annotated, Any
from urllib.parse import quote

from fujie.tools.context import ToolContext
from fujie.tools.declaration import OAuth, tool
from fujie.tools.errors import ScopeWideningError

HOST = "api.dingtalk.example"
DINGTALK = OAuth(
    "dingtalk",
    {
        "document.read": {"en": "Read your DingTalk documents", "zh": "读取您的钉钉文档"},
        "document.write": {"en": "Write to your DingTalk documents", "zh": "写入您的钉钉文档"},
    },
    display_name="DingTalk",
    vendor="DingTalkOAuth2",
)

Document = Annotated[str, "Name of the document"]


@tool(
    credential=DINGTALK,
    hosts=[HOST],
    effect="write",
    reason={"en": "To write the text you asked for into your document", "zh": "用于把您要求的内容写入您的文档"},
)
async def write_dingtalk_document(
    context: ToolContext, document: Document, text: Annotated[str, "The whole new text"]
) -> Any:
    """Write a text to one of the user's DingTalk documents; what was there is replaced."""
    answer = await context.http.post(_address(document), json={"text": text})
    answer.raise_for_status()
    return answer.json()


@tool(
    credential=DINGTALK,
    hosts=[HOST],
    reason={"en": "To read the document you asked for", "zh": "用于读取您要求的文档"},
)
async def read_dingtalk_document(context: ToolContext, document: Document) -> Any:
    """Return the text of one of the user's DingTalk documents."""
    answer = await context.http.get(_address(document))
    answer.raise_for_status()
    return answer.json()


def _address(document: str) -> str:
    if document.strip() in {"", ".", ".."}:
        raise ScopeWideningError("document must be a document's name: '.' and '..' are other places")
    return f"https://{HOST}/v1/documents/{quote(document, safe='')}"
