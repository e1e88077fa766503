"""One consent on its way: from the authorization URL to the code that waits for its user.

    started -> opened (browser sent to the provider) -> returned (code here) -> redeeming -> completed
    any of them -> failed (denied, provider error, token endpoint failed)

A session ends ten minutes after its start, whatever it has reached.
"""

import hashlib
import secrets
import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from fujie_emulator.agentidentitydata.errors import bad_session
from fujie_emulator.agentidentitydata.wat import SERVICE, WorkloadAccess

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

URN = "urn:ietf:params:oauth:request_uri:"
LIFETIME_S = 600
_KEPT_AFTER_END_S = 3600  # a late poll still hears how it ended
Status = Literal["started", "opened", "returned", "redeeming", "completed", "failed"]


@dataclass(frozen=True)
class Session:
    """What is remembered of one authorization request; `owner` is the key of the user it was started for."""

    id: str
    identity: str
    owner: str
    provider: str
    scopes: tuple[str, ...]
    return_url: str
    custom_state: str
    custom_parameters: dict[str, str]
    expires_at: float
    status: Status = "started"
    state_sha256: str = ""
    verifier: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    granted: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        return URN + self.id

    @property
    def wire_status(self) -> str:
        return {"completed": "COMPLETED", "failed": "FAILED"}.get(self.status, "IN_PROGRESS")


@dataclass(frozen=True)
class Asked:
    """What a caller wants consent for."""

    provider: str
    scopes: tuple[str, ...]
    return_url: str = ""
    custom_state: str = ""
    custom_parameters: dict[str, str] = field(default_factory=dict)


def start(cloud: "Cloud", access: WorkloadAccess, asked: Asked) -> Session:
    """Begin a session for the user of `access`."""
    session = Session(
        id=str(uuid.uuid4()),
        identity=access.identity,
        owner=access.required_user().key,
        expires_at=cloud.clock.time() + LIFETIME_S,
        provider=asked.provider,
        scopes=asked.scopes,
        return_url=asked.return_url,
        custom_state=asked.custom_state,
        custom_parameters=asked.custom_parameters,
    )
    with cloud.store.transaction():
        _forget_ended(cloud)
        _put(cloud, session)
    return session


def find(cloud: "Cloud", uri: str) -> Session:
    """Return the session of that URI, ended or not; else raise InvalidParameter.SessionURI."""
    doc = cloud.store.get(SERVICE, "session", uri.removeprefix(URN)) if uri.startswith(URN) else None
    if doc is None:
        raise bad_session()
    return _expired_is_failed(cloud, _session(doc))


def open_link(cloud: "Cloud", uri: str) -> tuple[Session, str]:
    """Spend the authorization URL, once; return the session and the fresh `state` to send to the provider."""
    state = secrets.token_urlsafe(32)
    with cloud.store.transaction():
        session = _in_status(cloud, uri, "started")
        opened = replace(session, status="opened", state_sha256=_sha256(state), verifier=secrets.token_urlsafe(48))
        cloud.store.put(SERVICE, "state", opened.state_sha256, {"session": session.id})
        _put(cloud, opened)
    return opened, state


def take_return(cloud: "Cloud", state: str, *, provider: str, code: str) -> Session:
    """Spend the provider's `state`, once; keep the code, or fail the session when there is none."""
    with cloud.store.transaction():
        doc = cloud.store.get(SERVICE, "state", _sha256(state))
        if doc is None:
            raise bad_session()
        session = _in_status(cloud, URN + doc["session"], "opened")
        if session.provider != provider:
            raise bad_session()
        cloud.store.delete(SERVICE, "state", _sha256(state))
        returned = replace(session, status="returned", code=code) if code else _failed(session)
        _put(cloud, returned)
    return returned


def take_code(cloud: "Cloud", uri: str) -> Session:
    """Spend the session, once: whoever gets it redeems its code."""
    with cloud.store.transaction():
        session = _in_status(cloud, uri, "returned")
        _put(cloud, replace(session, status="redeeming", code="", verifier=""))
    return session


def complete(cloud: "Cloud", session: Session, granted: tuple[str, ...]) -> None:
    """Note that the token is in the vault."""
    _put(cloud, replace(_failed(session), status="completed", granted=granted))


def fail(cloud: "Cloud", session: Session) -> None:
    """Note that nothing will come of it."""
    _put(cloud, _failed(session))


def _failed(session: Session) -> Session:
    return replace(session, status="failed", code="", verifier="")


def _in_status(cloud: "Cloud", uri: str, status: Status) -> Session:
    session = find(cloud, uri)
    if session.status != status:
        raise bad_session()
    return session


def _expired_is_failed(cloud: "Cloud", session: Session) -> Session:
    if session.status == "completed" or session.expires_at > cloud.clock.time():
        return session
    return _failed(session)


def _forget_ended(cloud: "Cloud") -> None:
    oldest = cloud.clock.time() - _KEPT_AFTER_END_S
    for key, doc in cloud.store.list(SERVICE, "session"):
        if doc["expires_at"] < oldest:
            cloud.store.delete(SERVICE, "session", key)
            cloud.store.delete(SERVICE, "state", doc["state_sha256"])


def _put(cloud: "Cloud", session: Session) -> None:
    cloud.store.put(SERVICE, "session", session.id, asdict(session))


def _session(doc: dict[str, object]) -> Session:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in doc.items()}
    return Session(**fields)  # type: ignore[arg-type]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
