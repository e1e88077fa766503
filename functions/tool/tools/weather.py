"""The weather, from a partner's API with the stack's API key."""

from typing import Annotated, Any

from fujie.tools.context import ToolContext
from fujie.tools.declaration import APIKey, tool

HOST = "api.weather.example"


@tool(credential=APIKey("weather"), hosts=[HOST])
async def get_weather(context: ToolContext, city: Annotated[str, "City, in Chinese or English"]) -> Any:
    """Return the current weather of a city: conditions, temperature in degrees Celsius, humidity and wind."""
    answer = await context.http.get(f"https://{HOST}/v1/current", params={"city": city})
    answer.raise_for_status()
    return answer.json()
