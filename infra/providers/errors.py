"""How making a resource fails.

FujieError
├── CloudRefusal     the cloud said no: its code and sentence, without anything secret
└── NotOurs          there is a resource of that name that another stack, or a person, made
"""

from fujie.errors import FujieError


class CloudRefusal(FujieError):
    """The cloud refused a call."""

    code = "cloud_refused"


class NotOurs(FujieError):
    """A resource of that name exists and does not bear this stack's mark."""

    code = "not_ours"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"there is a {kind} {name!r} already, and this stack did not make it",
            repair=f"choose another stack name, delete it, or take it over: pulumi config set --path 'adopt[0]' {name}",
        )
