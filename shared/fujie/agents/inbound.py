"""Who may ask: a request's headers to a Principal."""

from collections.abc import Mapping
from typing import Protocol

from fujie.agents.port import Principal


class Inbound(Protocol):
    """The door of an agent. A user id comes from verified claims, never from a header or a body."""

    async def admit(self, headers: Mapping[str, str]) -> Principal:
        """Return who asks; names of headers are lower case. Raises IdentityError (401, 403)."""

    async def only_verify(self, headers: Mapping[str, str]) -> None:
        """Admit whom `admit` admits, to what needs nobody's delegation: nothing is sealed or kept."""
