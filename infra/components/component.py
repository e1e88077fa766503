"""What all components have in common."""

from pulumi import ComponentResource, ResourceOptions


class Part(ComponentResource):
    """A component of ours: its type token is `fujie:infra:` and its class."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"fujie:infra:{type(self).__name__}", name, None, opts)

    def inside(self) -> ResourceOptions:
        """Return the options of a child."""
        return ResourceOptions(parent=self)
