"""A2A's doors: JSON-RPC at `/a2a`, HTTP+JSON below it (0.3 below `/a2a/v1`), and the agent card."""

from fujie.agents.serving.a2a.card import card_routes
from fujie.agents.serving.a2a.desk import Desk
from fujie.agents.serving.a2a.rest import rest_routes
from fujie.agents.serving.a2a.rpc import rpc_routes
from fujie.agents.serving.asgi import Route
from fujie.agents.serving.served import Served


def routes(served: Served) -> list[Route]:
    """Return the routes of this protocol."""
    desk = Desk(served)
    return [*card_routes(served), *rpc_routes(served, desk), *rest_routes(served, desk)]
