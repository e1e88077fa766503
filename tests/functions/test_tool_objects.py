"""The shipped tools that read the user's own objects."""

import httpx2
import pytest

from fujie.identity.rows import User
from fujie.objects.errors import ObjectNotFoundError
from fujie.objects.memory import MemoryObjectStore
from fujie.tools.context import ToolContext
from fujie.tools.errors import ProviderFailedError, ScopeWideningError, ToolMisconfiguredError
from functions.tool.tools.oss import get_schedule, read_oss_file

ALICE = User("default", "2001", "alice")
SCHEDULE = '{"date": "2026-03-01", "events": [{"title": "站会"}, {"title": "later", "date": "2026-03-02"}]}'


@pytest.fixture
async def context():
    objects = {
        "users/2001/schedule.json": SCHEDULE.encode(),
        "users/2001/files/notes.txt": "笔记".encode(),
        "users/2001/files/photo.jpg": b"\xff\xd8",
        "users/2002/files/notes.txt": b"bob's",
    }
    async with httpx2.AsyncClient() as http:
        yield ToolContext(ALICE, "zh", http, MemoryObjectStore(objects))


async def test_the_whole_schedule_is_as_it_lies_there(context):
    answer = await get_schedule.function(context)
    assert [event["title"] for event in answer["events"]] == ["站会", "later"]


@pytest.mark.parametrize(("date", "titles"), [("2026-03-01", ["站会"]), ("2026-03-02", ["later"]), ("2026-03-03", [])])
async def test_a_day_has_its_own_events(context, date, titles):
    answer = await get_schedule.function(context, date)
    assert answer["date"] == date
    assert [event["title"] for event in answer["events"]] == titles


async def test_a_schedule_that_is_not_json_is_named(context):
    await context.files.put("users/2001/schedule.json", b"tomorrow")
    with pytest.raises(ProviderFailedError, match="JSON"):
        await get_schedule.function(context)


async def test_a_file_is_the_users_own(context):
    assert await read_oss_file.function(context, "notes.txt") == {"name": "notes.txt", "text": "笔记"}


async def test_a_name_that_leads_elsewhere_is_refused(context):
    with pytest.raises(ScopeWideningError):
        await read_oss_file.function(context, "../../2002/files/notes.txt")


async def test_a_file_that_is_not_there_or_not_text_is_named(context):
    with pytest.raises(ObjectNotFoundError):
        await read_oss_file.function(context, "none.txt")
    with pytest.raises(ProviderFailedError, match="text"):
        await read_oss_file.function(context, "photo.jpg")


async def test_a_tool_without_an_sts_credential_has_no_files():
    async with httpx2.AsyncClient() as http:
        with pytest.raises(ToolMisconfiguredError):
            _ = ToolContext(ALICE, "zh", http).files
