"""The time, from a partner's API on the user's behalf."""

from typing import Annotated, Any

from fujie.tools.context import ToolContext
from fujie.tools.declaration import OAuth, tool

HOST = "api.time.example"
TIME = OAuth(
    "time",
    {"time.read": {"en": "Read the current time in your time zone", "zh": "读取您所在时区的当前时间"}},
    display_name="Time service",
    issuer="https://auth.time.example",
)


@tool(
    credential=TIME,
    hosts=[HOST],
    reason={"en": "To tell you what time it is", "zh": "用于告诉您现在几点"},
)
async def get_current_time(
    context: ToolContext, time_zone: Annotated[str, "IANA time zone, such as Asia/Shanghai"] = "Asia/Shanghai"
) -> Any:
    """Return the current time and weekday in a time zone."""
    answer = await context.http.get(f"https://{HOST}/v1/now", params={"time_zone": time_zone})
    answer.raise_for_status()
    return answer.json()
