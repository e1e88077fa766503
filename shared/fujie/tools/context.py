"""What a tool is given: for whom it acts, and clients that already carry the credential."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fujie.identity.rows import User
from fujie.permission import CredentialBadge
from fujie.tools.errors import ToolMisconfiguredError

if TYPE_CHECKING:
    import httpx2

    from fujie.objects.port import ObjectStore


@dataclass(frozen=True)
class ToolContext:
    """The first argument of every tool. It holds no credential, only clients that send one."""

    user: User
    language: str
    """`zh` or `en`."""
    http: "httpx2.AsyncClient"
    """Reaches the tool's declared hosts and no other, with the credential; follows no redirect."""
    objects: "ObjectStore | None" = None
    """The stack's bucket, narrowed to the declared resources; only for tools with an STS credential."""
    bucket: str = ""
    mcp_server: str = ""
    access: CredentialBadge | None = None
    """Which credential the clients carry."""

    @property
    def files(self) -> "ObjectStore":
        """The object store; raises ToolMisconfiguredError when the tool declares no STS credential."""
        if self.objects is None:
            raise ToolMisconfiguredError("the tool has no object store", repair="declare credential=STS(...)")
        return self.objects
