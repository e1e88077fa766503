"""The services of the cloud: what a package may offer, and which packages there are."""

import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from starlette.routing import BaseRoute

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.rpc import RpcService

PACKAGES = (
    "ram",
    "sts",
    "ims",
    "signin",
    "agentidentity",
    "agentidentitydata",
    "oss",
    "mns",
    "sls",
    "functionhost",
    "fc",
    "partners",
    "llm",
)


@dataclass(frozen=True)
class Service:
    """What the `routes` module of a service package offers; every part but the name is optional.

    `ACTIONS`, `VERSION`, `REFUSED` (action -> why), `ANONYMOUS` (actions without signature) -> `rpc`;
    `http_routes(cloud)`; `inventory(cloud)` for the admin route; `lifespan(cloud)`, an async context manager
    that is open while the cloud serves; `import_resource(cloud, document)` for what is imported other than by action.
    """

    name: str
    rpc: RpcService | None
    http_routes: Callable[[Cloud], list[BaseRoute]] | None
    inventory: Callable[[Cloud], dict[str, Any]] | None
    lifespan: Callable[[Cloud], AbstractAsyncContextManager[None]] | None
    import_resource: Callable[[Cloud, dict[str, Any]], Awaitable[None]] | None = None


def load_services() -> list[Service]:
    """Import the services that are there."""
    return [_service(name) for name in PACKAGES if _exists(name)]


def _exists(name: str) -> bool:
    package = f"fujie_emulator.{name}"
    return importlib.util.find_spec(package) is not None and importlib.util.find_spec(f"{package}.routes") is not None


def _service(name: str) -> Service:
    routes = importlib.import_module(f"fujie_emulator.{name}.routes")
    return Service(
        name=name,
        rpc=_rpc(name, routes),
        http_routes=getattr(routes, "http_routes", None),
        inventory=getattr(routes, "inventory", None),
        lifespan=getattr(routes, "lifespan", None),
        import_resource=getattr(routes, "import_resource", None),
    )


def _rpc(name: str, routes: ModuleType) -> RpcService | None:
    if not hasattr(routes, "ACTIONS"):
        return None
    return RpcService(
        name=name,
        version=routes.VERSION,
        actions=routes.ACTIONS,
        refused=getattr(routes, "REFUSED", {}),
        anonymous=getattr(routes, "ANONYMOUS", frozenset()),
    )
