"""An AgentApp as an ASGI application of its own: its parts are made here, and its developer's wishes around them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fujie.agents.app import AgentApp
from fujie.agents.doors import door_for
from fujie.agents.making import runner_for
from fujie.agents.port import Changed, Runs
from fujie.agents.pushes.late import LatePushes
from fujie.agents.serving.asgi import App, Route
from fujie.agents.serving.errors import plain_refusal
from fujie.agents.serving.served import Served
from fujie.agents.serving.server import Lifespan, Server
from fujie.agents.work import Work


class Application(Struct, frozen=True):
    """An agent ready to be served."""

    answer: App
    served: Served


def application(app: AgentApp) -> Application:
    """Return the application. Raises SettingsError when the configuration contradicts itself."""
    config = app.config
    inbound = app.inbound or door_for(config)
    if config.rate_limit_per_minute:
        from fujie.agents.serving.limits import PacedInbound

        inbound = PacedInbound(inbound, config.rate_limit_per_minute)
    pushes = LatePushes(config.public_url, only_local=bool(config.open_access) and config.open_access != "anywhere")
    runs, store = _runs(app, pushes.changed)
    served = Served(
        runs,
        inbound,
        app.metadata,
        config,
        app,
        Work(config.webhook_hosts, timeout_s=config.timeout_s),
        public_url=config.public_url.rstrip("/"),
        pushes=pushes,
        card_key=config.card_key,
    )
    opening = [lambda: _migrated(config.database_url)] if store is not None else []
    closing = [part.close for part in (inbound, pushes, store) if hasattr(part, "close")]
    return Application(assembled(app, served, opening=opening, closing=closing), served)


def assembled(
    app: AgentApp,
    served: Served,
    routes: Sequence[Route] = (),
    *,
    opening: Sequence[Callable[[], Any]] = (),
    closing: Sequence[Callable[[], Any]] = (),
) -> App:
    """Return the server of an agent, with what its developer added to it, and around it."""
    if not served.config.open_access:  # where everybody is one user, nobody is to be kept from the others' share
        from fujie.agents.serving.shares import FairInbound

        served = replace(served, inbound=FairInbound(served.inbound, served.config.max_open_requests))
    own_routes: list[Route] = []
    if app.own.endpoints or app.own.tasks:
        from fujie.agents.serving.own import routes as routes_of_own

        own_routes = routes_of_own(served, app.own)
    rest = app.own.api if app.own.has_api else None
    server: App = Server(served, [*routes, *own_routes], lifespan=_lifespan(app, served, opening, closing), rest=rest)
    if app.own.middleware:
        from fujie.agents.serving.middleware import around_all

        server = around_all(server, app.own.middleware, plain_refusal)
    if served.config.cors_origins:
        from fujie.agents.serving.cors import Cors

        server = Cors(server, served.config.cors_origins)
    if served.config.open_access and served.config.open_access != "anywhere":
        from fujie.agents.serving.loopback import OnlyLoopback

        server = OnlyLoopback(server, served.config.cors_origins)
    return server


def _lifespan(
    app: AgentApp, served: Served, opening: Sequence[Callable[[], Any]], closing: Sequence[Callable[[], Any]]
) -> Lifespan:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in reversed(closing):
                stack.push_async_callback(close)
            for begin in opening:
                await begin()
            stack.push_async_callback(app.own.end)
            await app.own.start()
            stack.push_async_callback(served.work.close)
            stack.push_async_callback(served.runs.close)
            yield

    return lifespan


async def _migrated(database_url: str) -> None:
    from fujie.sessions.migrate import migrate

    await migrate(database_url)


def _runs(app: AgentApp, changed: Changed) -> tuple[Runs, Any]:
    """Return the runs and the store that keeps them, if one does."""
    from fujie.settings import settings_from_environ

    settings = settings_from_environ()
    runner = runner_for(app, settings.llm)
    if not app.config.database_url:
        from fujie.agents.transient import TransientRuns

        return TransientRuns(runner, agent=app.app_name, timeout_s=app.config.timeout_s, changed=changed), None
    from fujie.agents.durable import durable_runs

    return durable_runs(app, runner, changed)
