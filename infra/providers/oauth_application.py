"""Applications of Alibaba Cloud sign-in, through the official IMS client."""

from dataclasses import dataclass
from typing import Any

from infra.declaration import OAuthApplication
from infra.providers.clients import CloudClients


@dataclass(frozen=True)
class OAuthApplicationState:
    """What the cloud gave: the application id is the OAuth client id and the audience of id_tokens."""

    app_id: str


def find(clients: CloudClients, application: OAuthApplication) -> Any | None:
    """Return the application of that name, as the cloud lists it."""
    listed = clients.ims.list_applications().body.applications
    return next((app for app in listed.application or () if app.app_name == application.name), None)


def create(clients: CloudClients, application: OAuthApplication) -> OAuthApplicationState:
    """Create the application with protocol 2.1: PKCE is compulsory, a native application has no secret."""
    from alibabacloud_ims20190815 import models

    scopes = ";".join(application.scopes)
    request = models.CreateApplicationRequest(
        app_name=application.name,
        display_name=application.name[:24],
        app_type=application.app_type,
        predefined_scopes=scopes,
        required_scopes=scopes,
        redirect_uris=";".join(application.redirect_uris),
        protocol_version="2.1",
        secret_required=False,
    )
    return OAuthApplicationState(str(clients.ims.create_application(request).body.application.app_id))


def ensure(clients: CloudClients, application: OAuthApplication) -> OAuthApplicationState:
    """Return the application, created if it was not there, with its redirect addresses as declared."""
    found = find(clients, application)
    if found is None:
        return create(clients, application)
    if set(found.redirect_uris.redirect_uri or ()) != set(application.redirect_uris):
        _update(clients, found.app_id, application)
    return OAuthApplicationState(str(found.app_id))


def _update(clients: CloudClients, app_id: str, application: OAuthApplication) -> None:
    from alibabacloud_ims20190815 import models

    clients.ims.update_application(
        models.UpdateApplicationRequest(app_id=app_id, new_redirect_uris=";".join(application.redirect_uris))
    )
