"""What an OAuth2CredentialProvider says about the authorization server it leads to."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fujie_emulator.agentidentity.errors import unsupported
from fujie_emulator.agentidentity.hosts import local_url
from fujie_emulator.core.errors import CloudError, invalid_parameter

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

CUSTOM_VENDOR, IDAAS_VENDOR = "CustomOAuth2", "IDaaS"
USER_FEDERATION, M2M, ON_BEHALF_OF = "USER_FEDERATION", "M2M", "ON_BEHALF_OF"
# Where an included vendor answers on the cloud's own port, and its issuer when it names itself in answers.
_SIGN_IN = ("/signin/oauth2/v1/auth", "/oauth/v1/token", "/oauth")
_INCLUDED = {
    "AliyunOAuth2": _SIGN_IN,
    "AlibabaCloudOAuth2": _SIGN_IN,  # the international site; this account is on both
    "DingTalkOAuth2": ("/partners/dingtalk/authorize", "/partners/dingtalk/token", "/partners/dingtalk"),
}
_WITHOUT_OWN_ENDPOINTS = ("FeiShuOAuth2",)
VENDORS = (*_INCLUDED, *_WITHOUT_OWN_ENDPOINTS, CUSTOM_VENDOR, IDAAS_VENDOR)
_FIELD = "OAuth2ProviderConfig"


@dataclass(frozen=True)
class OAuthServer:
    """An authorization server and our client at it; "" for an endpoint means that discovery will tell."""

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    issuer: str = ""
    pkce: bool = True
    discovery_url: str = ""
    basic_auth: bool = False


def checked_type(vendor: str, asked: str) -> str:
    """Return the provider's OAuthType, the vendor's own when none is asked for."""
    if vendor not in VENDORS:
        raise invalid_parameter("CredentialProviderVendor", f"use one of {', '.join(VENDORS)}.")
    fitting = (ON_BEHALF_OF,) if vendor == IDAAS_VENDOR else (USER_FEDERATION, M2M)
    if asked and asked not in fitting:
        raise invalid_parameter("OAuthType", f"vendor {vendor} does {' and '.join(fitting)}.")
    return asked or fitting[0]


def checked_config(vendor: str, config: dict[str, Any], kind: str = USER_FEDERATION) -> dict[str, Any]:
    """Return the config when it is one that `vendor` takes; else raise InvalidParameter.OAuth2ProviderConfig."""
    checked_type(vendor, "")
    wanted = "CustomOAuth2ProviderConfig" if vendor == CUSTOM_VENDOR else "IncludedOAuth2ProviderConfig"
    if set(config) != {wanted} or not isinstance(config[wanted], dict):
        raise invalid_parameter(_FIELD, f"vendor {vendor} takes exactly one object, {wanted}.")
    inner = config[wanted]
    _text(inner, "ClientId", required=True)
    _text(inner, "ClientSecret")
    if vendor == CUSTOM_VENDOR:
        _check_custom(inner)
    else:
        _check_included(vendor, inner, kind)
    return config


def outbound(vendor: str, fields: dict[str, Any]) -> dict[str, str]:
    """Return what a provider at IDaaS tells of the application it acts through; nothing for the others."""
    if vendor != IDAAS_VENDOR:
        return {}
    client_id = fields["OAuth2ProviderConfig"]["IncludedOAuth2ProviderConfig"]["ClientId"]
    return {"OutboundClientId": client_id, "OutboundAudience": f"agent-{client_id}"}


def without_secret(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config as answers show it: the client secret is never given back."""
    return {
        name: {key: value for key, value in inner.items() if key != "ClientSecret"} for name, inner in config.items()
    }


