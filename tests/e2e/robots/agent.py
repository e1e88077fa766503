"""The agent that ships with one more tool, which acts as the workload itself: every kind of credential in one stack."""

from fujie import AgentApp, OAuth, ToolContext, tool
from functions.tool.manifest import TOOLS

ROBOTS = OAuth(
    "robot", {"run": "Run the robots"}, display_name="Robots", issuer="https://id.robots.example", flow="M2M"
)


@tool(credential=ROBOTS, hosts=["api.robots.example"])
async def look_at_robots(context: ToolContext) -> object:
    """Return what the robots do."""
    answer = await context.http.get("https://api.robots.example/v1/state")
    answer.raise_for_status()
    return answer.json()


app = AgentApp(app_name="Fujie", app_description="Acts for you, and looks at robots.", tools=[*TOOLS, look_at_robots])
