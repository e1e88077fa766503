"""The control plane on the wire: which action stands where, and what every call of it passes."""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.journal import note
from fujie_emulator.core.rpc import read_body
from fujie_emulator.core.signing import verify_roa
from fujie_emulator.fc import (
    function_actions,
    layer_actions,
    setting_actions,
    tag_actions,
    trigger_actions,
    version_actions,
)
from fujie_emulator.fc.addresses import TriggerAddresses
from fujie_emulator.fc.asked import Asked
from fujie_emulator.fc.documents import json_object
from fujie_emulator.fc.errors import unsupported

BASE = "/2023-03-30"
MAX_BODY = 1 << 20
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

Answer = dict[str, Any] | None
Action = Callable[[Asked], Answer | Awaitable[Answer]]

_FUNCTIONS, _FUNCTION = f"{BASE}/functions", f"{BASE}/functions/{{function}}"
_TRIGGERS, _TRIGGER = f"{_FUNCTION}/triggers", f"{_FUNCTION}/triggers/{{trigger}}"
_DOMAINS, _DOMAIN = f"{BASE}/custom-domains", f"{BASE}/custom-domains/{{domain}}"
_ASYNC, _CONCURRENCY = f"{_FUNCTION}/async-invoke-config", f"{_FUNCTION}/concurrency"
_PROVISION, _VERSIONS = f"{_FUNCTION}/provision-config", f"{_FUNCTION}/versions"
_ALIASES, _ALIAS = f"{_FUNCTION}/aliases", f"{_FUNCTION}/aliases/{{alias}}"
_LAYERS, _LAYER = f"{BASE}/layers", f"{BASE}/layers/{{layer}}"
ACTIONS: dict[str, tuple[str, str, Action]] = {
    "CreateFunction": ("POST", _FUNCTIONS, function_actions.create_function),
    "ListFunctions": ("GET", _FUNCTIONS, function_actions.list_functions),
    "GetFunction": ("GET", _FUNCTION, function_actions.get_function),
    "UpdateFunction": ("PUT", _FUNCTION, function_actions.update_function),
    "DeleteFunction": ("DELETE", _FUNCTION, function_actions.delete_function),
    "CreateTrigger": ("POST", _TRIGGERS, trigger_actions.create_trigger),
    "ListTriggers": ("GET", _TRIGGERS, trigger_actions.list_triggers),
    "GetTrigger": ("GET", _TRIGGER, trigger_actions.get_trigger),
    "UpdateTrigger": ("PUT", _TRIGGER, trigger_actions.update_trigger),
    "DeleteTrigger": ("DELETE", _TRIGGER, trigger_actions.delete_trigger),
    "CreateCustomDomain": ("POST", _DOMAINS, trigger_actions.create_custom_domain),
    "ListCustomDomains": ("GET", _DOMAINS, trigger_actions.list_custom_domains),
    "GetCustomDomain": ("GET", _DOMAIN, trigger_actions.get_custom_domain),
    "UpdateCustomDomain": ("PUT", _DOMAIN, trigger_actions.update_custom_domain),
    "DeleteCustomDomain": ("DELETE", _DOMAIN, trigger_actions.delete_custom_domain),
    "PutAsyncInvokeConfig": ("PUT", _ASYNC, setting_actions.put_async_invoke_config),
    "GetAsyncInvokeConfig": ("GET", _ASYNC, setting_actions.get_async_invoke_config),
    "DeleteAsyncInvokeConfig": ("DELETE", _ASYNC, setting_actions.delete_async_invoke_config),
    "PutConcurrencyConfig": ("PUT", _CONCURRENCY, setting_actions.put_concurrency_config),
    "GetConcurrencyConfig": ("GET", _CONCURRENCY, setting_actions.get_concurrency_config),
    "DeleteConcurrencyConfig": ("DELETE", _CONCURRENCY, setting_actions.delete_concurrency_config),
    "GetAsyncTask": ("GET", f"{_FUNCTION}/async-tasks/{{task}}", setting_actions.get_async_task),
    "PutProvisionConfig": ("PUT", _PROVISION, setting_actions.put_provision_config),
    "GetProvisionConfig": ("GET", _PROVISION, setting_actions.get_provision_config),
    "DeleteProvisionConfig": ("DELETE", _PROVISION, setting_actions.delete_provision_config),
    "PublishFunctionVersion": ("POST", _VERSIONS, version_actions.publish_function_version),
    "ListFunctionVersions": ("GET", _VERSIONS, version_actions.list_function_versions),
    "DeleteFunctionVersion": ("DELETE", f"{_VERSIONS}/{{version}}", version_actions.delete_function_version),
    "CreateAlias": ("POST", _ALIASES, version_actions.create_alias),
    "ListAliases": ("GET", _ALIASES, version_actions.list_aliases),
    "GetAlias": ("GET", _ALIAS, version_actions.get_alias),
    "UpdateAlias": ("PUT", _ALIAS, version_actions.update_alias),
    "DeleteAlias": ("DELETE", _ALIAS, version_actions.delete_alias),
    "ListLayers": ("GET", _LAYERS, layer_actions.list_layers),
    "CreateLayerVersion": ("POST", f"{_LAYER}/versions", layer_actions.create_layer_version),
    "ListLayerVersions": ("GET", f"{_LAYER}/versions", layer_actions.list_layer_versions),
    "GetLayerVersion": ("GET", f"{_LAYER}/versions/{{version}}", layer_actions.get_layer_version),
    "DeleteLayerVersion": ("DELETE", f"{_LAYER}/versions/{{version}}", layer_actions.delete_layer_version),
    "PutLayerACL": ("PUT", f"{_LAYER}/acl", layer_actions.put_layer_acl),
    "TagResources": ("POST", f"{BASE}/tags-v2", tag_actions.tag_resources),
    "UntagResources": ("DELETE", f"{BASE}/tags-v2", tag_actions.untag_resources),
    "ListTagResources": ("GET", f"{BASE}/tags-v2", tag_actions.list_tag_resources),
}


def control_routes(cloud: Cloud) -> list[BaseRoute]:
    """Return the routes of the control plane, the triggers' addresses, and the refusal of what is neither."""
    routes: list[BaseRoute] = [
        Route(path, _endpoint(cloud, name, action), methods=[method])
        for name, (method, path, action) in ACTIONS.items()
    ]
    routes.append(Route(f"{BASE}/{{rest:path}}", _refusing("Function Compute"), methods=_EVERY_METHOD))
    return [
        *routes,
        Mount("/_fc/internet", TriggerAddresses(cloud, "internet")),
        Mount("/_fc/intranet", TriggerAddresses(cloud, "intranet")),
    ]


def _endpoint(cloud: Cloud, name: str, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        note(service="fc", action=name)
        body = await read_body(request, MAX_BODY)
        caller = verify_roa(cloud, request, body)
        note(caller=caller)
        await cloud.faults.apply("fc", name)
        document = json_object(body, "body", "a JSON object is right") if body else {}
        answer = action(Asked(cloud, caller, name, request, document))
        if inspect.isawaitable(answer):
            answer = await answer
        headers = {"x-fc-request-id": str(uuid.uuid4())}
        return Response(status_code=204, headers=headers) if answer is None else JSONResponse(answer, headers=headers)

    return endpoint


def _refusing(what: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        note(service="fc", action="")
        raise unsupported(f"{what} {request.method} {request.url.path[:256]}")

    return endpoint
