"""Arguments that a lured model chooses, to reach more than its tool was declared for."""

import httpx2
import pytest

from fujie.tools.context import ToolContext
from fujie.tools.errors import ScopeWideningError
from functions.tool.tools.dingtalk import read_dingtalk_document, write_dingtalk_document
from tests.functions.tool_world import ALICE

TOOLS = [(read_dingtalk_document, {}), (write_dingtalk_document, {"text": "x"})]


async def asked(tool, **arguments):
    reached = []

    def partner(request):
        reached.append(request.url.raw_path.decode())
        return httpx2.Response(200, json={})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(partner)) as http:
        await tool.function(ToolContext(ALICE, "en", http), **arguments)
    return reached


@pytest.mark.parametrize("document", [".", "..", "", " "])
@pytest.mark.parametrize(("tool", "more"), TOOLS)
async def test_a_documents_name_leads_to_a_document_and_nowhere_else(tool, more, document):
    """Hurt: Alice, in whose name something else than a document would be written: `..` is the path above."""
    with pytest.raises(ScopeWideningError):
        await asked(tool, document=document, **more)


@pytest.mark.parametrize("document", ["../x", "%2e%2e", "..;", "a/../../b", "?admin=1", "#", "...", "报告 1.txt"])
@pytest.mark.parametrize(("tool", "more"), TOOLS)
async def test_whatever_else_it_holds_is_one_segment_of_the_path(tool, more, document):
    """Hurt: Alice, as above."""
    [path] = await asked(tool, document=document, **more)
    assert path.startswith("/v1/documents/")
    assert path.count("/") == 3
    assert "?" not in path
