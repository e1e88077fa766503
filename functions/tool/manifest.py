"""The tools of the agent that ships: what `tool` serves and what the stack creates providers and permissions for."""

from collections.abc import Sequence

from fujie.tools.declaration import Tool
from functions.tool.tools.dingtalk import read_dingtalk_document, write_dingtalk_document
from functions.tool.tools.ecs import list_ecs_instances
from functions.tool.tools.oss import get_schedule, read_oss_file
from functions.tool.tools.time import get_current_time
from functions.tool.tools.weather import get_weather

TOOLS: Sequence[Tool] = (
    get_weather,
    get_schedule,
    read_oss_file,
    get_current_time,
    list_ecs_instances,
    write_dingtalk_document,
    read_dingtalk_document,
)
