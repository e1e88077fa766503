"""The applications of Alibaba Cloud sign-in: the stack's own, and those through which it acts for people there."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from infra.components.component import Part
from infra.declaration import OAuthApplication as Declared
from infra.properties import oauth_application
from infra.providers.resources import OAuthApplication


@dataclass(frozen=True)
class SignInArgs:
    """The applications."""

    applications: Sequence[Declared]


class SignIn(Part):
    """The applications; `app_ids` maps a name to its OAuth client id."""

    def __init__(self, name: str, args: SignInArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.app_ids: dict[str, Output[str]] = {
            app.name: OAuthApplication(app.name, oauth_application(app), self.inside()).app_id
            for app in args.applications
        }
        self.register_outputs({"app_ids": self.app_ids})
