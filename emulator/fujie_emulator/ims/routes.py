"""IMS 2019-08-15 on the wire: OAuth applications, and beside them RAM's OIDC identity providers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.iam import authorize
from fujie_emulator.ims import oidc_routes, refused, state
from fujie_emulator.ims.state import Application

VERSION = "2019-08-15"
_DESCRIPTIONS = {
    "openid": "Obtain the OpenID of the user",
    "profile": "Obtain the name of the user",
    "aliuid": "Obtain the Alibaba Cloud account number of the user",
}


def create_application(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    _authorize(cloud, call, "*")
    app_type, version = call.text("AppType"), call.text("ProtocolVersion", required=False) or "2.0"
    scopes = _with_openid(_listed(call, "PredefinedScopes"))
    wanted = Application(
        app_id="",
        app_name=call.text("AppName"),
        display_name=call.text("DisplayName"),
        app_type=app_type,
        protocol_version=version,
        # The published sample signs people in to a 2.1 WebApp with PKCE and no secret.
        secret_required=call.flag("SecretRequired", default=app_type != "NativeApp" and version == "2.0"),
        is_multi_tenant=call.flag("IsMultiTenant"),
        redirect_uris=_listed(call, "RedirectUris"),
        scopes=scopes,
        required_scopes=_listed(call, "RequiredScopes") or ("openid",),
        access_token_s=call.integer("AccessTokenValidity", 3600),
        refresh_token_s=call.integer("RefreshTokenValidity", state.default_refresh_s(app_type)),
    )
    return {"Application": _shown(cloud, state.create(cloud, wanted))}


def get_application(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    return {"Application": _shown(cloud, _named(cloud, call))}


def list_applications(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    _authorize(cloud, call, "*")
    return {"Applications": {"Application": [_shown(cloud, app) for app in state.applications(cloud)]}}


def update_application(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    app = _named(cloud, call)
    read: dict[str, tuple[str, Callable[[str], Any]]] = {
        "NewDisplayName": ("display_name", call.text),
        "NewRedirectUris": ("redirect_uris", lambda name: _listed(call, name)),
        "NewPredefinedScopes": ("scopes", lambda name: _with_openid(_listed(call, name))),
        "NewRequiredScopes": ("required_scopes", lambda name: _listed(call, name)),
        "NewSecretRequired": ("secret_required", call.flag),
        "NewIsMultiTenant": ("is_multi_tenant", call.flag),
        "NewAccessTokenValidity": ("access_token_s", lambda name: call.integer(name, 0)),
        "NewRefreshTokenValidity": ("refresh_token_s", lambda name: call.integer(name, 0)),
    }
    changes = {field: value(name) for name, (field, value) in read.items() if name in call.params}
    return {"Application": _shown(cloud, state.update(cloud, replace(app, **changes)))}


def delete_application(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    state.delete(cloud, _named(cloud, call).app_id)
    return {}


def create_app_secret(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    return {"AppSecret": state.create_secret(cloud, _named(cloud, call).app_id)}


def list_app_secret_ids(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    return {"AppSecrets": {"AppSecret": state.app_secrets(cloud, _named(cloud, call).app_id)}}


def delete_app_secret(cloud: Cloud, call: RpcCall) -> dict[str, Any]:
    state.delete_secret(cloud, _named(cloud, call).app_id, call.text("AppSecretId"))
    return {}


def _named(cloud: Cloud, call: RpcCall) -> Application:
    """Return the application the call is about, once the caller may do the action on it."""
    app_id = call.text("AppId")
    _authorize(cloud, call, app_id)
    return state.application(cloud, app_id)


def _authorize(cloud: Cloud, call: RpcCall, app_id: str) -> None:
    """IMS actions are granted under the product code `ram`."""
    authorize(cloud, call.caller, f"ram:{call.action}", [f"acs:ram::{cloud.account_id}:application/{app_id}"])


def _listed(call: RpcCall, name: str) -> tuple[str, ...]:
    """Return a list that came as one string with `;` between its parts."""
    return tuple(dict.fromkeys(part for part in call.text(name, required=False).split(";") if part))


def _with_openid(scopes: tuple[str, ...]) -> tuple[str, ...]:
    return scopes if "openid" in scopes else ("openid", *scopes)


def _shown(cloud: Cloud, app: Application) -> dict[str, Any]:
    return {
        "AppId": app.app_id,
        "AppName": app.app_name,
        "DisplayName": app.display_name,
        "AppType": app.app_type,
        "AccountId": cloud.account_id,
        "ProtocolVersion": app.protocol_version,
        "SecretRequired": app.secret_required,
        "IsMultiTenant": app.is_multi_tenant,
        "RedirectUris": {"RedirectUri": list(app.redirect_uris)},
        "DelegatedScope": {"PredefinedScopes": {"PredefinedScope": [_scope(app, scope) for scope in app.scopes]}},
        "AccessTokenValidity": app.access_token_s,
        "RefreshTokenValidity": app.refresh_token_s,
        "CreateDate": app.created,
        "UpdateDate": app.updated,
    }


def _scope(app: Application, scope: str) -> dict[str, Any]:
    return {"Name": scope, "Description": _DESCRIPTIONS.get(scope, scope), "Required": scope in app.required_scopes}


ACTIONS: dict[str, Callable[[Cloud, RpcCall], dict[str, Any]]] = {
    "CreateApplication": create_application,
    "GetApplication": get_application,
    "ListApplications": list_applications,
    "UpdateApplication": update_application,
    "DeleteApplication": delete_application,
    "CreateAppSecret": create_app_secret,
    "ListAppSecretIds": list_app_secret_ids,
    "DeleteAppSecret": delete_app_secret,
} | oidc_routes.ACTIONS
REFUSED = {action: why for action, why in refused.REFUSED.items() if action not in ACTIONS}
