"""RAM's OIDC identity providers on IMS's wire, where lists are joined with commas."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from fujie_emulator.core.call import RpcCall
from fujie_emulator.core.cloud import Cloud
from fujie_emulator.core.errors import invalid_parameter
from fujie_emulator.core.iam import authorize
from fujie_emulator.ims import oidc

_LARGEST_PAGE = 100
Answer = dict[str, Any]


def create_oidc_provider(cloud: Cloud, call: RpcCall) -> Answer:
    _authorize(cloud, call, "*")
    fields = {
        "IssuerUrl": call.text("IssuerUrl"),
        "ClientIds": _listed(call, "ClientIds"),
        "Fingerprints": _listed(call, "Fingerprints"),
        "IssuanceLimitTime": call.integer("IssuanceLimitTime", oidc.DEFAULT_LIMIT_H),
        "Description": call.text("Description", required=False),
    }
    return _answer(oidc.create(cloud, call.text("OIDCProviderName"), fields))


def get_oidc_provider(cloud: Cloud, call: RpcCall) -> Answer:
    return _answer(oidc.provider(cloud, _named(cloud, call)))


def list_oidc_providers(cloud: Cloud, call: RpcCall) -> Answer:
    _authorize(cloud, call, "*")
    size, marker = call.integer("MaxItems", _LARGEST_PAGE), call.text("Marker", required=False)
    if not 1 <= size <= _LARGEST_PAGE:
        raise invalid_parameter("MaxItems", f"it must be 1 to {_LARGEST_PAGE}.")
    rest = [doc for doc in oidc.providers(cloud) if doc["OIDCProviderName"] > marker]
    page, cut = rest[:size], len(rest) > size
    answer = {"OIDCProviders": {"OIDCProvider": [_shown(doc) for doc in page]}, "IsTruncated": cut}
    return answer | ({"Marker": page[-1]["OIDCProviderName"]} if cut else {})


def update_oidc_provider(cloud: Cloud, call: RpcCall) -> Answer:
    name = _named(cloud, call)
    read: dict[str, tuple[str, Callable[[], Any]]] = {
        "ClientIds": ("ClientIds", lambda: _listed(call, "ClientIds")),
        "IssuanceLimitTime": ("IssuanceLimitTime", lambda: call.integer("IssuanceLimitTime", 0)),
        "NewDescription": ("Description", lambda: call.text("NewDescription", required=False)),
    }
    changes = {field: value() for parameter, (field, value) in read.items() if parameter in call.params}
    return _answer(oidc.update(cloud, name, changes))


def change_member(
    change: Callable[[Cloud, str, str, str], Answer], parameter: str, cloud: Cloud, call: RpcCall
) -> Answer:
    return _answer(change(cloud, _named(cloud, call), f"{parameter}s", call.text(parameter)))


def delete_oidc_provider(cloud: Cloud, call: RpcCall) -> Answer:
    oidc.delete(cloud, _named(cloud, call))
    return {}


def _named(cloud: Cloud, call: RpcCall) -> str:
    """Return the provider the call is about, once the caller may do the action on it."""
    name = call.text("OIDCProviderName")
    _authorize(cloud, call, oidc.arn(cloud, name))
    return name


def _authorize(cloud: Cloud, call: RpcCall, resource: str) -> None:
    authorize(cloud, call.caller, f"ram:{call.action}", [resource])


def _listed(call: RpcCall, name: str) -> list[str]:
    return list(dict.fromkeys(part for part in call.text(name, required=False).split(",") if part))


def _answer(doc: Answer) -> Answer:
    return {"OIDCProvider": _shown(doc)}


def _shown(doc: Answer) -> Answer:
    joined = {field: ",".join(doc[field]) for field in ("ClientIds", "Fingerprints")}
    return doc | joined | {"GmtCreate": _epoch_ms(doc["CreateDate"]), "GmtModified": _epoch_ms(doc["UpdateDate"])}


def _epoch_ms(moment: str) -> str:
    return str(int(datetime.fromisoformat(moment).timestamp() * 1000))


ACTIONS: dict[str, Callable[[Cloud, RpcCall], Answer]] = {
    "CreateOIDCProvider": create_oidc_provider,
    "GetOIDCProvider": get_oidc_provider,
    "ListOIDCProviders": list_oidc_providers,
    "UpdateOIDCProvider": update_oidc_provider,
    "DeleteOIDCProvider": delete_oidc_provider,
    "AddClientIdToOIDCProvider": partial(change_member, oidc.add, "ClientId"),
    "RemoveClientIdFromOIDCProvider": partial(change_member, oidc.remove, "ClientId"),
    "AddFingerprintToOIDCProvider": partial(change_member, oidc.add, "Fingerprint"),
    "RemoveFingerprintFromOIDCProvider": partial(change_member, oidc.remove, "Fingerprint"),
}
