"""The user's ECS instances, from Alibaba Cloud's MCP server on the user's behalf."""

from typing import Annotated, Any

from fujie.tools.context import ToolContext
from fujie.tools.declaration import OAuth, tool
from fujie.tools.mcp import call_mcp_tool
from fujie.tools.schema import MCP_HOST

ALIYUN = OAuth(
    "aliyun",
    {
        "/acs/mcp-server": {
            "en": "Use Alibaba Cloud's MCP server as you, within your own permissions",
            "zh": "以您的身份并在您自己的权限内使用阿里云 MCP 服务",
        }
    },
    display_name="Alibaba Cloud",
    vendor="AliyunOAuth2",
)


@tool(
    credential=ALIYUN,
    hosts=[MCP_HOST],
    reason={"en": "To list your ECS instances", "zh": "用于查询您的 ECS 实例"},
    timeout_s=30.0,
)
async def list_ecs_instances(
    context: ToolContext, region: Annotated[str | None, "Region such as cn-beijing; all regions when left out"] = None
) -> Any:
    """List the user's ECS instances: id, name, status and type."""
    return await call_mcp_tool(context, "ListInstances", {"RegionId": region} if region else {})
