"""Calls to a service's actions in this process, as a caller of one's choice."""

import importlib
import inspect
import json

from fujie_emulator.core.call import Caller, RpcCall

ROOT = Caller("root", "acs:ram::1900000000000001:root", "root", "LTAIroot")
NOBODY = Caller("role", "acs:ram::1900000000000001:assumed-role/nobody/s", "s", "STS.nobody", role_name="nobody")


async def call(cloud, service, action, caller=ROOT, **parameters):
    """Return the answer of one action; lists, objects and booleans are written as the official clients do."""
    routes = importlib.import_module(f"fujie_emulator.{service}.routes")
    params = {name: _written(value) for name, value in parameters.items() if value is not None}
    answer = routes.ACTIONS[action](cloud, RpcCall(service, action, params, caller, "R"))
    return await answer if inspect.isawaitable(answer) else answer


def _written(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
