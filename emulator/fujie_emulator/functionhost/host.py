"""The function host: every declared function, its trigger, and the one origin."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.functionhost.deliveries import Deliveries
from fujie_emulator.functionhost.errors import FunctionNotFoundError, RequestRefusedError
from fujie_emulator.functionhost.exchange import exchange
from fujie_emulator.functionhost.function import HostedFunction
from fujie_emulator.functionhost.logs import FunctionLog
from fujie_emulator.functionhost.processes import Reaper
from fujie_emulator.functionhost.routing import RouteTable
from fujie_emulator.functionhost.servers import LoopbackServer
from fujie_emulator.functionhost.sockets import bridge, refuse_either
from fujie_emulator.functionhost.specification import FunctionSpec


class FunctionHost:
    """Functions live in memory: whoever runs the stack declares them again after a restart. Events live on disk."""

    def __init__(self, cloud: Cloud, *, echo_logs: bool = False) -> None:
        self.deliveries = Deliveries(cloud, self.find)
        self.resolve: Callable[[str], str] = lambda address: address
        """Returns the version, `name` or `name:2`, that an address such as `name:live` stands for now."""
        self.tell_log: Callable[[FunctionSpec, str], None] = lambda *_: None
        """Takes each line that a function with a log store prints."""
        self._cloud = cloud
        self._echo_logs = echo_logs
        self._functions: dict[str, HostedFunction] = {}
        self._triggers: dict[str, LoopbackServer] = {}
        self._origin: LoopbackServer | None = None
        self._table = RouteTable()
        self._reaper = Reaper()
        self._changing = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    def find(self, address: str) -> HostedFunction | None:
        """Return the declared function of that name, or the version that `name:qualifier` stands for."""
        return self._functions.get(self.resolve(address))

    def get(self, address: str) -> HostedFunction:
        """Return the declared function; FunctionNotFoundError when there is none."""
        function = self.find(address)
        if function is None:
            raise FunctionNotFoundError(address)
        return function

    async def declare(self, spec: FunctionSpec) -> HostedFunction:
        """Make the function what `spec` says; the same again changes nothing.

        Returns once the trigger listens; one instance is on its way up then. CloudError PortInUse (409).
        """
        async with self._changing:
            present = self._functions.get(spec.key)
            if present is not None and present.spec == self._with_port(spec):
                return present
            if present is not None and _without_limits(present.spec) == _without_limits(self._with_port(spec)):
                present.limit(self._with_port(spec))
                return present
            await self._place_trigger(spec)
            told = partial(self.tell_log, spec) if spec.log_store else None
            log = FunctionLog(self._cloud.store.directory / "logs", spec.key, echo=self._echo_logs, told=told)
            function = HostedFunction(self._cloud, self._with_port(spec), log, self._reaper)
            function.pool.has_room = partial(self._has_room, function)
            self._functions[spec.key] = function
            function.warm()
            self.deliveries.resume(spec.name)
            if present is not None:
                self._let_go(present)
            return function

    async def withdraw(self, name: str) -> None:
        """Forget it, once it has finished what it has; its undelivered events wait for one of its name."""
        async with self._changing:
            function, trigger = self._functions.pop(name, None), self._triggers.pop(name, None)
            if trigger is not None:
                await trigger.close()
            if function is not None:
                self._let_go(function)

    async def route(self, table: RouteTable, port: int | None) -> int:
        """Serve the table on the origin's port and return the port; None keeps the one it has."""
        async with self._changing:
            if self._origin is None or port not in (None, 0, self._origin.port):
                previous, self._origin = self._origin, None
                if previous is not None:
                    await previous.close()
                self._origin = LoopbackServer.listen(self._serve_origin, port or 0, also_ipv6=True)
            self._table = table
            return self._origin.port

    def status(self) -> dict[str, dict[str, Any]]:
        """Return the counters of every function."""
        return {
            name: function.status() | {"undelivered": self.deliveries.waiting(name)}
            for name, function in sorted(self._functions.items())
        }

    async def close(self) -> None:
        """Stop listening, stop delivering, stop every instance."""
        servers = [*self._triggers.values(), *([self._origin] if self._origin else [])]
        functions = list(self._functions.values())
        for held in (self._functions, self._triggers):
            held.clear()
        self._origin = None
        await self.deliveries.close()
        await asyncio.gather(*(function.close() for function in functions))
        await asyncio.gather(*(server.close() for server in servers))
        for task in list(self._leaving):
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await asyncio.to_thread(self._reaper.close)

    async def _place_trigger(self, spec: FunctionSpec) -> None:
        present = self._triggers.get(spec.name)
        if spec.trigger_port is None or (present is not None and spec.trigger_port in (0, present.port)):
            return
        self._triggers[spec.name] = LoopbackServer.listen(partial(self.serve, spec.name), spec.trigger_port)
        if present is not None:
            await present.close()

    def _has_room(self, asking: HostedFunction) -> bool:
        """Say whether all versions of a function together may have another instance; an idle one makes room."""
        versions = [each for each in self._functions.values() if each.spec.name == asking.spec.name]
        if sum(each.pool.size for each in versions) < asking.spec.max_instances:
            return True
        return any(each.pool.release() for each in versions if each is not asking)

    def _let_go(self, function: HostedFunction) -> None:
        """Let a replaced function finish what it has, then close it."""
        task = asyncio.create_task(function.leave())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _with_port(self, spec: FunctionSpec) -> FunctionSpec:
        """Return the spec with the port that its trigger has, where it asked for any."""
        trigger = self._triggers.get(spec.name)
        return replace(spec, trigger_port=trigger.port) if spec.trigger_port == 0 and trigger else spec

    async def serve(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or one web socket, with the function of that name, or its version."""
        function = self.find(address)
        if function is None:
            await refuse_either(scope, send, FunctionNotFoundError(address))
        elif scope["type"] == "websocket":
            await bridge(function, scope, receive, send)
        else:
            await exchange(self._cloud, function, scope, receive, send)

    async def _serve_origin(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._table.function_of(scope["path"])
        if name is None:
            error = RequestRefusedError("DomainRouteNotFound", 404, "no route of this origin has the path")
            await refuse_either(scope, send, error)
        else:
            await self.serve(name, scope, receive, send)


def _without_limits(spec: FunctionSpec) -> FunctionSpec:
    return replace(spec, max_instances=1, reserved=False, provisioned=0)
