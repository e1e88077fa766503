"""The applications of Alibaba Cloud sign-in: the stack's own, and those through which it acts for people there."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import OAuthApplication as Declared
from infra.properties import oauth_application
from infra.providers.application_secret import OAuthApplicationSecret
from infra.providers.resources import OAuthApplication


@dataclass(frozen=True)
class SignInArgs:
    """The applications, and which generation of secrets those on the web have."""

    applications: Sequence[Declared]
    generation: int


class SignIn(Part):
    """The applications: `app_ids` are their OAuth client ids by name, `secrets` those of the web applications."""

    def __init__(self, name: str, args: SignInArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.app_ids: dict[str, Output[str]] = {
            app.name: OAuthApplication(app.name, oauth_application(app), self.inside()).app_id
            for app in args.applications
        }
        self.secrets: dict[str, Output[str]] = {
            app.name: OAuthApplicationSecret(
                f"{app.name}-secret", self.app_ids[app.name], args.generation, self.inside()
            ).value
            for app in args.applications
            if app.app_type == "WebApp"
        }
        self.register_outputs({"app_ids": self.app_ids})
