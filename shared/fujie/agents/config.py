"""How an agent is served, and what it says of itself."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from fujie.errors import SettingsError
from fujie.secret import Secret

MAX_BODY_BYTES = 1024 * 1024


class AgentMetadata(Struct, frozen=True):
    """What `/metadata`, the agent card and the list of models say."""

    name: str
    version: str = "0.1.0"
    description: str = ""
    author: str = ""
    tags: Sequence[str] = ()


class TokenIssuer(Struct, frozen=True):
    """An issuer whose id_tokens (JWT) open the door, when they are meant for this audience."""

    issuer: str
    """Its URL; the discovery document below it names its keys."""
    audience: str


class AgentConfig(Struct, frozen=True):
    """Where an agent listens, whom it lets in, and its limits. Nobody is let in unless a way in is named."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    """Scheme and host under which callers reach it; empty when only the request tells."""

    issuers: Sequence[TokenIssuer] = ()
    """Callers with a bearer token of one of these are let in as the token's subject."""
    api_keys: Sequence[str] = ()
    """SHA-256 (hex) of the keys that are let in, each as a user of its own: `Authorization: Bearer` or `X-API-Key`."""
    open_access: Literal["loopback", "anywhere"] | bool = False
    """Let everybody in as one user; `True` means "loopback", where only callers on this machine are let in."""
    cors_origins: Sequence[str] = ()
    """Browser origins that may call; never with credentials of theirs."""
    rate_limit_per_minute: int = 0
    """Requests that each user may begin in a minute; 0 for no limit."""

    timeout_s: float = 570.0
    """The longest that one run may take; below the ten minutes that Function Compute gives a request."""
    max_body_bytes: int = MAX_BODY_BYTES
    max_open_requests: int = 1024
    webhook_hosts: Sequence[str] = ()
    """Hosts that may be told of a task's end, over https (or http on this machine); nobody else can be named."""
    shutdown_s: float = 5.0
    """How long open answers may go on after SIGTERM; what is not done then is canceled, and said so in order."""
    card_key: Secret | None = None
    """Private key (a JWK, EC P-256, as JSON) that signs the A2A agent card; without one it is not signed."""
    database_url: str = ""
    """Where runs are kept; empty keeps nothing."""

    def __post_init__(self) -> None:
        """Raise SettingsError for what cannot be, which would show only later, or never."""
        if self.open_access not in (False, True, "loopback", "anywhere"):
            raise SettingsError(f"open_access is {self.open_access!r}", repair='say True, "loopback" or "anywhere"')
        if not isinstance(self.port, int) or not 0 <= self.port < 65536:
            raise SettingsError(f"port is {self.port!r}", repair="give a number up to 65535")
        for name in ("timeout_s", "shutdown_s"):
            if not isinstance(seconds := getattr(self, name), int | float) or seconds < 0:
                raise SettingsError(f"{name} is {seconds!r}", repair="give a number of seconds")
        for name in ("issuers", "api_keys", "cors_origins", "webhook_hosts"):
            if isinstance(given := getattr(self, name), str):
                raise SettingsError(f"{name} is the text {given!r}", repair=f"give a list: [{given!r}]")
