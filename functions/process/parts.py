"""What process is made of: built once at start, handed to the app."""

from dataclasses import dataclass

import httpx2
from msgspec.structs import replace

from fujie.agents.app import AgentApp
from fujie.agents.loading import agent_from_file
from fujie.agents.making import runner_for
from fujie.agents.pushes.late import LatePushes
from fujie.agents.runs import RunService
from fujie.agents.serving.served import Served
from fujie.agents.tool_client import ToolClient, Tools
from fujie.agents.work import Work
from fujie.errors import SettingsError
from fujie.http import http_client
from fujie.identity.claims import IdTokenVerifier
from fujie.identity.delegation import Sealer
from fujie.identity.internal import InternalMinter, InternalVerifier
from fujie.secret import Secret
from fujie.sessions.opening import store_from_settings
from fujie.sessions.port import Store
from fujie.settings import Settings
from functions.process.door import Door

SHIPPED = AgentApp(
    app_name="Fujie",
    app_description="Acts for you with your permission: weather, time, files, schedule, documents, cloud servers.",
)
REQUIRED = ("tool_url", "oidc_issuer", "oidc_client_id", "sealing_public_key", "internal_public_keys")


@dataclass(frozen=True)
class Parts:
    """The collaborators of process's handlers."""

    store: Store
    http: httpx2.AsyncClient
    runs: RunService
    door: Door
    agent: AgentApp = SHIPPED
    public_url: str = ""
    issuer: str = ""
    pushes: LatePushes | None = None
    card_key: Secret | None = None
    tools: Tools | None = None
    database_url: str = ""

    async def migrate(self) -> None:
        """Bring the store to the migration of this code, once however many ask; raises StoreUnavailableError."""
        from fujie.sessions.migrate import migrate

        await migrate(self.database_url)

    def served(self) -> Served:
        """Return the agent as the protocols' routes know it."""
        config = replace(self.agent.config, open_access=False)
        issuers = (self.issuer,) if self.issuer else ()
        return Served(
            self.runs,
            self.door,
            self.agent.metadata,
            config,
            self.agent,
            public_url=self.public_url,
            issuers=issuers,
            pushes=self.pushes,
            card_key=self.card_key,
            tools=self.tools,
            work=Work(timeout_s=config.timeout_s),
        )


def parts_from_settings(settings: Settings) -> Parts:
    """Return process's collaborators; raises SettingsError, naming it, when a setting is missing."""
    for name in REQUIRED:
        if not getattr(settings, name):
            raise SettingsError(f"process needs the setting {name}", repair=f"set FUJIE_{name.upper()}")
    if settings.internal_signing_key is None:
        raise SettingsError("process cannot call its tools", repair="set FUJIE_INTERNAL_SIGNING_KEY")
    http, store = http_client(), store_from_settings(settings)
    agent = agent_from_file(settings.agent) if settings.agent else SHIPPED
    tools = ToolClient(http, settings.tool_url, InternalMinter("process", settings.internal_signing_key))
    public_url = settings.public_url.rstrip("/")
    pushes = LatePushes(public_url, store, settings.internal_signing_key)
    runs = RunService(store, runner_for(agent, settings.llm), tools, agent=agent.app_name, changed=pushes.changed)
    return Parts(
        store,
        http,
        runs,
        _door(settings, http, store),
        agent,
        public_url,
        settings.oidc_issuer,
        pushes,
        settings.card_key,
        tools,
        settings.database_url,
    )


def _door(settings: Settings, http: httpx2.AsyncClient, store: Store) -> Door:
    keys = settings.internal_public_keys
    return Door(
        store,
        from_chat=InternalVerifier("process", keys, {"chat"}),
        from_wakers=InternalVerifier("process", keys, {"callback", "chat"}),
        id_tokens=IdTokenVerifier(http, settings.oidc_issuer, settings.oidc_client_id),
        sealer=Sealer(settings.sealing_public_key),
        tenant=settings.tenant,
    )
