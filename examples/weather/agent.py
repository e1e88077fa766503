"""A weather agent: one tool, whose API key the agent, the model and this file never see."""

from typing import Annotated

from fujie import AgentApp, APIKey, ToolContext, tool


@tool(credential=APIKey("weather"), hosts=["api.weather.example"])
async def get_weather(context: ToolContext, city: Annotated[str, "City, in Chinese or English"]) -> object:
    """Return the current weather of a city: conditions, temperature in degrees Celsius, humidity and wind."""
    answer = await context.http.get("https://api.weather.example/v1/current", params={"city": city})
    answer.raise_for_status()
    return answer.json()


@tool()
async def to_fahrenheit(_context: ToolContext, celsius: float) -> float:
    """Convert a temperature from Celsius to Fahrenheit."""
    return round(celsius * 9 / 5 + 32, 1)


app = AgentApp(
    app_name="Weather",
    app_description="Tells the weather of any city.",
    instructions="Tell the weather in one sentence, and what to wear in another.",
    tools=[get_weather, to_fahrenheit],
)
