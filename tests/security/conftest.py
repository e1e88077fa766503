from tests.identity.conftest import (  # noqa: F401  the same world, seen by an attacker
    broker,
    clock,
    cloud,
    cloud_http,
    desk,
    issuer,
    issuer_http,
    opener,
    sealer,
    sign_in,
    store,
    verifier,
)
