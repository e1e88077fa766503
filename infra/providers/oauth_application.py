"""Applications of Alibaba Cloud sign-in (IMS). Their names are the account's, so a name tells whose they are."""

from typing import Any

from infra.providers.checks import addresses, filled, names, one_of
from infra.providers.clients import CloudClients, absent
from infra.providers.kind import Kind, Properties

APP_TYPES = ("WebApp", "NativeApp")
_DISPLAYED = 24
"""Characters of a display name that the documents promise."""


def _find(clients: CloudClients, wanted: Properties) -> dict[str, Any] | None:
    listed = clients.ims.list_applications().body.applications
    found = next((app for app in listed.application or () if app.app_name == wanted["name"]), None)
    if found is None:
        return None
    return {
        "name": found.app_name,
        "app_type": found.app_type,
        "redirect_uris": list(found.redirect_uris.redirect_uri or ()),
        "scopes": [scope.name for scope in found.delegated_scope.predefined_scopes.predefined_scope or ()],
        "app_id": str(found.app_id),
    }


def _create(clients: CloudClients, wanted: Properties) -> dict[str, Any]:
    """Create with protocol 2.1: PKCE is compulsory, a native application has no secret."""
    from alibabacloud_ims20190815 import models

    scopes = ";".join(wanted["scopes"])
    request = models.CreateApplicationRequest(
        app_name=wanted["name"],
        display_name=wanted["name"][:_DISPLAYED],
        app_type=wanted["app_type"],
        predefined_scopes=scopes,
        required_scopes=scopes,
        redirect_uris=";".join(wanted["redirect_uris"]),
        protocol_version="2.1",
        secret_required=False,
    )
    return {"app_id": str(clients.ims.create_application(request).body.application.app_id)}


def _update(clients: CloudClients, wanted: Properties, found: Properties) -> None:
    from alibabacloud_ims20190815 import models

    scopes = ";".join(wanted["scopes"])
    clients.ims.update_application(
        models.UpdateApplicationRequest(
            app_id=found["app_id"],
            new_redirect_uris=";".join(wanted["redirect_uris"]),
            new_predefined_scopes=scopes,
            new_required_scopes=scopes,
        )
    )


def _delete(clients: CloudClients, wanted: Properties) -> None:
    from alibabacloud_ims20190815 import models

    found = _find(clients, wanted)
    if found is not None:
        with absent():
            clients.ims.delete_application(models.DeleteApplicationRequest(app_id=found["app_id"]))


OAUTH_APPLICATION = Kind(
    name="OAuthApplication",
    key=("name",),
    fields=("app_type", "redirect_uris", "scopes"),
    find=_find,
    create=_create,
    update=_update,
    delete=_delete,
    fixed=frozenset({"app_type"}),
    unordered=frozenset({"redirect_uris", "scopes"}),
    outputs=("app_id",),
    check=lambda wanted: (
        *names(wanted, "name"),
        *one_of(wanted, "app_type", APP_TYPES),
        *addresses(wanted, "redirect_uris"),
        *filled(wanted, "scopes"),
    ),
    marked=False,
)