def with_kept_secret(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return an updated config that keeps the stored secret of the same client when the update names none."""
    (name, inner), old_inner = next(iter(new.items())), next(iter(old.values()))
    if "ClientSecret" in inner or inner["ClientId"] != old_inner["ClientId"] or "ClientSecret" not in old_inner:
        return new
    return {name: inner | {"ClientSecret": old_inner["ClientSecret"]}}


def server_of(cloud: "Cloud", vendor: str, config: dict[str, Any]) -> OAuthServer:
    """Return the server that a checked config leads to; included vendors live on the emulated cloud's port."""
    inner = next(iter(config.values()))
    if vendor != CUSTOM_VENDOR:
        return _included_server(cloud, vendor, inner)
    discovery = inner["OAuth2Discovery"]
    metadata = discovery.get("AuthorizationServerMetadata") or {}
    return OAuthServer(
        client_id=inner["ClientId"],
        client_secret=inner.get("ClientSecret", ""),
        authorize_url=local_url(cloud, (metadata.get("AuthorizationRequest") or {}).get("Endpoint", "")),
        token_url=local_url(cloud, (metadata.get("TokenRequest") or {}).get("Endpoint", "")),
        issuer=metadata.get("Issuer", ""),
        pkce=(metadata.get("PKCE") or {}).get("Enabled", True),
        discovery_url=local_url(cloud, discovery.get("DiscoveryURL", "")),
    )


def _included_server(cloud: "Cloud", vendor: str, inner: dict[str, Any]) -> OAuthServer:
    authorize, token, issuer = _INCLUDED.get(vendor, ("", "", ""))
    own = bool(inner.get("TokenEndpoint"))
    return OAuthServer(
        client_id=inner["ClientId"],
        client_secret=inner.get("ClientSecret", ""),
        authorize_url=inner.get("AuthorizationEndpoint", "") if own else cloud.base_url + authorize,
        token_url=inner["TokenEndpoint"] if own else cloud.base_url + token,
        issuer=cloud.base_url + issuer if issuer and not own else "",
    )


def checked_url(parameter: str, value: Any) -> str:
    """Return an absolute http(s) URL without user info or fragment; else raise InvalidParameter."""
    problem = invalid_parameter(parameter, "it must be an absolute http or https URL without fragment.")
    if not isinstance(value, str) or len(value) > 2048 or not value.isprintable() or " " in value:
        raise problem
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise problem from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or "@" in parts.netloc:
        raise problem
    return value


def _check_included(vendor: str, inner: dict[str, Any], kind: str) -> None:
    endpoints = [name for name in ("AuthorizationEndpoint", "TokenEndpoint") if inner.get(name)]
    for name in endpoints:
        checked_url(f"{_FIELD}.{name}", inner[name])
    if kind == M2M and endpoints == ["TokenEndpoint"]:
        return  # nobody is sent to an authorization endpoint
    if len(endpoints) == 1:
        raise invalid_parameter(_FIELD, "name both AuthorizationEndpoint and TokenEndpoint, or neither.")
    if vendor in _WITHOUT_OWN_ENDPOINTS and not endpoints:
        raise unsupported(f"the vendor {vendor} without AuthorizationEndpoint and TokenEndpoint")


def _check_custom(inner: dict[str, Any]) -> None:
    discovery = _object(inner, "OAuth2Discovery")
    if set(discovery) == {"DiscoveryURL"}:
        checked_url(f"{_FIELD}.DiscoveryURL", discovery["DiscoveryURL"])
        return
    if set(discovery) != {"AuthorizationServerMetadata"}:
        raise invalid_parameter(_FIELD, "OAuth2Discovery holds either DiscoveryURL or AuthorizationServerMetadata.")
    metadata = _object(discovery, "AuthorizationServerMetadata")
    if metadata.get("AuthorizationRequest") is not None:  # machine-to-machine providers have none
        checked_url(
            f"{_FIELD}.AuthorizationRequest.Endpoint", _object(metadata, "AuthorizationRequest").get("Endpoint")
        )
    checked_url(f"{_FIELD}.TokenRequest.Endpoint", _object(metadata, "TokenRequest").get("Endpoint"))
    _text(metadata, "Issuer")
    if metadata.get("PKCE") is not None and not isinstance(_object(metadata, "PKCE").get("Enabled"), bool):
        raise invalid_parameter(_FIELD, "PKCE.Enabled must be true or false.")


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise invalid_parameter(_FIELD, f"{name} must be an object.")
    return value


def _text(holder: dict[str, Any], name: str, *, required: bool = False) -> None:
    value = holder.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or not value:
        raise _not_text(name)


def _not_text(name: str) -> CloudError:
    return invalid_parameter(_FIELD, f"{name} must be a non-empty string.")
