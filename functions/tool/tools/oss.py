"""The user's own objects in the stack's bucket, each read with a credential narrowed to that one object."""

import json
from typing import Annotated, Any

from fujie.tools.context import ToolContext
from fujie.tools.declaration import STS, tool
from fujie.tools.errors import ProviderFailedError
from fujie.tools.narrowing import checked_value

READ = ["oss:GetObject"]
SCHEDULE = "users/{user}/schedule.json"
FILE = "users/{user}/files/{name}"
_BUCKET = "acs:oss:*:*:{bucket}/"


@tool(credential=STS(READ, [_BUCKET + SCHEDULE]))
async def get_schedule(
    context: ToolContext, date: Annotated[str | None, "A day as YYYY-MM-DD; everything when left out"] = None
) -> Any:
    """Return the user's schedule: the events of a day, or all that there are."""
    text = await context.files.get(SCHEDULE.format(user=context.user.id))
    try:
        schedule = json.loads(text)
    except ValueError as error:
        raise ProviderFailedError("the schedule in OSS is not JSON", repair="put a JSON document there") from error
    return schedule if date is None else {"date": date, "events": _events_of(schedule, date)}


@tool(credential=STS(READ, [_BUCKET + FILE]))
async def read_oss_file(context: ToolContext, name: Annotated[str, "File name, such as notes.txt"]) -> Any:
    """Return the text of one of the user's own files in OSS."""
    content = await context.files.get(FILE.format(user=context.user.id, name=checked_value("name", name)))
    try:
        return {"name": name, "text": content.decode("utf-8")}
    except UnicodeDecodeError as error:
        raise ProviderFailedError(f"{name} is not a text file", repair="ask for a file of UTF-8 text") from error


def _events_of(schedule: Any, date: str) -> list[Any]:
    """Return the events of a day: an event's own date decides, else that of the whole document."""
    document = schedule if isinstance(schedule, dict) else {"events": schedule}
    events = document.get("events")
    if not isinstance(events, list):
        return []
    day = document.get("date", date)
    return [event for event in events if (event.get("date", day) if isinstance(event, dict) else day) == date]
