"""One agent behind the protocols' routes twice: with runs that a store keeps, and with runs that nothing keeps."""

from dataclasses import dataclass

import httpx2

from fujie.agents.config import AgentMetadata
from fujie.agents.port import Principal, Runs
from fujie.agents.runs import RunService
from fujie.agents.serving.served import Served
from fujie.agents.serving.server import Server
from fujie.agents.transient import TransientRuns
from fujie.identity.errors import TokenInvalidError
from fujie.sessions.memory import MemoryStore
from tests.agents.doubles import ALICE, BOB, FakeTools
from tests.contract.runtime_world import EventMind

PEOPLE = {"Bearer alice": ALICE, "Bearer bob": BOB}


class Doorman:
    """An inbound that knows two people by their tokens."""

    async def admit(self, headers):
        if user := PEOPLE.get(headers.get("authorization", "")):
            return Principal(user, "dlg")
        raise TokenInvalidError("a bearer token is needed")

    async def only_verify(self, headers):
        await self.admit(headers)


@dataclass
class World:
    runs: Runs
    mind: EventMind

    def __post_init__(self):
        self.app = Server(Served(self.runs, Doorman(), AgentMetadata("Fujie")))
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://agent")

    async def post(self, path, body, who="alice", **headers):
        headers = {"authorization": f"Bearer {who}", **headers}
        if isinstance(body, bytes):
            return await self.client.post(path, content=body, headers=headers)
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path, who="alice", **headers):
        return await self.client.get(path, headers={"authorization": f"Bearer {who}", **headers})


def durable(*script):
    mind = EventMind(*script)
    return World(RunService(MemoryStore(), mind, FakeTools(), agent="Fujie"), mind)


def transient(*script):
    mind = EventMind(*script)
    return World(TransientRuns(mind, agent="Fujie", timeout_s=10.0), mind)


BOTH = [durable, transient]
