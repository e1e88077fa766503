import pytest

from fujie.identity.claims import IdTokenVerifier
from fujie.identity.consent import ConsentDesk
from fujie.identity.delegation import Opener, Sealer
from fujie.identity.keys import new_sealing_key
from fujie.identity.outbound import CredentialBroker
from fujie.identity.signin import SignIn
from fujie.sessions.memory import MemoryStore
from tests.identity.world import CLIENT_ID, ISSUER, KEY, SETTINGS, DataPlaneDouble, Issuer, MovedClock

_SEALING = new_sealing_key()


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
async def issuer_http(issuer):
    async with issuer.client() as http:
        yield http


@pytest.fixture
def verifier(issuer_http, clock):
    return IdTokenVerifier(issuer_http, ISSUER, CLIENT_ID, now=clock)


@pytest.fixture
def sealer():
    return Sealer(_SEALING[1])


@pytest.fixture
def opener():
    return Opener(_SEALING[0])


@pytest.fixture
def sign_in(issuer_http, store, verifier, sealer, clock):
    return SignIn(SETTINGS, issuer_http, store, verifier, sealer, now=clock)


@pytest.fixture
def cloud(clock):
    return DataPlaneDouble(clock)


@pytest.fixture
async def cloud_http(cloud):
    async with cloud.client() as http:
        yield http


@pytest.fixture
def desk(store, clock):
    return ConsentDesk(SETTINGS, store, now=clock)


@pytest.fixture
def broker(cloud_http, store, desk, clock):
    return CredentialBroker(SETTINGS, cloud_http, store, desk, lambda: KEY, now=clock)
